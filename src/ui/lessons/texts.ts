/** The texts of lessons, each loaded when it is opened. */

import { allPersistent } from '../load-again.ts';
import { fetchedText, isAddress } from './fetched.ts';
import { LESSONS, OWN_KEY, OWN_LESSON } from './list.ts';

const TEXTS = allPersistent(import.meta.glob<{ default: string }>('./texts/*.md', { query: '?raw' }));

/** The text of a lesson of the address. @throws Error with a sentence */
export async function lessonText(id: string): Promise<string> {
  if (id === OWN_LESSON) {
    let own: string | null = null;
    try {
      own = sessionStorage.getItem(OWN_KEY);
    } catch {
      // It was never kept.
    }
    if (own === null) throw new Error('This tab has no lesson of yours any more. Drop its file again.');
    return own;
  }
  if (isAddress(id)) return fetchedText(id);
  if (!LESSONS.some(lesson => lesson.id === id))
    throw new Error(`There is no lesson ${id}. There are ${LESSONS.map(lesson => lesson.id).join(', ')}.`);
  return (await TEXTS[`./texts/${id}.md`]!()).default;
}
