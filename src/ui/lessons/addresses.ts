/** What the page's address says of a lesson, and addresses of its views. */
import { seedOf } from '../../lessons/index.ts';
import { lessonAddress } from './list.ts';

export const address = (): URLSearchParams => new URLSearchParams(location.search);

/** A link that hands a lesson out asks whoever opens it for a name: numbers and code follow from it. */
export const asksName = (): boolean => address().get('name') === '';

/** Takes the lesson with the numbers of this name; '': with those of the link. */
export function takeAs(name: string): void {
  const words = address();
  if (name.trim() === '') words.delete('name');
  else words.set('name', name.trim());
  location.assign(`?${words}`);
}

/** Of the class, with the name of whoever takes it. */
export const seedHere = (): string => seedOf(address().get('seed') ?? '', address().get('name') ?? '');

/** Of a lesson that is not taken but read, taught or written. */
export const VIEWS = ['teacher', 'handout', 'answers', 'edit', 'guide'] as const;
export type View = (typeof VIEWS)[number];

export const viewHere = (): View | undefined => VIEWS.find(view => view === address().get('view'));

export const viewAddress = (id: string, view: View, seed: string): string => `${lessonAddress(id, seed)}&view=${view}`;
