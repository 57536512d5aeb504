/** The texts of lessons, each loaded when it is opened. */

import { type Lesson, type Problem, readLesson } from '../../lessons/index.ts';
import { pageParts } from '../load-again.ts';
import { seedHere } from './addresses.ts';
import { fetchedText, isAddress } from './fetched.ts';
import { type Language, LANGUAGES, language } from './language.ts';
import { LESSONS, OWN_KEY, OWN_LESSON } from './list.ts';
import { said, words } from './words.ts';

const TEXTS = pageParts(import.meta.glob<{ default: string }>('./texts/**/*.md', { query: '?raw' }));

/** One of the page, or one that an address may have. */
export const mayBeThere = (id: string): boolean => isAddress(id) || LESSONS.some(lesson => lesson.id === id);

/** The text of a lesson of the address. @throws Error with a sentence */
export async function lessonText(id: string): Promise<string> {
  if (id === OWN_LESSON) {
    let own: string | null = null;
    try {
      own = sessionStorage.getItem(OWN_KEY);
    } catch {
      // It was never kept.
    }
    if (own === null) throw new Error(words.errors.noOwn);
    return own;
  }
  if (isAddress(id)) return fetchedText(id);
  if (!LESSONS.some(lesson => lesson.id === id))
    throw new Error(words.errors.noLesson(id, LESSONS.map(lesson => lesson.id).join(', ')));
  // What was not translated yet is English.
  return (await (TEXTS[`./texts/${language()}/${id}.md`] ?? TEXTS[`./texts/${id}.md`]!).load()).default;
}

/** Languages that a lesson can be read in: one of the page in those that it is in; of another one nothing is known, and the texts around it are in all. */
export const languagesOf = (id: string): Language[] =>
  (Object.keys(LANGUAGES) as Language[]).filter(
    code => code === 'en' || !LESSONS.some(lesson => lesson.id === id) || `./texts/${code}/${id}.md` in TEXTS,
  );

/** Such a text with the numbers of the address. Codes of a lesson of the page are about its word, of others about their title. */
export const readHere = (id: string, text: string): { lesson: Lesson; problems: Problem[] } =>
  readLesson(text, seedHere(), LESSONS.some(lesson => lesson.id === id) ? id : undefined, said);

const COURSES = pageParts(import.meta.glob<{ default: string }>('./courses/*.md', { query: '?raw' }));
export const COURSE_IDS: readonly string[] = Object.keys(COURSES).map(path => /([\w-]+)\.md$/.exec(path)![1]!);

/** The text of a course: one of the page, one that was dropped, or one at an address. @throws Error with a sentence */
export async function courseText(id: string): Promise<string> {
  if (id === OWN_LESSON || isAddress(id)) return lessonText(id);
  if (!COURSE_IDS.includes(id)) throw new Error(words.errors.noCourse(id, COURSE_IDS.join(', ')));
  return (await COURSES[`./courses/${id}.md`]!.load()).default;
}
