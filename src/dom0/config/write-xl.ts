/** A domain's definition as an xl.cfg that would make the same domain: what each key's rule says of it, in the order of the rules. */
import type { Definition } from './definition.ts';
import { KEYS } from './keys.ts';
import { xend } from './keys/xend.ts';
import type { Judgement } from './model.ts';
import type { Family, Plain } from './rule.ts';

const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
/** Control characters would end the line, or upset terminals. */
const quote = (text: string): string =>
  `"${text.replace(/[\\"\u0000-\u001f\u007f]/g, c => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;

/** A value as xl.cfg writes it. */
export const writeValue = (plain: Plain): string =>
  typeof plain === 'number'
    ? String(plain)
    : typeof plain === 'string'
      ? quote(plain)
      : `[ ${plain.map(quote).join(', ')} ]`;

export function writeXlConfig(definition: Definition, rules: Family = KEYS): string {
  return Object.entries(rules)
    .map(([key, { from }]) => [key, from?.(definition)] as const)
    .filter((entry): entry is [string, Plain] => entry[1] !== undefined)
    .map(([key, plain]) => `${key} = ${writeValue(plain)}\n`)
    .join('');
}

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
function others({ definition, settings }: Judgement): [key: string, value: Plain][] {
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
export const otherKeys = (judgement: Judgement): string =>
  others(judgement)
    .map(([key, value]) => `${key} = ${writeValue(value)}\n`)
    .join('');

/** What is in the XML of any guest that has it. */
const IN_XML = new Set(['acpi = 1', 'apic = 1', 'pae = 1', 'serial = "pty"']);

/** What libvirt's XML has no word for in what is written here, a line each. */
export const notCarried = (judgement: Judgement): string[] =>
  others(judgement)
    .map(([key, value]) => `${key} = ${writeValue(value)}`)
    .filter(line => !IN_XML.has(line));
