/**
 * A definition's text changed as a form changes it: keys whose values another domain would have are set again in place, and everything else
 * (comments, order, spaces, keys that mean nothing here) stays as it was written.
 */
import type { Definition } from './definition.ts';
import { KEYS } from './keys.ts';
import { isFault, judgeDefinition } from './judge-definition.ts';
import { writtenOver } from './source.ts';
import { otherKeys, writeValue, writeXlConfig } from './write-xl.ts';
import { parseXlConfig, type Position, type Setting } from './xlcfg.ts';

/** The text of a definition that makes `after` where it made `before`. One in XML stays so where XML can say it; others in another language than xl's come back as xl.cfg. */
export function changeDefinition(text: string, before: Definition, after: Definition): string {
  const judged = judgeDefinition('', text);
  if (judged.isForeign) {
    const same = writtenOver(text, after);
    return same !== undefined && isDefinedBy(same, after) ? same : writeXlConfig(after) + otherKeys(judged);
  }
  let changed = text;
  for (const { key, value } of changedKeys(before, after)) {
    changed = setKey(changed, key, value);
    // An older spelling may say it still (extra and root for cmdline): an empty text counts more.
    const { from, type } = KEYS[key]!;
    if (value === undefined && type === 'string' && from!(judgeDefinition('', changed).definition) !== undefined)
      changed = setKey(changed, key, '""');
  }
  return changed;
}

/** Keys of xl.cfg that say one definition where others said another, with their values as they are written; undefined: the key goes. */
export const changedKeys = (before: Definition, after: Definition): { key: string; value: string | undefined }[] =>
  Object.entries(KEYS).flatMap(([key, { from }]) => {
    if (!from) return [];
    const [old, value] = [from(before), from(after)].map(plain =>
      plain === undefined ? undefined : writeValue(plain),
    );
    return old === value ? [] : [{ key, value }];
  });

/** Whether a text says all of a definition: XML has no place for some of it. */
function isDefinedBy(text: string, wanted: Definition): boolean {
  const { definition, findings } = judgeDefinition('', text);
  return !findings.some(isFault) && writeXlConfig(asXmlHasIt(definition)) === writeXlConfig(asXmlHasIt(wanted));
}

/** XML always says how much memory a domain may have, and has an order of devices of its own. */
const asXmlHasIt = (definition: Definition): Definition => ({
  ...definition,
  ...(definition.virtio ? { virtio: [...definition.virtio].sort() } : {}),
  maxMemoryMiB: definition.maxMemoryMiB ?? definition.memoryMiB,
});

/** The text with a key at a value as xl.cfg writes it; undefined: without the key. */
function setKey(text: string, key: string, value: string | undefined): string {
  const { settings, problems } = parseXlConfig(text);
  // A text that xl cannot read has no places: what is put behind it counts most.
  const found = problems.length > 0 ? [] : settings.filter(setting => setting.key === key);
  const kept = value === undefined ? undefined : found.findLast(({ append }) => !append);
  let changed = text;
  // From the end: places before it stay.
  for (const setting of [...found].reverse())
    changed =
      setting === kept ? splice(changed, setting.value, setting.end!, value!) : withoutSetting(changed, setting);
  if (value === undefined || kept) return changed;
  return `${changed === '' || changed.endsWith('\n') ? changed : `${changed}\n`}${key} = ${value}\n`;
}

/** Takes a setting out, with its line where nothing else is on it. */
function withoutSetting(text: string, setting: Setting): string {
  const from = offsetOf(text, setting),
    to = offsetOf(text, setting.end!);
  const line = /[^\n\r]*$/.exec(text.slice(0, from))![0];
  const rest = /^[^\n\r]*(\r\n?|\n)?/.exec(text.slice(to))![0];
  const alone = line.trim() === '' && rest.trim() === '';
  return alone
    ? text.slice(0, from - line.length) + text.slice(to + rest.length)
    : text.slice(0, from) + text.slice(to).replace(/^[ \t]*;/, '');
}

const splice = (text: string, from: Position, to: Position, put: string): string =>
  text.slice(0, offsetOf(text, from)) + put + text.slice(offsetOf(text, to));

/** Lines end as the reader of xl.cfg has them end. */
function offsetOf(text: string, { line, column }: Position): number {
  const ends = /\r\n?|\n/g;
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  for (let n = 1; n < line; n++) {
    ends.exec(text);
    start = ends.lastIndex;
  }
  return start + column - 1;
}
