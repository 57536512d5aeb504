/** The lessons of the page, where there is no page: texts by their words, and a host for them. */
import { basename, join } from 'node:path';
import { headlessHost, type LessonHost } from '../lessons/index.ts';
import { fileBytesLater } from './file-bytes.ts';
import { later, soon } from './node-clock.ts';
import { repository } from './repository.ts';

const TEXTS = import.meta.glob<string>('../ui/lessons/texts/*.md', { query: '?raw', import: 'default', eager: true });

export const PAGE_LESSONS: ReadonlyMap<string, string> = new Map(
  Object.entries(TEXTS).map(([path, text]) => [basename(path, '.md'), text]),
);

/** Nobody's but one lesson's. */
export function lessonHost(): Promise<LessonHost> {
  const guests = join(repository(), 'guests');
  return headlessHost({ read: path => fileBytesLater(join(guests, path)), soon, later });
}
