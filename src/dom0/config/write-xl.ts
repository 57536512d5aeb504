/** A domain's definition as an xl.cfg that would make the same domain: what each key's rule says of it, in the order of the rules. */
import type { Definition } from './definition.ts';
import { KEYS } from './keys.ts';
import type { Family, Plain } from './rule.ts';

const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
/** Control characters would end the line, or upset terminals. */
const quote = (text: string): string =>
  `"${text.replace(/[\\"\u0000-\u001f\u007f]/g, c => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;

/** A value as xl.cfg writes it. */
export const writeValue = (plain: Plain): string => (typeof plain === 'number' ? String(plain) : typeof plain === 'string' ? quote(plain) : `[ ${plain.map(quote).join(', ')} ]`);

export function writeXlConfig(definition: Definition, rules: Family = KEYS): string {
  return Object.entries(rules)
    .map(([key, { from }]) => [key, from?.(definition)] as const)
    .filter((entry): entry is [string, Plain] => entry[1] !== undefined)
    .map(([key, plain]) => `${key} = ${writeValue(plain)}\n`)
    .join('');
}
