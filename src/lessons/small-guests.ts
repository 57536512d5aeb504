/** The small guests of lessons: sources in nasm's language in guests/small, which the project's own assembler makes a kernel of when a lesson needs it. */
import { part } from '../formats/loading/index.ts';

/** One file each, and one word here. */
export const SMALL_GUESTS: readonly string[] = [
  'calls.asm',
  'clocks.asm',
  'cluster.asm',
  'deprivileged.asm',
  'events.asm',
  'exits.asm',
  'grants.asm',
  'hostile.asm',
  'paging.asm',
  'paravirtual.asm',
  'pv-calls.asm',
  'sensitive.asm',
  'server.asm',
  'service.asm',
  'spinner.asm',
  'toy.asm',
  'writer.asm',
];

const PARAVIRTUAL = ['paravirtual.asm', 'pv-calls.asm', 'service.asm'];

export const isSmallGuest = (name: string): boolean => SMALL_GUESTS.includes(name);

/** What some of them share. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  'time.asm': ['clocks.asm', 'service.asm'],
  'processors.asm': ['clocks.asm', 'spinner.asm'],
};

/** What follows a guest's own source, front to back: what it shares with some, the console of all of them, and how one starts, which is another file for paravirtual ones. */
export const behind = (name: string): readonly string[] => [
  ...Object.keys(SHARED).filter(file => SHARED[file]!.includes(name)),
  'console.asm',
  PARAVIRTUAL.includes(name) ? 'pv-base.asm' : 'base.asm',
];

/** The assembler, which knows all instructions: loaded with the first lesson that has such a guest. */
export const assembler = part(() => import('./assembled.ts'), 'assembles guests');
