/** What the toolstack can do to a domain that exists, wherever it runs: in a worker of its own, or next to others in this one. */
import type { CpuModel } from '../../../cpu/architecture/index.ts';
import type { Clock, IdeAttachment } from '../../../devices/index.ts';
import type {
  Arriving as Piece,
  DomainRecord,
  Machine,
  SavedHead,
  SavedPages,
  SavedRest,
  SavedState,
  ToDomainWorker,
} from '../../../hypervisor/index.ts';
import type { DomainListener } from '../../../hypervisor/domain/index.ts';
import type { AskDomain } from '../../../hypervisor/verbs/index.ts';
import type { Scheduler } from '../../../hypervisor/scheduler/index.ts';

/** A saved state, as the runner of its domain gets it. */
export interface SavedFile {
  /** With its pages where domains run on this thread; where they run elsewhere, without: they are read there, from the file. */
  state: SavedState;
  /** Absent: the state comes, and `state` has no more than its head before all of it is there. */
  file?: Blob;
  arriving?: Arriving;
  /** Its balloon's target before. */
  targetKiB?: number;
}

/** Takes what comes of a saved state. */
export interface ArrivalTaker {
  /** What it gives back is waited for before more comes. `isIts`: nobody else looks at what their bytes lie in. @throws Error with a sentence: it cannot be put there */
  pages(pages: SavedPages, isIts?: boolean): void | Promise<void>;
  /** Resolves when all pages that have come are in place. */
  placed(): void | Promise<void>;
  /** A state of a guest that still runs elsewhere, but for memory and disks: whether it fits tells `started`. */
  rehearse(state: SavedRest): void;
  /** All but the pages: there is no more. Whether the domain can be made of it tells `started`. */
  rest(state: SavedRest): void;
  /** It does not come to its end: the domain is not built. */
  refused(why: string): void;
}

/** Between who brings a saved state and the worker that it comes to. */
export interface ArrivalInWorker {
  readonly to: ArrivalTaker;
  /** The worker has put a piece in place. */
  placed(): void;
  /** There is no worker any more. */
  end(): void;
}

/** A saved state that comes while its domain is built; the domain's runner takes it, from its start on. */
export interface Arriving {
  to?: ArrivalTaker;
  /** Of one that runs in a worker: takes what comes, and sends it there by `post`. */
  inWorker?(post: (piece: Piece, transfer?: Transferable[]) => Promise<void>): ArrivalInWorker;
  /** Once its state is in place, it gets its other ends when this resolves; absent: at once. */
  mayAttach?: Promise<void>;
}

/** Of a state that comes, what a domain is built from. */
export const headOf = ({ about, boot, cpuid }: SavedState): SavedHead => ({ about, boot, cpuid });

export interface DomainRunner {
  /** Says what was loaded once the domain runs; rejects with a sentence when it cannot be built. */
  readonly started: Promise<string>;
  /** The guest's time, as well as it is known here. */
  readonly nowNs: number;
  /** A verb of the table (hypervisor/verbs). */
  readonly ask: AskDomain;
  /** The verb, for a domain that may not answer: resolves when nothing of it touches machine memory any more. */
  destroy(keepsDisks?: boolean): Promise<Uint8Array[] | undefined>;
  /** Its own time for a device model in Domain 0, where that is on the same thread; see DeviceModelOptions. */
  modelTime?(): { clock: Clock; wakeAt(deadlineNs: number): void };
}

/** What a domain is started from, wherever it runs. */
export interface DomainStart extends Omit<ToDomainWorker, 'memory' | 'index' | 'saved'> {
  record: DomainRecord;
  /** On this thread: drives with their media open, in place of `drives`. */
  ide?: IdeAttachment[];
  saved?: SavedFile;
}

/** Where the domains of a host run. */
export interface Runners {
  /** On threads of their own: they share machine memory, and their doorbells wake them. False: on this one, interleaved. */
  readonly elsewhere: boolean;
  /** On this thread: what processors of this level need is there from then on. */
  loadLevel?(level: CpuModel | undefined): Promise<void>;
  start(what: DomainStart, listener: DomainListener): DomainRunner;
  /** In virtual time: how far the domain is that is farthest, in time since they were built. */
  readonly farthestNs: number;
  /** The domain is destroyed. */
  forget(record: DomainRecord): void;
  /** The host goes. */
  close?(): void;
  /** Something came in for domains on this thread: they look again. */
  poke(): void;
  /** Domains on this thread are paused, the one that runs after the instruction under way; `go`: no longer. */
  hold(): void;
  go(): void;
  /** In virtual time, between two rounds: who runs now, to be put back later; undefined: the past of one is kept by itself. */
  moment?(): RunnersMoment | undefined;
}

/** Interleaved domains as they are at a moment. */
export interface RunnersMoment {
  /** Objects that hold what goes back with them, and some that do not. */
  from: readonly object[];
  outside: readonly object[];
  /** Those run again, and no others. `put` puts memory and objects back, and says of which machine frames processors know nothing any more. */
  put(put: () => readonly number[]): void;
  /** It is put back no more. */
  forget(): void;
}

/** What the toolstack is for those who run its domains. */
export interface RunnersHost {
  machine: Machine;
  queue: Scheduler;
  /** Domain 0's turn on this thread; true: it did something, so that a domain that sleeps may have to wake. */
  serve(): boolean;
  /** Domain 0 has something to do. In virtual time: when it wants a turn at the latest, as `farthestNs` counts. */
  domain0Wants(): boolean;
  domain0WakeNs(): number;
  /** In virtual time: nobody could run for this long, and the host's clock moves on by itself. */
  idled(ms: number): void;
}
