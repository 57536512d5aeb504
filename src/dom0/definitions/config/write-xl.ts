/** A domain's definition as an xl.cfg that would make the same domain: what each key's rule says of it, in the order of the rules. */
import type { Definition } from './definition.ts';
import { KEYS } from './keys.ts';
import { xend } from './keys/xend.ts';
import type { Judgement } from './judge-definition.ts';
import type { Family, Plain } from './rule.ts';

const ESCAPES: Record<string, string> = {
  '\\': '\\\\',
  '"': '\\"',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
/** Control characters would end the line, or upset terminals; those that xl has no escape for are written as they are. */
const quote = (text: string): string => `"${text.replace(/[\\"\u0007-\u000d]/g, c => ESCAPES[c] ?? c)}"`;

/** A value as xl.cfg writes it. */
export const writeValue = (plain: Plain): string =>
  typeof plain === 'number'
    ? String(plain)
    : typeof plain === 'string'
      ? quote(plain)
      : `[ ${plain.map(quote).join(', ')} ]`;

/** What each key's rule says of a definition. */
const keysOf = (definition: Definition, rules: Family): [key: string, value: Plain][] =>
  Object.entries(rules)
    .map(([key, { from }]) => [key, from?.(definition)] as const)
    .filter((entry): entry is [string, Plain] => entry[1] !== undefined);

const linesOf = (settings: readonly (readonly [key: string, value: Plain])[]): string =>
  settings.map(([key, value]) => `${key} = ${writeValue(value)}\n`).join('');

export const writeXlConfig = (definition: Definition, rules: Family = KEYS): string =>
  linesOf(keysOf(definition, rules));

/** Keys that say what others say, too, in what is written of a definition. */
const SAID_ELSEWHERE = new Set([
  'type',
  'builder',
  'restart',
  'vcpu_avail',
  'cdrom',
  'root',
  'extra',
  'loader',
  'bootargs',
  'bootentry',
  'vnc',
  'vfb',
  'maxmem',
  'maxvcpus',
  'bootloader_args',
  'kernel',
  'ramdisk',
  'firmware',
  ...Object.keys(xend),
]);

/** The settings that a domain made here does not have, of keys that do nothing here and something elsewhere. */
export function others({ definition, settings }: Judgement): [key: string, value: Plain][] {
  return [...settings].flatMap(([key, value]) => {
    if (SAID_ELSEWHERE.has(key) || KEYS[key]?.from) return [];
    if (value.kind === 'list')
      return value.items.length > 0
        ? [[key, value.items.flatMap(item => (item.kind === 'list' ? [] : [item.text]))] as [string, Plain]]
        : [];
    // A kernel in hvmloader's place, say, is in the definition.
    if (value.text === '' || value.text === definition.kernel) return [];
    return [
      [key, value.kind === 'number' && /^\d+$/.test(value.text) ? Number(value.text) : value.text] as [string, Plain],
    ];
  });
}

/** They as lines of xl.cfg: localtime, serial and their like. */
export const otherKeys = (judgement: Judgement): string => linesOf(others(judgement));

/** All that a definition asks for, as xl has it. */
export const settingsOf = (judgement: Judgement): [key: string, value: Plain][] => [
  ...keysOf(judgement.definition, KEYS),
  ...others(judgement),
];
