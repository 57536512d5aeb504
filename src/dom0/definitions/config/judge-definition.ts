/**
 * What a definition means here: one verdict for every key, and the domain that comes of it. The rules are in `keys/`.
 * Meanings and defaults: xl.cfg(5) of Xen 4.17 and xen/tools/xl/xl_parse.c.
 */
import { typeOf } from '../../../hypervisor/kinds/index.ts';
import type { Finding, Verdict } from '../verdicts.ts';
import { type Definition, newDefinition } from './definition.ts';
import { ofKind } from './keys/kvm.ts';
import { verdicts } from './keys/verdicts-part.ts';
import { KEYS } from './keys.ts';
import { nearest } from './nearest.ts';
import { ignored, type Judged, wrong } from './options.ts';
import { type Asked, asItIs, type Context, type Family, type KeyRule, TOLD } from './rule.ts';
import { join, kindProblem, said, toNumber } from './values.ts';
import { type Language, languageOf, readDefinition } from './source.ts';
import { type Atom, type Position, type Setting, shortened, type Value } from './xlcfg.ts';

export type { Action, DefinedDisk, Definition } from './definition.ts';

export interface Judgement {
  /** Complete only when no finding is an error. */
  definition: Definition;
  findings: Finding[];
  /** The text is neither xl.cfg nor Python: settings cannot be put behind it. */
  isForeign: boolean;
  /** Where the value of each key is, and how its author wrote it, for errors that are found later. */
  valueAt: ReadonlyMap<string, Position & { said: string }>;
  /** How the text's language writes settings. */
  language: Language;
  /** The settings that count, of keys that there are. */
  settings: ReadonlyMap<string, Value>;
}

/** Of what a text may have any number, this many are reported one by one: unknown keys, keys set again, lines that make no sense, disks, cards. */
const MOST_TOLD = 100;
/** A finding quotes so much of its line. */
const MOST_QUOTED = 400;
/** What a finding says. */
type Said = Omit<Judged, 'verdict'> & { verdict: Verdict };
const BEGINNING: Position = { line: 1, column: 1 };

/** Verdicts that keep a domain from being created. */
export function isError(finding: Finding): boolean {
  return finding.verdict === 'error' || finding.verdict === 'missing';
}

/** Verdicts for which a text is no definition that could be kept. */
export const isFault = (finding: Finding): boolean => isError(finding) && !finding.refusesStart;

/** As a compiler prints it: FILE:LINE:COLUMN: text. */
export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}:${finding.column}: ${finding.text}`;
}

/** `optionsFrom`: the line from which on the text is of options given next to the file (Infinity: none). `rules`: the keys that there are. */
export function judgeDefinition(file: string, source: string, optionsFrom = Infinity, rules: Family = KEYS): Judgement {
  return new Judge(file, source, optionsFrom, rules).judge();
}

class Judge {
  /** What rules may look at. */
  private readonly context: Context = {
    definition: newDefinition(),
    has: key => this.values.has(key),
    textOf: key => {
      const value = this.values.get(key)?.value;
      return value && value.kind !== 'list' ? value.text : undefined;
    },
    numberOf: key => {
      const value = this.values.get(key)?.value;
      return value && toNumber(value);
    },
    mentions: key => {
      const line = new RegExp(`^\\s*[<(]?${key}\\b`, 'i');
      return this.settings.some(setting => setting.key === key) || this.lines.some(text => line.test(text));
    },
    placeOf: (...keys) => keys.map(key => this.values.get(key)).find(setting => setting !== undefined) ?? BEGINNING,
    tell: (at, key, judged) => this.reportOneOfMany(at, key, judged.verdict, () => judged),
    tellOptions: (key, item, remarks) => {
      for (const { name, offset, ...judged } of remarks) {
        const parts = item.origin?.parts;
        const part = parts && Object.hasOwn(parts, name) ? parts[name] : undefined;
        const judgedItem = (): Judged =>
          judged.verdict === 'error' ? { ...judged, text: `${part?.said ?? said(key, item)}: ${judged.text}` } : judged;
        this.reportOneOfMany(
          part ?? (item.origin ? item : this.inside(item, offset)),
          `${key}.${shortened(name)}`,
          judged.verdict,
          judgedItem,
        );
      }
    },
    write: (key, value) => this.language.write(key, value),
  };
  private readonly file: string;
  private readonly rules: Family;
  private readonly lines: string[];
  private readonly settings: Setting[];
  private readonly findings: Finding[] = [];
  /** The setting that counts for each key, with += applied. */
  private readonly values = new Map<string, Setting>();
  private readonly optionsFrom: number;
  private readonly unread: boolean;
  private readonly isForeign: boolean;
  private readonly language: Language;
  /** Findings of which a text may have any number: the number reported so far, and the first and the number of each kind that were not. */
  private reported = 0;
  private readonly untold = new Map<Verdict, { at: Position; count: number }>();

  constructor(file: string, source: string, optionsFrom: number, rules: Family) {
    const parsed = readDefinition(source);
    this.file = file;
    this.rules = rules;
    this.optionsFrom = optionsFrom;
    this.lines = parsed.lines;
    this.isForeign = parsed.isForeign ?? false;
    this.unread = parsed.unread ?? parsed.lines.length === 0;
    this.settings = parsed.settings;
    this.language = languageOf(parsed);
    for (const { text, remedy, ...at } of parsed.problems)
      this.reportOneOfMany(at, '', 'error', () => wrong('not understood', text, remedy));
    for (const { key, line, column, ...judged } of parsed.remarks ?? [])
      this.reportOneOfMany({ line, column }, key, judged.verdict, () => judged);
  }

  judge(): Judgement {
    for (const setting of this.settings) this.collect(setting);
    // Where nothing was read there is nothing else to say.
    if (!this.unread) for (const [key, rule] of Object.entries(this.rules)) this.judgeKey(key, rule);
    for (const [verdict, { at, count }] of this.untold) {
      const what = verdict === 'error' ? 'errors' : `verdicts (${verdict})`;
      this.report(at, '', {
        verdict,
        short: `${count} more`,
        text: `${count} more ${what} from here on are not listed one by one.`,
      });
    }
    this.findings.sort((a, b) => a.line - b.line || a.column - b.column);
    const valueAt = new Map(
      [...this.values].map(([key, { value }]) => [
        key,
        { line: value.line, column: value.column, said: said(key, value) },
      ]),
    );
    const settings = new Map([...this.values].map(([key, { value }]) => [key, value]));
    return {
      definition: this.context.definition,
      findings: this.findings,
      isForeign: this.isForeign,
      valueAt,
      language: this.language,
      settings,
    };
  }

  private judgeKey(key: string, rule: KeyRule): void {
    const setting = this.values.get(key);
    if (!setting) return rule.absent?.(this.context);
    const { value } = setting;
    const { definition } = this.context;
    if (rule.guests && !rule.guests.includes(typeOf(definition.kind))) {
      const name = typeOf(definition.kind).toUpperCase();
      const text = `${key} is for guests of other types: a ${name} guest has nothing that it could change.`;
      return this.report(setting, key, { verdict: 'ignored', short: `nothing in a ${name} guest`, text });
    }
    const asked: Asked = {
      ...this.context,
      key,
      value,
      text: value.kind === 'list' ? '' : value.text,
      number: toNumber(value),
    };
    const problem = rule.range?.(asked);
    if (problem) return this.report(value, key, { ...problem, text: `${said(key, value)}: ${problem.text}` });
    rule.into?.(definition, asked);
    const judged = verdicts.loaded?.refusals.refusalOf(asked) ?? ofKind(asked) ?? rule.judge?.(asked);
    if (judged === TOLD) return;
    const written = value.kind === 'list' ? (value.items.length === 0 ? '' : '[') : value.text;
    const { verdict, short, text } = rule;
    this.report(
      setting,
      key,
      judged ?? (verdict !== 'used' && rule.fits?.(written) ? asItIs(text) : { verdict, short, text }),
    );
  }

  private report(at: Position, key: string, judged: Said): void {
    this.findings.push({
      file: this.file,
      line: at.line,
      column: at.column,
      source: (this.lines[at.line - 1] ?? '').slice(0, MOST_QUOTED),
      key,
      ...judged,
    });
  }

  /** As `report`, for what a text may have any number of. */
  private reportOneOfMany(at: Position, key: string, verdict: Verdict, said: () => Said): void {
    if (this.reported++ < MOST_TOLD) return this.report(at, key, said());
    const untold = this.untold.get(verdict);
    if (untold) untold.count++;
    else this.untold.set(verdict, { at: { line: at.line, column: at.column }, count: 1 });
  }

  /** Where a part of a string is: behind the quote, unless escapes before it moved it. */
  private inside(item: Atom, offset: number): Position {
    const start = item.column;
    const line = this.lines[item.line - 1] ?? '';
    const plain = line.startsWith(item.text.slice(0, offset), start);
    return { line: item.line, column: plain ? start + 1 + offset : start };
  }

  private readonly near = new Map<string, string | undefined>();

  /** The key that an unknown one was meant to be; of a text with very many unknown ones that is asked no more. */
  private nearKey(key: string): string | undefined {
    if (!this.near.has(key)) {
      if (this.near.size >= MOST_TOLD) return undefined;
      this.near.set(key, nearest(key, Object.keys(this.rules)));
    }
    return this.near.get(key);
  }

  private firsts: Map<string, Setting> | undefined;

  /** The first setting of a key, wherever it is. */
  private firstOf(key: string): Setting | undefined {
    this.firsts ??= new Map([...this.settings].reverse().map(setting => [setting.key, setting]));
    return this.firsts.get(key);
  }

  /** Checks that the key exists and its value has the right kind; keeps the last setting of each key. */
  private collect(setting: Setting): void {
    const { key, value } = setting;
    if (!Object.hasOwn(this.rules, key)) {
      // xl looks at no key that it does not know. What is near to one was meant to be that; where both are there a person has to say which is meant.
      const near = this.nearKey(key);
      const other = near === undefined ? undefined : this.firstOf(near);
      return this.reportOneOfMany(setting, shortened(key), 'ignored', () => {
        const text = `${shortened(key)} is no ${this.language.noun}`;
        if (near === undefined)
          return ignored(`no ${this.language.noun}`, `${text}: nothing looks at it, as with ${this.language.reader}.`);
        const more = `Did you mean ${near}?${other ? ` Line ${other.line} has it, too.` : ''} Nothing looks at it, as with ${this.language.reader}.`;
        return {
          ...ignored(`unknown; did you mean ${near}?`, `${text}. ${more}`),
          warns: true,
          ...(other ? {} : { remedy: { write: near } }),
        };
      });
    }
    const problem = kindProblem(this.rules[key].type, value, this.language.reader);
    if (problem)
      return this.reportOneOfMany(value, key, 'error', () =>
        wrong(problem.short, `${said(key, value)}: ${problem.text}`, problem.remedy),
      );
    const before = this.values.get(key);
    if (before && setting.append) {
      const joined = join(before.value, value);
      if (joined) this.values.set(key, { ...before, value: joined });
      else
        this.reportOneOfMany(value, key, 'error', () =>
          wrong(
            'cannot be added',
            `${said(key, value)}: a ${value.kind} cannot be added to the ${before.value.kind} of line ${before.line}.`,
          ),
        );
      return;
    }
    if (before) {
      this.reportOneOfMany(before, key, 'ignored', () =>
        setting.line < this.optionsFrom
          ? ignored(
              `set again on line ${setting.line}`,
              `${key} is set again on line ${setting.line}; the last one counts.`,
            )
          : ignored(
              'an option counts',
              `${said(key, before.value)} gives way to the option on the command line: ${said(key, value)}.`,
            ),
      );
    }
    this.values.set(key, setting);
  }
}
