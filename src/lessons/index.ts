/** What lessons offer to the page and to the command line: their form, and how one is gone through on a host in virtual time. */
export * from './expression.ts';
export { headlessHost } from './headless.ts';
export * from './lesson.ts';
export { MOST_CHARACTERS } from './limits.ts';
export { PICTURES } from './pictures.ts';
export type { Done } from './progress.ts';
export * from './run.ts';
export * from './small-guests.ts';
