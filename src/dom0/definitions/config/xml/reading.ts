/** What libvirt's XML says, on its way to settings of xl: what it sets, what is wrong with it, and what of it does nothing here. */
import { nearest } from '../nearest.ts';
import { ignored, type Judged, wrong } from '../options.ts';
import type { ElementRule, ValueRule } from '../libvirt-schema.ts';
import type { Source } from '../source.ts';
import { dashed } from '../values.ts';
import { type Position, shortened, type Value } from '../xlcfg.ts';
import { type DomainType, domainType } from './kinds/index.ts';
import { type Element, tag } from './tree.ts';

/** Names that are compared with all that libvirt has. */
const MOST_GUESSES = 100;

export const notHere = (what: string): Judged => ignored('not here', what);

/** What a whole number from `least` on is missing; undefined: nothing, or none is wanted. */
export function numberProblem(text: string, least: number | undefined): string | undefined {
  if (least === undefined) return undefined;
  if (!/^-?(\d{1,18}|0x[0-9a-f]{1,16})$/i.test(text)) return 'a whole number';
  return Number(text) < least ? `a whole number from ${least} on` : undefined;
}
export const isNumber = (text: string): boolean => /^\d{1,15}$/.test(text);

export class XmlReading {
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  /** `said`: as its author wrote it. */
  set(
    key: string,
    { line, column }: Position,
    text: string,
    kind: 'string' | 'number' = 'string',
    said?: string,
  ): void {
    this.source.settings.push({
      key,
      append: false,
      value: { kind, text, line, column, ...(said === undefined ? {} : { origin: { said } }) },
      line,
      column,
    });
  }

  /** Of its kind; undefined: libvirt has it for other hypervisors. */
  setType(domain: Element): DomainType | undefined {
    const known = domainType(domain.attributes.type);
    if (known?.key) this.set(known.key, domain.places.type, '1', 'number', tag(domain, 'type'));
    return known;
  }

  /** That of Xen, as long as no other one is set. */
  get type(): DomainType {
    return domainType(this.source.settings.find(({ key }) => domainType(key))?.key)!;
  }

  list(key: string, items: Value[]): void {
    if (items.length === 0) return;
    const [{ line, column }] = items;
    this.source.settings.push({ key, append: false, value: { kind: 'list', items, line, column }, line, column });
  }

  text(key: string, element: Element): void {
    if (element.text !== '' || key === 'name')
      this.set(key, element, key === 'uuid' ? dashed(element.text) : element.text, 'string', tag(element));
  }

  problem({ line, column }: Position, text: string): void {
    this.source.problems.push({ line, column, text });
  }

  /** Where something was said already. */
  private readonly said = new Set<string>();

  /** It is well formed, and would not be what it asks for: it does not start. Nothing else is said of it. */
  refusal({ line, column }: Position, key: string, text: string): void {
    this.said.add(`${line} ${column}`);
    this.source.remarks?.push({
      line,
      column,
      key: shortened(key),
      ...wrong('not here, and somebody may rely on it', text),
      refusesStart: true,
    });
  }

  /** A remark where there is none yet. */
  unsaid(at: Position, key: string, judged: Judged): void {
    if (!this.said.has(`${at.line} ${at.column}`)) this.remark(at, key, judged);
  }

  remark({ line, column }: Position, key: string, judged: Judged): void {
    const place = `${line} ${column}`;
    if (this.said.has(place) && judged.verdict === 'ignored') return;
    this.said.add(place);
    this.source.remarks?.push({ line, column, key: shortened(key), ...judged });
  }

  /** A text that is none of a closed set. */
  word(element: Element, text: string, value: string, words: readonly string[]): void {
    const near = nearest(value, words);
    this.problem(element, `${text} The values are ${words.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`);
  }

  attribute(element: Element, name: string, value: string, { words, isLoose, from }: ValueRule): void {
    const at = element.places[name] ?? element;
    const why = numberProblem(value, from);
    if (why)
      this.problem(
        at,
        `Invalid value for attribute '${name}' in element '${element.name}': '${shortened(value)}'. Write ${why}.`,
      );
    if (!words || words.includes(value)) return;
    const near = nearest(value, words);
    const text = `Invalid value for attribute '${name}' in element '${element.name}': '${shortened(value)}'. The values are ${words.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`;
    if (isLoose)
      this.remark(at, `${element.name}.${name}`, {
        ...ignored(near ? `did you mean ${near}?` : 'none of the values', `${text} libvirt goes on without it here.`),
        warns: true,
      });
    else this.source.problems.push({ ...at, text, ...(near ? { remedy: { write: `'${near}'` } } : {}) });
  }

  /** An attribute that sets nothing, since libvirt has none of its name here. */
  strange(element: Element, name: string, rule: ElementRule): void {
    const near = this.nearest(
      name,
      [...rule.attributes.keys()].filter(known => element.attributes[known] === undefined),
    );
    this.remark(element.places[name] ?? element, `${element.name}.${name}`, {
      ...ignored(
        near ? `unknown; did you mean ${near}?` : 'no attribute of libvirt',
        `<${shortened(element.name)}> has no attribute ${shortened(name)} that libvirt knows.${near ? ` Did you mean ${near}?` : ''} Nothing looks at it, as with libvirt.`,
      ),
      ...(near ? { warns: true } : {}),
    });
  }

  /** An element that sets nothing: known to libvirt, or misspelled. */
  other(element: Element, known: Record<string, Judged>, used: string[]): void {
    const { name } = element;
    if (Object.hasOwn(known, name)) return this.remark(element, name, known[name]);
    // Elements of other name spaces are their tools' own.
    if (name.includes(':'))
      return this.remark(
        element,
        name,
        ignored('of another name space', `<${shortened(name)}> is for another hypervisor or tool.`),
      );
    const near = this.nearest(name, [...used, ...Object.keys(known)]);
    const text = `<${shortened(name)}> is no element that libvirt has here.${near ? ` Did you mean <${near}>?` : ''} Nothing looks at it, as with libvirt.`;
    this.remark(element, name, {
      ...ignored(near ? `unknown; did you mean <${near}>?` : 'no element of libvirt', text),
      ...(near ? { warns: true } : {}),
    });
  }

  /** Only some of a definition's mistakes are reported with what was meant. */
  nearest(name: string, known: readonly string[]): string | undefined {
    return this.source.problems.length + (this.source.remarks?.length ?? 0) < MOST_GUESSES
      ? nearest(name, known)
      : undefined;
  }
}
