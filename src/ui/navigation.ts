/** Where a person is on the page, the definition being judged, and the actions that move between the two. */

import { batch, computed, signal } from '@preact/signals';
import type { Changes, DomainInfo, Edited, JudgedText, NamedFile, Plan } from '../dom0/service/index.ts';
import { command, host, living, makingAnew, reportProblem, startPageTask, windowAsked } from './host.ts';
import { sentence } from './sentence.ts';
import { keepOwnLesson, lessonAddress, OWN_LESSON } from './lessons/list.ts';
import { mediaSignal } from './media.ts';
import { giveKeyboard } from './keyboard.ts';
import { catalogue, fetchGuest, type Offer, type Progress, progressText } from './offered-guests.ts';
import { severalPage, storagePage } from './parts.ts';
import { followReady } from './boot-times.ts';
import { type DomainSession, forget, sessions } from './sessions.ts';
import { strips } from './settings.ts';
import { recall } from './indexed-db.ts';
import { strings } from './strings.ts';
import { bytes } from './terminal.ts';
import { Typing } from './typing.ts';
import type { Place } from './place.ts';

export const place = signal<Place>({ kind: 'home' });
export const treeOpen = signal(false);
export const detailOpen = signal(false);
export const paletteOpen = signal(false);
/** Files hover over the page. */
export const dragging = signal(false);

/** Files that a person gave and what the host thinks of them. */
export interface Draft {
  files: NamedFile[];
  /** Text of those that are definitions, by name. */
  texts: Map<string, string>;
  judging: boolean;
  starting: boolean;
  /** A saved state, with the images that it names: restored, not judged. */
  saved?: boolean;
  plan?: Plan;
  /** Its definition as a text that can be changed here, and what was judged of it last; absent: there is none, or it is too long. */
  definition?: { name: string; text: string; judged: JudgedText };
  /** Why there is no plan, or why creation failed. */
  problem?: string;
}
export const draft = signal<Draft | undefined>(undefined);

/** One of several that were dropped together. */
export interface Candidate {
  /** The definition, or the saved domain. */
  file: NamedFile;
  /** Of a definition: what stands in it. */
  text?: string;
  /** Dropped files that it names. */
  files: NamedFile[];
  isSaved: boolean;
  chosen: boolean;
  /** It is being judged, defined or started. */
  busy?: boolean;
  plan?: Plan;
  /** Why it could not be judged, defined or started. */
  problem?: string;
  /** What became of it. */
  done?: string;
}
/** In place of a draft. */
export const several = signal<readonly Candidate[] | undefined>(undefined);
/** While one of several is shown alone: the others, with their files. */
export const setAside = signal<readonly NamedFile[]>([]);

/** Shows the others again, with the one that was shown alone as it is now. */
export function backToSeveral(): void {
  const others = setAside.peek();
  setAside.value = [];
  if (others.length > 0) void addFiles([...others]);
}

/** A name that somebody is asked for (naming.ts). */
export interface Asked {
  title: string;
  label: string;
  hint: string;
  /** What stands there at first. */
  value: string;
  /** On its button. */
  act: string;
  command(name: string): string;
  /** @throws Error with a sentence, which is shown */
  run(name: string): Promise<void>;
}
export const askedName = signal<Asked | undefined>(undefined);

/** A fetch that a person can cancel, by offered guest. */
export const fetching = signal<ReadonlyMap<string, { abort: AbortController; progress?: Progress; building: boolean }>>(
  new Map(),
);
/** Why an offered guest did not start, by its id. */
export const offerProblems = signal<ReadonlyMap<string, string>>(new Map());

/** What the strip remembers its state by: on the desktop it is tall until somebody makes it small, elsewhere it is small. */
const stripPlace = computed(() => (place.value.kind === 'home' ? (place.value.tab ?? 'desktop') : place.value.kind));
const roomForStrip = mediaSignal('(min-width: 1280px) and (min-height: 820px)');
export const stripOpen = computed(
  () =>
    strips.value[stripPlace.value] ?? (stripPlace.value === 'desktop' && sessions.value.size > 0 && roomForStrip.value),
);

export function toggleStrip(): void {
  strips.value = { ...strips.peek(), [stripPlace.peek()]: !stripOpen.peek() };
}

export function go(to: Place): void {
  const from = place.peek();
  batch(() => {
    place.value = to;
    treeOpen.value = false;
    detailOpen.value = false;
    if (from.id !== undefined && to.id !== from.id) forget(from.id);
  });
}

/** Definitions are texts below this size; kernels and disks are not read by the page. */
const DEFINITION_BYTES = 256 * 1024;
/** Of a longer one only the lines with a verdict are shown. */
const MOST_LINES = 400;
export const isDefinition = (file: NamedFile) =>
  file.data.size <= DEFINITION_BYTES &&
  (/\.(cfg|conf|xl|sxp|xml)$/i.test(file.name) || (!/\./.test(file.name) && file.data.size < 16 * 1024));

/** So begins what may be a definition: a kernel may have a name as short. */
const IS_TEXT = /^[\t\r\n -~\xA0-\xFF]+$/;

/** First bytes of a saved domain, and of an exported host (dom0/host/state/state-file.ts). */
export const SAVED = 'Xen saved domain';
const STATE_MAGIC = 'Ringside state 1';

/** Set while files of an earlier visit are asked for: takes them, and gives back what is none of them. */
export const wanted = signal<((given: readonly NamedFile[]) => Promise<NamedFile[]>) | undefined>(undefined);

/** Names of texts that were given beside other files: they are no part of the plan. */
export const leftOut = signal<readonly string[]>([]);

/** Takes in dropped or chosen files: a saved state is restored, everything else is judged together with what is already there. */
export async function addFiles(those: NamedFile[] | Promise<NamedFile[]>): Promise<void> {
  let given: NamedFile[] = [];
  try {
    const all = await those;
    given = (await wanted.peek()?.(all)) ?? all;
    if (given.length === 0) return;
    await takeIn(given);
  } catch (error) {
    const problem = strings.errors.notTaken(sentence(error));
    reportProblem(strings.errors.page, problem);
    // What is there already stays; else they wait there for the next time.
    if (!several.peek())
      draft.value = draft.peek()
        ? { ...draft.peek()!, problem }
        : { files: given, texts: new Map(), judging: false, starting: false, problem };
    go({ kind: 'draft' });
  }
}

/** @throws Error where one cannot be read, or a script cannot be loaded */
async function takeIn(all: NamedFile[]): Promise<void> {
  const isText = ({ name }: NamedFile): boolean => /\.(md|markdown)$/i.test(name);
  // Beside other files it is what somebody wrote about them: a README in a folder.
  const given = all.every(isText) ? all : all.filter(file => !isText(file));
  leftOut.value = all.filter(file => !given.includes(file)).map(({ name }) => name);
  const own = given.find(isText);
  if (own) {
    // What is wrong with it stands on its page.
    keepOwnLesson(await own.data.text());
    location.assign(lessonAddress(OWN_LESSON));
    return;
  }
  const before = several.peek() ? (await severalPage()).filesOfSeveral() : (draft.peek()?.files ?? []);
  // What is there already stays: anything else completes it, and the same name replaces.
  const together = [...before.filter(file => !given.some(({ name }) => name === file.name)), ...given];
  const starts = await Promise.all(together.map(file => startOf(file, SAVED.length)));
  const host = together.find((_, i) => starts[i] === STATE_MAGIC);
  if (host) return (await storagePage()).takeIn(host);
  const saved = together.filter((_, i) => starts[i] === SAVED);
  const definitions = together.filter((file, i) => isDefinition(file) && IS_TEXT.test(starts[i]!));
  if (several.peek() || definitions.length + saved.length > 1) {
    const others = setAside.peek().filter(file => !together.some(({ name }) => name === file.name));
    setAside.value = [];
    return (await severalPage()).openSeveral([...others, ...together]);
  }
  if (saved.length === 1)
    return restore(
      saved[0]!,
      together.filter(file => file !== saved[0]),
    );
  await judge(together);
}

export async function removeFile(name: string): Promise<void> {
  const files = draft.peek()?.files.filter(file => file.name !== name) ?? [];
  if (files.length === 0) discard();
  else await judge(files);
}

export function discard(): void {
  if (draft.peek()?.judging) void host.cancelPlan();
  draft.value = undefined;
  if (setAside.peek().length > 0) backToSeveral();
  else if (place.peek().kind === 'draft') go({ kind: 'home' });
}

export async function judge(files: NamedFile[]): Promise<void> {
  several.value = undefined;
  draft.value = { files, texts: new Map(), judging: true, starting: false };
  go({ kind: 'draft' });
  rememberGiven(files);
  await judgeQuietly(files);
}

/** Files were given, on an earlier visit or this one: they are kept under this name (reopen.ts). */
export const GIVEN_KEY = 'ringside-given';
export const anythingGiven = signal(false);
void recall<unknown[]>(GIVEN_KEY).then(
  sets => {
    if (Array.isArray(sets) && sets.length > 0) anythingGiven.value = true;
  },
  () => {},
);

/** For a later visit (reopen.ts). */
export function rememberGiven(files: readonly NamedFile[], name?: string): void {
  anythingGiven.value = true;
  void import('./reopen.ts').then(
    ({ remember }) => remember(files, name),
    () => {},
  );
}

/** Brings up the window of a domain whose screen was asked for. */
export function followWindows(): void {
  windowAsked.subscribe(asked => {
    if (asked) go({ kind: 'domain', id: asked.id });
  });
}

/** Names and memory that were taken may be free by now, and the other way round. */
export function followDrafts(): void {
  let before = '';
  living.subscribe(list => {
    const now = list
      .map(({ name }) => name)
      .sort()
      .join('\n');
    const old = draft.peek();
    if (now === before) return;
    before = now;
    if (!old || old.judging || old.starting) return;
    if (!old.saved) void judgeQuietly(old.files);
    else if (old.problem) draft.value = { ...old, problem: undefined };
  });
}

async function judgeQuietly(files: NamedFile[]): Promise<void> {
  const filesNow = () => draft.peek()?.files === files;
  const texts = new Map<string, string>();
  let plan: Plan | undefined, definition: Draft['definition'], problem: string | undefined;
  try {
    // Where firmware is stands in the catalogue.
    await catalogue;
    const edited = await editedOf(files);
    if (edited) {
      const judged = await host.judgeText(edited);
      plan = judged.plan;
      definition = { name: edited.path, text: edited.text, judged };
    } else plan = await host.plan(files);
    const quoted = new Set(
      [...plan.errors, ...plan.findings].filter(finding => finding.source).map(finding => finding.file),
    );
    for (const file of files)
      if (quoted.has(file.name) && file.data.size <= DEFINITION_BYTES) texts.set(file.name, await file.data.text());
  } catch (error) {
    problem = sentence(error);
  }
  if (filesNow() && !draft.peek()?.starting)
    draft.value = {
      files,
      texts,
      judging: false,
      starting: false,
      plan,
      ...(definition ? { definition } : {}),
      problem,
    };
}

/** The one definition among files, where it is text that a person can change; undefined: there is none, or there are several, which is what is told. */
async function editedOf(files: readonly NamedFile[]): Promise<Edited | undefined> {
  const starts = await Promise.all(files.map(file => startOf(file, SAVED.length)));
  const [only, ...others] = files.filter((file, i) => isDefinition(file) && IS_TEXT.test(starts[i]!));
  if (!only || others.length > 0) return undefined;
  const text = await only.data.text();
  if (text.includes('\uFFFD') || text.includes('\0') || text.split('\n').length > MOST_LINES) return undefined;
  return { path: only.name, text, files: files.filter(file => file !== only), isDropped: true };
}

const typing = new Typing();

/** What somebody types into the text of a dropped definition; the file itself stays as it is. */
export function typeDraft(text: string): void {
  const now = draft.peek();
  if (!now?.definition) return;
  const { definition } = now;
  const files = now.files.map(file =>
    file.name === definition.name ? { name: file.name, data: new Blob([text]) } : file,
  );
  draft.value = { ...now, files, definition: { ...definition, text }, problem: undefined };
  typing.whenQuiet(() => {
    if (draft.peek()?.files === files) void judgeQuietly(files);
  });
}

/** What somebody changes in its form. */
export async function changeDraft(changes: Changes): Promise<void> {
  const now = draft.peek();
  if (!now?.definition) return;
  const { name, text } = now.definition;
  try {
    const judged = await host.changeText(
      { path: name, text, files: now.files.filter(file => file.name !== name), isDropped: true },
      changes,
    );
    if (draft.peek()?.definition?.text === text) typeDraft(judged.text);
  } catch (error) {
    if (draft.peek()?.files === now.files) draft.value = { ...now, problem: sentence(error) };
  }
}

/** Creates what the draft describes. */
export async function startDraft(): Promise<void> {
  const now = draft.peek();
  if (!now || now.judging || now.starting) return;
  if (now.saved) {
    const [state, ...images] = now.files;
    draft.value = { ...now, starting: true, problem: undefined };
    return restore(state!, images);
  }
  if (!now.plan || now.plan.errors.length > 0) return;
  draft.value = { ...now, starting: true, problem: undefined };
  try {
    const domain = await host.create(now.files);
    rememberGiven(now.files, domain.name);
    draft.value = undefined;
    openDomain(domain, now.files);
    const others = setAside.peek();
    setAside.value = [];
    if (others.length > 0) await (await severalPage()).openSeveral(others, false);
  } catch (error) {
    if (draft.peek()?.files === now.files) draft.value = { ...now, starting: false, problem: sentence(error) };
  }
}

/** Fetches an offered guest's files, creates it and shows it. */
export async function bootOffer(guest: Offer): Promise<void> {
  // The first view stands until the guest's page takes its place: with a first guest the desktop, and the strip below it, would come up in between.
  const { kind, tab } = place.peek();
  if (kind === 'home' && tab === undefined) go({ kind: 'home', tab: 'new' });
  const made = await makeOffer(guest);
  if (made) openDomain(made.domain, made.files);
}

/** `bootTogether` is at it. */
export const bootingTogether = signal(false);

/** Starts these, one after the other, and shows the desktop with all of them. Whoever asks again meanwhile gets no second ones. */
export async function bootTogether(guests: readonly Offer[]): Promise<void> {
  if (bootingTogether.peek()) return;
  bootingTogether.value = true;
  let any = false;
  for (const guest of guests) {
    const made = await makeOffer(guest);
    if (made) keepFiles(made.domain, made.files);
    any ||= made !== undefined;
  }
  bootingTogether.value = false;
  const here = place.peek();
  // Who is there already, or went elsewhere meanwhile, is left alone.
  if (any && here.kind === 'home' && here.tab === 'new') go({ kind: 'home' });
}

/** The domain that stands beside its source, by the source's name. */
export const booted = signal<ReadonlyMap<string, number>>(new Map());

/** Makes a domain that is shown beside its source, in place of the one that was before. `make` gives undefined where there is none. */
export async function bootBeside(
  name: string,
  make: () => Promise<{ domain: DomainInfo; files: NamedFile[] } | undefined>,
): Promise<void> {
  const before = sessions.peek().get(booted.peek().get(name) ?? 0),
    pressed = document.activeElement;
  const again = async (): Promise<number | undefined> => {
    if (before && !before.gone.peek()) await command('destroy', before.info.peek());
    const made = await make();
    if (!made) return undefined;
    booted.value = new Map(booted.peek()).set(name, made.domain.id);
    keepFiles(made.domain, made.files);
    // Who boots it out of its source goes on writing there.
    giveKeyboard(pressed instanceof HTMLButtonElement ? pressed : null);
    return made.domain.id;
  };
  let id: number | undefined;
  await makingAnew(
    before ? [before.info.peek().name] : [],
    async () => {
      id = await again();
    },
    () => id,
  );
}

/** Undefined: it was cancelled, is being made already, or could not be made; why stands beside it. */
export async function makeOffer(guest: Offer): Promise<{ domain: DomainInfo; files: NamedFile[] } | undefined> {
  if (fetching.peek().has(guest.id)) return undefined;
  const abort = new AbortController(),
    startMs = performance.now();
  const note = (progress: Progress | undefined, building: boolean) => {
    fetching.value = new Map(fetching.peek()).set(guest.id, { abort, progress, building });
  };
  const problem = (text: string | undefined) => {
    const next = new Map(offerProblems.peek());
    if (text) next.set(guest.id, text);
    else next.delete(guest.id);
    offerProblems.value = next;
  };
  problem(undefined);
  note(undefined, false);
  // What the page carries is there at once.
  let task = guest.bytes > 0 ? startPageTask(strings.home.download(guest.id)) : undefined;
  try {
    let shown = 0;
    const files = await fetchGuest(guest, abort.signal, progress => {
      // The row follows at most ten times a second.
      if (progress.done < progress.all && performance.now() - shown < 100) return;
      shown = performance.now();
      note(progress, false);
      task?.say(progressText(progress, performance.now()), Math.min(1, progress.done / Math.max(1, progress.all)));
    });
    note(undefined, true);
    task?.end('done', strings.home.downloaded(bytes(files.reduce((sum, { data }) => sum + data.size, 0))));
    task = undefined;
    const domain = await (guest.saved && files[0] ? host.restore(files[0], files.slice(1)) : host.create(files, true));
    followReady(guest.id, domain.id, startMs);
    return { domain, files };
  } catch (error) {
    if (!abort.signal.aborted) problem(sentence(error));
    task?.end('failed', abort.signal.aborted ? undefined : sentence(error));
    return undefined;
  } finally {
    const next = new Map(fetching.peek());
    next.delete(guest.id);
    fetching.value = next;
  }
}

/** Restores a saved domain. One that cannot be stays on the page with the reason beside it. */
async function restore(state: NamedFile, images: NamedFile[]): Promise<void> {
  try {
    const domain = await host.restore(state, images);
    rememberGiven([state, ...images], domain.name);
    openDomain(domain, [state, ...images]);
    draft.value = undefined;
  } catch (error) {
    draft.value = {
      files: [state, ...images],
      texts: new Map(),
      judging: false,
      starting: false,
      saved: true,
      problem: sentence(error),
    };
    go({ kind: 'draft' });
  }
}

/** The first bytes of a file as Latin-1; empty for one that cannot be read (a folder). */
export const startOf = async (file: NamedFile, bytes: number): Promise<string> => {
  try {
    return String.fromCharCode(...new Uint8Array(await file.data.slice(0, bytes).arrayBuffer()));
  } catch {
    return '';
  }
};

/** Boots once more what this page made, in place of what is left of it. */
export async function bootAgain(session: DomainSession): Promise<void> {
  if (!session.files) return;
  try {
    const [first, ...others] = session.files;
    const domain = await (first && (await startOf(first, SAVED.length)) === SAVED
      ? host.restore(first, others)
      : host.create(session.files, true));
    if (!session.gone.peek()) void command('destroy', session.info.peek());
    openDomain(domain, session.files);
  } catch (error) {
    reportProblem(`xl create ${session.info.peek().name}`, sentence(error));
  }
}

/** A guest of Xen that restarts is a new domain of the same name: whoever looks at the old one is taken along. */
export function followRestarts(): void {
  sessions.subscribe(map => {
    const here = place.peek();
    const old = here.id === undefined ? undefined : map.get(here.id);
    if (!old?.gone.peek()) return;
    const { name } = old.info.peek();
    const next = [...map.values()].find(
      session => session.id > old.id && !session.gone.peek() && session.info.peek().name === name,
    );
    if (!next) return;
    next.files ??= old.files;
    queueMicrotask(() => go({ ...here, id: next.id }));
  });
}

/** Shows a domain that was just made. */
export function openDomain(domain: DomainInfo, files?: NamedFile[]): void {
  go({ kind: 'domain', id: domain.id });
  requestAnimationFrame(() => document.getElementById('bench')?.focus({ preventScroll: true }));
  giveKeyboard();
  if (files) keepFiles(domain, files);
}

/** What a domain was made from stays with its session, which appears with the host's next list; it may already be there. */
export function keepFiles(domain: DomainInfo, files: NamedFile[]): void {
  const stop = sessions.subscribe(map => {
    const session = map.get(domain.id);
    if (!session) return;
    session.files = files;
    queueMicrotask(() => stop());
  });
}

export async function saveState(domain: DomainInfo): Promise<void> {
  try {
    download(await host.save(domain.id), `${domain.name}.save`);
  } catch (error) {
    reportProblem(`xl save ${domain.name}`, sentence(error));
  }
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
