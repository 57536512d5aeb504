/** What is lost of a definition in another language: that is read again, and compared with what it was made from. */
import { type Judgement, judgeDefinition } from './judge-definition.ts';
import type { Plain } from './rule.ts';
import { prepareToRead } from './source.ts';
import { settingsOf, writeValue } from './write-xl.ts';

const partsOf = (item: string): string[] => item.split(',').map(part => part.trim());

/** Of a list what is lost of each of its values, by its number. */
function lostItems(key: string, before: readonly string[], after: readonly string[]): string[] {
  return before.flatMap((item, i) => {
    const kept = partsOf(after[i] ?? '');
    const lost = partsOf(item).filter(part => part !== '' && !kept.includes(part));
    return lost.length > 0 ? [`${key} ${i + 1}: ${lost.join(',')}`] : [];
  });
}

/** Settings of xl that `written` would not make again, a line each. */
export async function notCarried(judgement: Judgement, written: string): Promise<string[]> {
  await prepareToRead(written);
  const after = new Map<string, Plain>(settingsOf(judgeDefinition('', written)));
  return settingsOf(judgement).flatMap(([key, value]) => {
    const kept = after.get(key);
    if (kept !== undefined && writeValue(kept) === writeValue(value)) return [];
    return Array.isArray(value) && Array.isArray(kept)
      ? lostItems(key, value, kept)
      : [`${key} = ${writeValue(value)}`];
  });
}
