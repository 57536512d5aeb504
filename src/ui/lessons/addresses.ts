/** What the page's address says of a lesson, and addresses of its views. */
import { seedOf } from '../../lessons/index.ts';
import { lessonAddress } from './list.ts';

export const address = (): URLSearchParams => new URLSearchParams(location.search);

/** The address of this page with other words in it; null: without that one. */
export function addressWith(changed: Readonly<Record<string, string | null>>): string {
  const words = address();
  for (const [key, value] of Object.entries(changed))
    if (value === null) words.delete(key);
    else words.set(key, value);
  return `?${words}`;
}

/** A link that hands a lesson out asks the person who opens it for a name: numbers and code follow from it. */
export const asksName = (): boolean => address().get('name') === '';

/** Takes the lesson with the numbers of this name; '': with those of the link. */
export const takeAs = (name: string): void => location.assign(addressWith({ name: name.trim() || null }));

/** Of the class, with the name of its student. */
export const seedHere = (): string => seedOf(address().get('seed') ?? '', address().get('name') ?? '');

/** Of a lesson that is not taken but read, taught or written. */
export const LESSON_VIEWS = ['teacher', 'handout', 'answers', 'wall', 'edit', 'guide'] as const,
  /** Of all lessons. */
  OPEN_VIEWS = ['glossary', 'progress'] as const;
const VIEWS = [...LESSON_VIEWS, ...OPEN_VIEWS, 'course'] as const;
export type View = (typeof VIEWS)[number];

export const viewHere = (): View | undefined => VIEWS.find(view => view === address().get('view'));

/** Of what is around a lesson, from one address to the next. */
const AROUND = ['lang', 'course', 'room', 'embed', 'panels'];
const around = (): string =>
  AROUND.flatMap(key => {
    const value = address().get(key);
    return value === null ? [] : [`&${key}=${encodeURIComponent(value)}`];
  }).join('');

/** A lesson in the course and the language of this one. `name`: who takes it. */
export const lessonHere = (id: string, seed?: string, name = ''): string =>
  `${lessonAddress(id, seed)}${name ? `&name=${encodeURIComponent(name)}` : ''}${around()}`;

export const viewAddress = (id: string, view: View, seed: string): string => `${lessonHere(id, seed)}&view=${view}`;

/** In place of a lesson's word, where an address is one of a course. */
export const COURSE = 'course';

/** A list of lessons, by its word or its https address. */
export const courseAddress = (id: string, seed: string): string =>
  `${lessonAddress(COURSE, seed)}&course=${encodeURIComponent(id)}&view=course`;

/** A lesson at a round, for readers of this version or a newer one: of a frame's lesson, in a page of its own. */
export const roundAddress = (version: string, round: number): string =>
  new URL(addressWith({ round: String(round), v: version, embed: null, panels: null }), document.baseURI).href;

/** The same lesson from its first step. */
export const startAddress = (): string => addressWith({ round: '1', v: null });

/** The same lesson in another language, at the step at which this tab is. */
export const inLanguage = (code: string): string => addressWith({ lang: code, round: null, v: null });
