/** What passes between Domain 0 and a domain's worker as messages: the start, files, and what the domain says. All else is shared memory. */
import type { CpuModel } from '../../cpu/architecture/index.ts';
import type { Boot } from '../domain/booted.ts';
import type { DomainListener } from '../domain/domain-listener.ts';
import type { DriveImage } from '../disks/media.ts';
import type { BoardCard, VirtioWish } from '../../devices/index.ts';

/** The first message to a domain's worker, once it is ready; verbs come through its mailbox (mailbox.ts). */
export interface ToDomainWorker {
  memory: SharedArrayBuffer;
  /** Index in the domain table. */
  index: number;
  name: string;
  memoryMiB: number;
  boot: Boot;
  drives?: DriveImage[];
  /** What the guest changed of them when it was another domain (saved-disks.ts). */
  diskChanges?: Uint8Array[];
  cards?: readonly BoardCard[];
  virtio?: VirtioWish;
  cpuLevel?: CpuModel;
  /** Of the second tier (second-tier.ts). */
  jitThreshold?: number;
  startEpochMs: number;
  onReset: 'restart' | 'end';
  onTripleFault: 'restart' | 'end';
  /** For the saved state's record: version of the program, text of the definition. */
  program: string;
  definition: string;
  /** What it writes to the debug ports and to the hypervisor's console is reported, too. */
  withXenConsole?: boolean;
  /** What it writes to the debug ports is reported by itself. */
  withDebug?: boolean;
  /** Instructions after which it is paused, counted from its start. */
  stopAtInstruction?: number;
  /** A saved state, from which the domain goes on: what was read of it (SavedState), but for its pages, and its file; or the head of one (SavedHead) that comes. */
  saved?: { state: object; file?: Blob };
}

/**
 * What of a saved state comes to its domain's worker: pages (SavedPages), a state to be tried, in the end all but the pages (SavedState each), or why there is no
 * more.
 */
export type Arriving = { pages: object } | { rehearse: object } | { rest: object } | { refused: string };

/** A piece of a saved state for a domain that does not run yet. Verbs may come before it has all of them, and wait. */
export interface ArrivingByMessage {
  arriving: Arriving;
}

/** Arguments of a verb that are no words, as files: looked for when the mailbox says that verb. */
export interface GivenByMessage {
  given: readonly unknown[];
}

/** What is reported, with its arguments. */
export type Told = {
  [What in keyof DomainListener]-?: {
    kind: 'tells';
    what: What;
    given: Parameters<NonNullable<DomainListener[What]>>;
  };
}[keyof DomainListener];

export type FromDomainWorker =
  /** Its program is loaded and waits for the start; `lock`: the Web Lock that it holds for as long as it lives. */
  | { kind: 'ready'; lock?: string | undefined }
  /** Built and running; `about` says what was loaded. */
  | { kind: 'started'; about: string }
  /** Could not be built; the worker is of no more use. */
  | { kind: 'failed'; sentence: string }
  /** A piece of the saved state that comes is in place. */
  | { kind: 'placed' }
  | Told
  /** To the first question that has no answer yet; `sentence`: why there is none. */
  | { kind: 'answer'; answer?: unknown; sentence?: string };

/** To the worker that watches the others (watch.ts): tell when the holder of `lock`, which runs domain `id` at `index` of the domain table, has ended. */
export interface WatchedWorker {
  memory: SharedArrayBuffer;
  lock: string;
  index: number;
  id: number;
}

export type FromWatcher =
  /** It holds this Web Lock while it lives. */
  | { kind: 'ready'; lock: string }
  /** The worker of a domain is gone; it may have said that it goes. */
  | { kind: 'ended'; id: number };
