/** Where a person is on the page, the definition being judged, and the actions that move between the two. */

import { dropping, reopening } from './parts.ts';
import { type CommandValue, commandOf, type Line } from '../dom0/toolstack/hypervisors/command/index.ts';
import { batch, computed, signal } from '@preact/signals';
import type { DomainInfo, JudgedText, NamedFile, Plan } from '../dom0/service/index.ts';
import { command, host, living, makingAnew, reportProblem, startPageTask, windowAsked } from './host.ts';
import { sentence } from './sentence.ts';
import { mediaSignal } from './media.ts';
import { giveKeyboard } from './keyboard.ts';
import { fetchGuest, type Offer, type Progress, progressText } from './offered-guests.ts';
import { followReady } from './boot-times.ts';
import { type DomainSession, forget, sessions } from './sessions.ts';
import { strips } from './settings.ts';
import { recall } from './indexed-db.ts';
import { strings } from './strings.ts';
import { bytes } from './terminal.ts';
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
  /** Of a definition: its content. */
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

/** A name that somebody is asked for (naming.ts). */
export interface Asked {
  title: string;
  label: string;
  hint: string;
  /** What is there at first. */
  value: string;
  /** On its button. */
  act: string;
  command(name: string): CommandValue | Line;
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

/** First bytes of a saved domain. */
export const SAVED = 'Xen saved domain';

/** Set while files of an earlier visit are asked for: takes them, and gives back what is none of them. */
export const wanted = signal<((given: readonly NamedFile[]) => Promise<NamedFile[]>) | undefined>(undefined);

/** Names of texts that were given next to other files: they are no part of the plan. */
export const leftOut = signal<readonly string[]>([]);

/** Takes in dropped or chosen files, with what is loaded for that (dropping.ts). */
export async function addFiles(those: NamedFile[] | Promise<NamedFile[]>): Promise<void> {
  await dropping.load().then(
    its => its.addFiles(those),
    error => reportProblem(strings.errors.page, strings.errors.partFailed(sentence(error))),
  );
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
  void reopening.load().then(
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
    if (!old.saved) void dropping.load().then(its => its.judgeQuietly(old.files));
    else if (old.problem) draft.value = { ...old, problem: undefined };
  });
}

/** Fetches an offered guest's files, creates it and shows it. */
export async function bootOffer(guest: Offer): Promise<void> {
  // The first view is shown until the guest's page takes its place: with a first guest the desktop, and the strip below it, would come up in between.
  const { kind, tab } = place.peek();
  if (kind === 'home' && tab === undefined) go({ kind: 'home', tab: 'new' });
  const made = await makeOffer(guest);
  if (made) openDomain(made.domain, made.files);
}

/** `bootTogether` is at it. */
export const bootingTogether = signal(false);

/** Starts these, one after the other, and shows the desktop with all of them. A second call meanwhile starts no second ones. */
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

/** The domain that is next to its source, by the source's name. */
export const booted = signal<ReadonlyMap<string, number>>(new Map());

/** Makes a domain that is shown next to its source, in place of the one that was before. `make` gives undefined where there is none. */
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

/** Undefined: it was cancelled, is being made already, or could not be made; why is next to it. */
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

/** The first bytes of a file as Latin-1; empty for one that cannot be read (a folder). */
export const startOf = async (file: NamedFile, bytes: number): Promise<string> => {
  try {
    return String.fromCharCode(...new Uint8Array(await file.data.slice(0, bytes).arrayBuffer()));
  } catch {
    return '';
  }
};

/** Boots again what this page made, in place of what is left of it. */
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
    reportProblem(commandOf('create', undefined, { file: session.info.peek().name }), sentence(error));
  }
}

/** A guest of Xen that restarts is a new domain of the same name: a view of the old one follows it. */
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
    reportProblem(commandOf('save', domain.name), sentence(error));
  }
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
