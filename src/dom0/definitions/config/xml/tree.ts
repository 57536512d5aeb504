/** XML as a tree whose elements know their positions. There are no entities but XML's five, no document type, and bounds for size and depth. */
import { SaxesParser } from 'saxes';
import { MOST_NESTING, type Position, shortened } from '../xlcfg.ts';

export interface Element extends Position {
  name: string;
  attributes: Readonly<Record<string, string>>;
  /** Where their values are: at the quote, as those of xl.cfg. */
  places: Record<string, Position>;
  children: Element[];
  /** Its text, without white space around. */
  text: string;
}

/** What cannot be read, and where; `within`: the innermost element that was open there. */
export class Wrong extends Error {
  readonly at: Position;
  readonly within: Pick<Element, 'name' | 'line'> | undefined;

  constructor(at: Position, text: string, within?: Pick<Element, 'name' | 'line'>) {
    super(text);
    this.at = at;
    this.within = within;
  }
}

/** The outermost element; undefined: there is none. @throws Wrong */
export function parse(text: string): Element | undefined {
  const parser = new SaxesParser({ position: true });
  const open: (Element & { parts: string[] })[] = [];
  let root: Element | undefined, closed: Element | undefined;
  const here = (): Position => ({ line: parser.line, column: Math.max(1, parser.column) });
  parser.on('error', error => {
    throw new Wrong(
      here(),
      `This is no XML: ${shortened(error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, ''))}.`,
      // Of one whose end is another's it has found the end already.
      /unexpected close/.test(error.message) ? closed : open.at(-1),
    );
  });
  parser.on('doctype', () => {
    throw new Wrong(here(), 'A document type and its entities are not read. Take <!DOCTYPE …> out.');
  });
  parser.on('opentagstart', ({ name }) => {
    const at = { line: parser.line, column: Math.max(1, parser.column - name.length - 1) };
    if (open.length >= MOST_NESTING)
      throw new Wrong(at, `Elements are nested here more than ${MOST_NESTING} deep, and no definition has that.`);
    open.push({ name, attributes: {}, places: {}, children: [], text: '', parts: [], ...at });
  });
  // It has read the closing quote, and a value has no such quote within.
  parser.on('attribute', ({ name }) => {
    const end = parser.position - 1;
    const start = text.lastIndexOf(text[end], end - 1),
      newlines = text.slice(start, end).split('\n').length - 1;
    const column = newlines === 0 ? parser.columnIndex - (end - start) : start - text.lastIndexOf('\n', start);
    open.at(-1)!.places[name] = { line: parser.line - newlines, column };
  });
  parser.on('opentag', ({ attributes }) => {
    open.at(-1)!.attributes = attributes as Record<string, string>;
  });
  const take = (part: string): void => void open.at(-1)?.parts.push(part);
  parser.on('text', take);
  parser.on('cdata', take);
  parser.on('closetag', () => {
    const { parts, ...element } = open.pop()!;
    element.text = parts.join('').trim();
    closed = element;
    const parent = open.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
  });
  parser.write(text).close();
  return root;
}

/** An element as messages repeat it: with the attribute that they are about, or its text. */
export const tag = ({ name, attributes, text }: Element, attribute?: string): string => {
  if (attribute !== undefined) return `<${name} ${attribute}='${shortened(attributes[attribute] ?? '')}'>`;
  return text === '' ? `<${name}/>` : `<${name}>${shortened(text)}</${name}>`;
};
export const childOf = (element: Element | undefined, name: string): Element | undefined =>
  element?.children.find(child => child.name === name);

/** virScaleInteger(): letters of either case; KB is 1000 bytes, and K and KiB are 1024. undefined: it is no unit. */
export function scaleOf(unit: string): number | undefined {
  if (unit === '') return 1024;
  if (/^(b|bytes)$/i.test(unit)) return 1;
  const [, letter, rest] = /^([kmgtpe])(|b|ib)$/i.exec(unit) ?? [];
  return letter === undefined
    ? undefined
    : (rest.toLowerCase() === 'b' ? 1000 : 1024) ** ('kmgtpe'.indexOf(letter.toLowerCase()) + 1);
}
