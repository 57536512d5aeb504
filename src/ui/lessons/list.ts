/** The page's lessons: one file each in `texts`, and one line here. Addresses name them (`?time=virtual&lesson=ID&seed=WORD`). */
import { MOST_CHARACTERS } from '../../lessons/limits/index.ts';

export interface LessonEntry {
  id: string;
  title: string;
  about: string;
}

export const LESSONS: readonly LessonEntry[] = [
  { id: 'trap-and-emulate', title: 'Trap and emulate', about: 'one disk read in two ways, exit by exit' },
  { id: 'sensitive', title: 'Privileged and sensitive', about: 'which instructions trap, and which silently differ' },
  { id: 'deprivileged', title: 'A kernel at level 1', about: 'a monitor that reads, decodes and emulates what traps' },
  {
    id: 'binary-translation',
    title: 'Rewriting the kernel as it runs',
    about: 'what a translator saves, hides, and must guard',
  },
  { id: 'paravirtual', title: 'Six lines to paravirtual', about: 'port a kernel, and count what each line costs' },
  { id: 'exits', title: 'VM exits, and who chooses them', about: 'the control that removes nine exits in ten' },
  { id: 'weight-and-cap', title: 'Sharing a CPU by weight and cap', about: 'two busy guests on one processor' },
  {
    id: 'spinner',
    title: 'The lock-holder loses its processor',
    about: 'spinning for nothing, and who notices',
  },
  {
    id: 'clocks',
    title: 'Whose time is it?',
    about: 'ticks, the TSC, Xen’s clock, and time that is stolen',
  },
  { id: 'event-channels', title: 'Event channels', about: 'a bit and an upcall, and how one is lost' },
  { id: 'grant-tables', title: 'Grant tables', about: 'share a page, and take it back' },
  { id: 'ring-request', title: 'A ring request, end to end', about: 'slots, indices, and fewer doorbells' },
  {
    id: 'xenstore',
    title: 'XenStore and split drivers',
    about: 'a handshake of states, in the right order and the wrong one',
  },
  { id: 'emulated-or-pv', title: 'Emulated or paravirtual I/O', about: 'what a KiB costs in exits, by three drivers' },
  { id: 'shadow-or-nested', title: 'Shadow or nested paging', about: 'who walks a guest’s tables, and at what cost' },
  { id: 'ballooning', title: 'Ballooning', about: 'memory that a guest gives back, if it listens' },
  {
    id: 'live-migration',
    title: 'Live migration',
    about: 'to another host while it runs, and the rate at which that never ends',
  },
  {
    id: 'types',
    title: 'Type 1, type 2, and what is neither',
    about: 'one read under three shapes, border by border',
  },
  { id: 'cluster', title: 'Several guests, one picture', about: 'a parallel virtual machine of virtual machines' },
  { id: 'doors', title: 'Every door of a domain', about: 'fourteen attempts to get out, and three old holes' },
];

/** The lesson behind this one. */
export const nextLesson = (id: string): LessonEntry | undefined => {
  const at = LESSONS.findIndex(lesson => lesson.id === id);
  return at < 0 ? undefined : LESSONS[at + 1];
};

/** The page's address is a lesson's: its host is the lesson's, and where somebody is in it is kept. */
export const isInLesson = (): boolean => new URLSearchParams(location.search).has('lesson');

/** A lesson that somebody dropped, for as long as the tab lives. */
export const OWN_LESSON = 'own';
export const OWN_KEY = 'ringside-lesson';

/** @throws Error with a sentence */
export function keepOwnLesson(text: string): void {
  try {
    sessionStorage.setItem(OWN_KEY, text.slice(0, MOST_CHARACTERS + 1));
  } catch {
    throw new Error(
      'a lesson is read after the page was reloaded, and this browser keeps nothing for it: allow this site to keep data',
    );
  }
}

export const freshSeed = (): string => Math.random().toString(36).slice(2, 8);

/** Where a lesson is; without a seed one is drawn. */
export function lessonAddress(id: string, seed = freshSeed()): string {
  return `?time=virtual&lesson=${encodeURIComponent(id)}&seed=${encodeURIComponent(seed)}`;
}
