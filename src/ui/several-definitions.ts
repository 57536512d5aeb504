/** Several definitions or saved domains that were dropped together: each is judged with the files that it names, and those that are chosen are defined or started, one at a time. */

import { batch, computed, effect, signal } from '@preact/signals';
import type { Changes, Finding, JudgedText, NamedFile } from '../dom0/service/index.ts';
import { host, info, living } from './host.ts';
import { sentence } from './sentence.ts';
import { look } from './inventory.ts';
import { catalogue } from './offered-guests.ts';
import { remedied } from './error-remedy.ts';
import { isDefinition, judge } from './dropping.ts';
import {
  type Candidate,
  draft,
  go,
  keepFiles,
  rememberGiven,
  SAVED,
  setAside,
  several,
  startOf,
} from './navigation.ts';

/** Dropped files that are neither. */
const others = signal<readonly NamedFile[]>([]);
/** Those that none of them names. A saved domain names its images within it. */
export const unnamed = computed(() =>
  several.value?.some(each => each.isSaved)
    ? []
    : others.value.filter(file => !several.value?.some(each => each.files.includes(file))),
);

/** What is judged again with files that come later. */
export const filesOfSeveral = (): NamedFile[] => [
  ...(several
    .peek()
    ?.filter(each => !each.done)
    .map(each => each.file) ?? []),
  ...others.peek(),
];

/** Those that begin as a saved domain. */
const savedOf = async (files: readonly NamedFile[]): Promise<NamedFile[]> => {
  const starts = await Promise.all(files.map(file => startOf(file, SAVED.length)));
  return files.filter((_, i) => starts[i] === SAVED);
};

/** `goes`: they are shown at once. */
export async function openSeveral(given: readonly NamedFile[], goes = true): Promise<void> {
  const saved = await savedOf(given);
  const main = given.filter(file => saved.includes(file) || isDefinition(file));
  const rest = given.filter(file => !main.includes(file));
  const candidates = await Promise.all(
    main.map(async (file): Promise<Candidate> => {
      const isSaved = saved.includes(file);
      // A saved domain has the names of its images within it, and says which it lacks.
      const text = isSaved ? '' : await file.data.text();
      return {
        file,
        files: isSaved ? rest : rest.filter(({ name }) => text.includes(name)),
        isSaved,
        chosen: true,
        busy: !isSaved,
        ...(isSaved ? {} : { text }),
      };
    }),
  );
  batch(() => {
    draft.value = undefined;
    others.value = rest;
    several.value = candidates;
  });
  // A page that is loaded again offers them, with what was changed here.
  rememberGiven(given);
  followGone();
  if (goes) go({ kind: 'draft' });
  await judgeAll();
}

let isFollowing = false;

/** From the first call on, names and memory that are free again are judged again. */
function followGone(): void {
  if (isFollowing) return;
  isFollowing = true;
  let before = new Set<string>(),
    freeBefore = Infinity,
    hasGone = false;
  effect(() => {
    const running = new Set(living.value.map(({ name }) => name)),
      free = info.value?.freeMiB ?? 0;
    // A guest's memory is free some time after it has gone from the list; what a refused start gives back is none of that.
    const isFewer = [...before].some(name => !running.has(name)),
      isMore = isFewer || (hasGone && free > freeBefore);
    hasGone ||= isFewer;
    before = running;
    freeBefore = free;
    if (isMore && several.peek()?.every(({ busy }) => !busy)) void judgeAll(true);
  });
}

/** Changes one that is still there. */
function put({ file }: Candidate, changes: Partial<Candidate>): void {
  several.value = several.peek()?.map(each => (each.file === file ? { ...each, ...changes } : each));
}

const now = ({ file }: Candidate): Candidate | undefined => several.peek()?.find(each => each.file === file);

/** Dropped files whose start or definition was refused: that holds until something has become free. */
const refused = new WeakSet<NamedFile>();

let asked: Promise<unknown> = Promise.resolve();

/** What Domain 0 is asked to judge, one after the other: it gives up a judgement when it is asked for another. */
function inTurn<T>(ask: () => Promise<T>): Promise<T> {
  const answer = asked.then(ask);
  asked = answer.catch(() => {});
  return answer;
}

const judgeAll = (isFreer = false): Promise<void> => inTurn(() => judgeEach(isFreer));

/** `isFreer`: names or memory have become free, so what one was refused for may hold no more. */
async function judgeEach(isFreer: boolean): Promise<void> {
  await catalogue;
  for (const each of several.peek() ?? []) {
    if (each.isSaved || each.done || !now(each)) continue;
    try {
      const plan = await host.plan([each.file, ...each.files]);
      // What has an error is not among those that Start takes.
      put(each, {
        plan,
        ...(isFreer || !refused.has(each.file) ? { problem: undefined } : {}),
        busy: false,
        chosen: (now(each)?.chosen ?? false) && plan.errors.length === 0,
      });
    } catch (error) {
      put(each, { problem: sentence(error), busy: false });
    }
  }
}

/** It can be started as it is: nothing stops it, and it has not been started. */
export const isReady = ({ isSaved, plan, busy, done }: Candidate): boolean =>
  !busy && !done && (isSaved || plan?.errors.length === 0);
/** Its text can be kept: what stops it is not in the text, such as a file that may come later. */
export const canDefine = ({ isSaved, plan, busy, done }: Candidate): boolean =>
  !busy && !done && !isSaved && plan !== undefined && plan.errors.every(({ libxl }) => libxl !== undefined);

export function choose(candidate: Candidate, chosen: boolean): void {
  put(candidate, { chosen });
}

/** Does the same with each that is chosen; one that is refused hinders no other. `work`: what became of it. */
async function each(
  wanted: (candidate: Candidate) => boolean,
  work: (candidate: Candidate) => Promise<string>,
): Promise<void> {
  for (const candidate of several.peek()?.filter(one => one.chosen && wanted(one)) ?? []) {
    put(candidate, { busy: true, problem: undefined });
    try {
      put(candidate, { done: await work(candidate), busy: false });
    } catch (error) {
      refused.add(candidate.file);
      put(candidate, { problem: sentence(error), busy: false });
    }
  }
  const left = several.peek();
  if (left?.every(({ done }) => done)) {
    discardSeveral();
    return;
  }
  // Names and memory are taken now.
  await judgeAll();
}

export const startChosen = (said: (name: string, id: number) => string): Promise<void> =>
  each(isReady, async ({ file, files, isSaved }) => {
    const domain = await (isSaved ? host.restore(file, files) : host.create([file, ...files]));
    keepFiles(domain, [file, ...files]);
    rememberGiven([file, ...files], domain.name);
    return said(domain.name, domain.id);
  });

export const defineChosen = (said: (name: string, path: string) => string): Promise<void> =>
  each(canDefine, async ({ file }) => {
    const { name, path } = await host.new(file.name, await file.data.text());
    await look();
    return said(name, path);
  });

/** The one that is shown line by line, as its form has it. */
export const shownForm = signal<{ file: NamedFile; judged: JudgedText } | undefined>(undefined);

const edited = ({ file, files, text = '' }: Candidate) => ({ path: file.name, text, files, isDropped: true as const });

/** Reads one for its form. */
export async function readForm(candidate: Candidate): Promise<void> {
  // One that cannot be read has no form: its line says why.
  const judged = await inTurn(() => host.judgeText(edited(candidate))).catch(() => undefined);
  if (now(candidate)) shownForm.value = judged && { file: candidate.file, judged };
}

/** What somebody changes in that form. */
export async function changeShown(candidate: Candidate, changes: Changes): Promise<void> {
  try {
    const { text } = await inTurn(() => host.changeText(edited(candidate), changes));
    if (now(candidate)) await rewrite(candidate.file, text);
  } catch (error) {
    put(candidate, { problem: sentence(error) });
  }
}

/** Writes what an error says, in the text of this one: the file that was dropped stays as it is. */
export async function mend({ file, text = '' }: Candidate, finding: Finding): Promise<void> {
  const to = remedied(text, finding);
  if (to !== undefined) await rewrite(file, to);
}

/** Another text for one of them, with which all are judged again. */
async function rewrite(file: NamedFile, to: string): Promise<void> {
  several.value = several.peek()?.map(one =>
    one.file === file
      ? {
          ...one,
          file: { name: file.name, data: new Blob([to]) },
          text: to,
          problem: undefined,
          chosen: true,
          busy: true,
        }
      : one,
  );
  rememberGiven(filesOfSeveral());
  await judgeAll();
}

/** One of them as form and text, with the files that it names; the others wait. */
export function openAlone({ file, files }: Candidate): void {
  const isAnother = (each: Candidate): boolean => each.file !== file && !each.done;
  setAside.value = several.peek()?.some(isAnother) ? filesOfSeveral().filter(each => each !== file) : [];
  several.value = undefined;
  void judge([file, ...files]);
}

/** What was started or defined stays. */
export function discardSeveral(): void {
  several.value = undefined;
  go({ kind: 'home' });
}
