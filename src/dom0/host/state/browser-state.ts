/**
 * The state of a page's host: in the browser's storage where this tab can have it, else in memory. It is opened when somebody needs it, and given up when
 * another tab asks for it.
 */
import { DeviceFull } from '../../../formats/blocks/index.ts';
import { filesFrom, type HostFiles, install, type KeptFiles, type ShippedGuest } from '../files/index.ts';
import { type HostState, openHostState } from './state.ts';
import type { Later } from '../timers.ts';
import {
  DISK,
  STATE_FILES,
  type StateHead,
  type StatePart,
  TREE_FILES,
  unpackState,
  writeState,
} from './state-file.ts';
import { type HeldStore, MemoryStore, type OpenStore, SidedStore, StoreDamaged } from '../storage/index.ts';

/** Where a host's files and volumes are, for people. */
export interface StateInfo {
  where: string;
  /** Whether they are there when the page is loaded again. */
  kept: boolean;
  /** Why they are not: a sentence. */
  why?: string;
  /** Another tab has them, since then (milliseconds since 1970, where it answers): `takeOver` asks for them. */
  heldElsewhere?: { sinceMs?: number };
  /** They are damaged: names of a state's files, and of those in the browser's storage that have them. `setAside` begins another state. */
  damaged?: readonly { name: string; stored: string }[];
}

const TOO_SMALL =
  'The browser gives this site too little room for a host’s disk, which takes 3 MiB when it is new. Make room on this computer or in the browser’s settings, and load the page again.';

const STARTED_AGAIN =
  'The worker that has the files and volumes of this host ended without a word, and was started again. What was asked of it was answered then, and nothing that was written is lost.';

const TAKEN_OVER = 'another tab’s now';

const namesIn = (store: SidedStore): NonNullable<StateInfo['damaged']> =>
  STATE_FILES.map(name => ({ name, stored: store.nameOf(name) }));

interface BrowserStateParts {
  open: OpenStore;
  epochMs(): number;
  random(below: number): number;
  later: Later;
  /** What the files are installed with. */
  guests: readonly ShippedGuest[];
  /** Domain 0's file tree was read. `kept`: it outlives the page. */
  filesOpened?(files: KeptFiles, kept: boolean): void;
  /** Something happened to it that people should know: a sentence. */
  told?(sentence: string): void;
  /** The state goes: everything that works with it ends, before it is flushed and closed. `what`: what files and disk are now. */
  closing(what: string): Promise<void> | void;
}

export class BrowserState {
  /** Domain 0's files wherever they are now: the first call opens them. */
  readonly files: HostFiles = filesFrom(() => this.openFiles());
  private readonly parts: BrowserStateParts;
  private guests: readonly ShippedGuest[];
  private tree: KeptFiles | undefined;
  private isUsed = false;
  private opened: Promise<HostState> | undefined;
  private held: HeldStore | undefined;
  /** Of the open state. */
  private store: SidedStore | undefined;
  private known: StateInfo | undefined;

  constructor(parts: BrowserStateParts) {
    this.parts = parts;
    this.guests = parts.guests;
  }

  /** The state, opened at the first call. */
  get(): Promise<HostState> {
    this.isUsed = true;
    this.opened ??= this.open(false);
    return this.opened;
  }

  private async openFiles(): Promise<KeptFiles> {
    const state = await this.get();
    try {
      return await state.files();
    } catch (error) {
      if (!(error instanceof StoreDamaged)) throw error;
      // All that is kept, or nothing: a tree in memory does not go with a disk that is kept.
      const { store } = this;
      if (this.known?.kept && store)
        await this.goOnInMemory(
          { why: error.message, damaged: namesIn(store) },
          'in memory now, for its files are damaged',
        );
      const now = await this.get();
      if (now === state) throw error;
      return now.files();
    }
  }

  /** Where it is; it is opened for that. */
  async info(): Promise<StateInfo> {
    await this.get();
    return this.known as StateInfo;
  }

  /** Opens it where this tab can have it now. Else that is found out again when somebody needs it: the tab that has it may be gone by then. */
  async resume(): Promise<StateInfo | undefined> {
    this.opened ??= this.open(false);
    const state = await this.opened;
    const { known } = this;
    if (known?.kept || this.isUsed) return known;
    this.opened = this.known = undefined;
    state.close();
    return known;
  }

  /** Asks the tab that has the browser's storage to give it up; what was kept in memory here is gone then. @throws Error where it does not give it up */
  async takeOver(): Promise<StateInfo> {
    if ((await this.info()).heldElsewhere === undefined) return this.info();
    const before = await this.get();
    const next = this.open(true);
    await next;
    if (!this.known?.kept)
      throw new Error(`The tab that has them does not give them up. ${this.known?.why ?? ''} Close it, and try again.`);
    await this.parts.closing(TAKEN_OVER);
    before.close();
    this.opened = next;
    return this.info();
  }

  private async open(take: boolean): Promise<HostState> {
    const opened = await this.parts.open(() => void this.giveUp(), take);
    if ('why' in opened) {
      this.known = {
        where: 'memory',
        kept: false,
        why: opened.why,
        ...(opened.holder ? { heldElsewhere: opened.holder } : {}),
      };
      return this.inMemory();
    }
    let store: SidedStore | undefined;
    try {
      store = await SidedStore.open(opened.store);
      const state = await openHostState(store, this.stateParts(true));
      this.keep(opened, store);
      return state;
    } catch (error) {
      opened.release();
      this.known = {
        where: 'memory',
        kept: false,
        why: error instanceof DeviceFull ? TOO_SMALL : (error as Error).message,
        ...(error instanceof StoreDamaged && store ? { damaged: namesIn(store) } : {}),
      };
      return this.inMemory();
    }
  }

  private keep(held: HeldStore, store: SidedStore): void {
    held.whenRestarted?.(() => this.parts.told?.(STARTED_AGAIN));
    held.whenLost?.(sentence => this.parts.told?.(sentence));
    this.held = held;
    this.store = store;
    this.known = { where: store.where, kept: true };
  }

  /** Leaves the damaged files where they are, and keeps a new state on the other side from now on. @throws Error with a sentence: all is as it was then */
  async setAside(): Promise<StateInfo> {
    if (!(await this.info()).damaged) return this.info();
    const before = await this.get();
    const held = await this.parts.open(() => void this.giveUp(), false);
    if ('why' in held) throw new Error(held.why);
    let next: SidedStore, state: HostState;
    try {
      next = (await SidedStore.open(held.store)).other();
      await next.clear(STATE_FILES);
      state = await openHostState(next, this.stateParts(true));
      await next.commit();
    } catch (error) {
      held.release();
      throw error instanceof DeviceFull ? new Error(TOO_SMALL, { cause: error }) : error;
    }
    await this.parts.closing('those of a new host now');
    this.tree = undefined;
    this.keep(held, next);
    this.opened = Promise.resolve(state);
    before.close();
    return this.info();
  }

  /** Installs more guests: now, and whenever the files are opened. @throws Error of the files */
  async offer(guests: readonly ShippedGuest[]): Promise<void> {
    this.guests = [...this.guests, ...guests];
    if (this.tree) await install(this.tree, guests);
  }

  private stateParts(kept: boolean) {
    const { guests } = this;
    return {
      ...this.parts,
      guests,
      filesOpened: (files: KeptFiles) => {
        this.tree = files;
        this.parts.filesOpened?.(files, kept);
        // Those that were offered since.
        void install(files, this.guests.slice(guests.length)).catch(() => {});
      },
    };
  }

  private async inMemory(): Promise<HostState> {
    const store = await SidedStore.open(new MemoryStore());
    const state = await openHostState(store, this.stateParts(false));
    this.store = store;
    return state;
  }

  // ---- all of it as a file, another one in its place, a new one

  /**
   * All of it in pieces, as it is at one moment. Guests that write its disk are paused meanwhile: what is written all the same is found at the end.
   * @throws Error with a sentence, of the store
   */
  async *packed(head: StateHead): AsyncGenerator<Uint8Array> {
    const { storage, files } = await this.get();
    await files();
    storage.tidy();
    storage.disk.flush();
    const { store } = this;
    // Logs go on: Domain 0's files are read at once, in its turn.
    const tree = TREE_FILES.map((name): StatePart => {
      const file = store?.opened(name);
      const bytes = new Uint8Array(file?.bytes ?? 0);
      file?.read(0, bytes);
      return { name, bytes: bytes.length, read: (at, into) => into.set(bytes.subarray(at, at + into.length)) };
    });
    const { disk } = storage;
    const { changes } = disk;
    const part: StatePart = {
      name: DISK,
      bytes: disk.bytes,
      read: (at, into) => disk.read(at, into),
      holds: (at, bytes) => disk.writtenBytes(at, bytes) > 0,
    };
    for (const piece of writeState(head, [...tree, part])) {
      if (disk.changes !== changes || store !== this.store)
        throw new Error(
          'Domain 0 wrote to its disk meanwhile, so the copy would mix several moments. Let what writes there end, and export again.',
        );
      yield piece;
    }
  }

  /** Puts another state into its place, once that is there whole and can be opened; nothing has changed otherwise. @throws StateFileError, StoreDamaged, Error of the store */
  async replace(data: Blob): Promise<void> {
    await this.exchange('those of an imported file now', store => unpackState(data, store.plain));
  }

  /** Begins again, with an empty disk and the files of an installation. @throws Error of the store */
  async reset(): Promise<void> {
    await this.exchange('gone, for the host was reset', async () => {});
  }

  private async exchange(why: string, fill: (store: SidedStore) => Promise<unknown>): Promise<void> {
    const before = await this.get();
    const old = this.store as SidedStore;
    const next = old.other();
    await next.clear(STATE_FILES);
    try {
      await fill(next);
      // Whether it can be opened, its files too.
      const { epochMs, random, later } = this.parts;
      const trial = await openHostState(next.plain, { epochMs, random, later });
      try {
        await trial.files();
      } finally {
        trial.close();
      }
    } catch (error) {
      next.letGo();
      await next.clear(STATE_FILES).catch(() => {});
      throw error;
    }
    await this.parts.closing(why);
    this.tree = undefined;
    before.close();
    await next.commit();
    this.store = next;
    this.opened = openHostState(next, this.stateParts(this.known?.kept === true));
    await (await this.opened).files();
    await old.clear(STATE_FILES);
  }

  /** Another tab asks for it. */
  private async giveUp(): Promise<void> {
    const why = 'Another tab of this browser has taken them over.';
    await this.goOnInMemory({ why, heldElsewhere: {} }, TAKEN_OVER);
  }

  private async goOnInMemory(known: Pick<StateInfo, 'why' | 'heldElsewhere' | 'damaged'>, what: string): Promise<void> {
    const { held, opened } = this;
    if (!held || !opened) return;
    this.held = undefined;
    const state = await opened;
    await this.parts.closing(what);
    this.known = { where: 'memory', kept: false, ...known };
    this.opened = this.inMemory();
    try {
      state.close();
    } finally {
      held.release();
    }
  }
}
