/** What lessons offer to the page and to the command line: their form, and how one is gone through on a host in virtual time. */
export { CODE_LETTERS, type Exact, handInCode, seedOf, versionOf } from './code.ts';
export * from './course.ts';
export { editsOf } from './edits.ts';
export * from './expression.ts';
export * from './form.ts';
export { readGlossary, type Term, termId } from './glossary.ts';
export { type Known, whyWrong } from './grade.ts';
export { headlessHost } from './headless.ts';
export { readLesson } from './lesson.ts';
export { MOST_CHARACTERS } from './limits.ts';
export { PICTURES } from './pictures.ts';
export { MOST_MINUTES, type Plan, planOf } from './plan.ts';
export type { Done } from './progress.ts';
export * from './run.ts';
export * from './small-guests.ts';
export * from './wall.ts';
export { anyAnswers, type Walked, walkThrough } from './walk.ts';
