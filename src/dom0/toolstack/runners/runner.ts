/** What the toolstack can do to a domain that exists, wherever it runs: in a worker of its own, or beside others in this one. */
import type { Clock, IdeAttachment } from '../../../devices/index.ts';
import type {
  DomainRecord,
  Ending,
  Machine,
  Medium,
  MouseMove,
  SavedState,
  ToDomainWorker,
} from '../../../hypervisor/index.ts';
import type { BreakHit, BreakPoint, HotRegion, WaitsFor } from '../../../hypervisor/domain/index.ts';
import type { Scheduler } from '../../../hypervisor/scheduler/index.ts';

/** What a domain says. */
export interface DomainListener {
  serial(bytes: Uint8Array): void;
  /** Whole lines of the hypervisor's console, where that was asked for. */
  xenConsole?(lines: Uint8Array): void;
  /** Bytes of the debug ports, where those were asked for. */
  debug?(bytes: Uint8Array): void;
  ended(ending: Ending): void;
  /** Something of the host failed it, and it goes on. */
  problem(sentence: string): void;
  /** It was started again; `report` where a triple fault was the reason. */
  restarted(report?: string): void;
  /** Nothing of its own wakes it any more (`what`, with a report on where it is), or something has. */
  waits?(what: WaitsFor | undefined, report?: string): void;
  /** It has retired as many instructions as it was to, and stands still. */
  reached?(): void;
  /** It has come to where it was to stop, and stands still. */
  broke?(hit: BreakHit): void;
  /** After a slice, where domains run on this thread: its counters and screen may have changed. */
  changed?(): void;
}

export interface DomainRunner {
  /** Says what was loaded once the domain runs; rejects with a sentence when it cannot be built. */
  readonly started: Promise<string>;
  /** The guest's time, as well as it is known here. */
  readonly nowNs: number;
  setPaused(paused: boolean): void;
  /** Lets a paused domain run so many instructions, below 0 so many exits, and no further. */
  step(count: number): void;
  /** Where it is to stop from now on. */
  setBreaks(points: readonly BreakPoint[]): void;
  reset(): void;
  pressPowerButton(): void;
  /** Ends a suspend to RAM. */
  wake(): void;
  /** A non-maskable interrupt for a vCPU. */
  nmi(vcpu: number): void;
  /** A disk for the CD-ROM or floppy drive at a place, none where `medium` is absent. @throws Error with a sentence where it cannot be read: the drive is as it was */
  insertMedium(place: number, medium?: Medium, readOnly?: boolean): Promise<void>;
  /** A guest of Xen that has suspended itself goes on. */
  resume(): void;
  serial(bytes: Uint8Array): void;
  key(code: string, down: boolean): void;
  mouse(move: MouseMove): void;
  save(): Promise<Uint8Array[]>;
  /** The regions of its compiled code that ran most; none of a domain that is gone. */
  hottest(): Promise<HotRegion[]>;
  /** Resolves when nothing of the domain touches machine memory any more; `keepsDisks`: with what the guest changed of its drives (saved-disks.ts). */
  destroy(keepsDisks?: boolean): Promise<Uint8Array[] | undefined>;
  /** Its own time for a device model in Domain 0, where that is on the same thread; see DeviceModelOptions. */
  modelTime?(): { clock: Clock; wakeAt(deadlineNs: number): void };
}

/** What a domain is started from, wherever it runs. */
export interface DomainStart extends Omit<ToDomainWorker, 'memory' | 'index' | 'saved'> {
  record: DomainRecord;
  /** On this thread: drives with their media open, in place of `drives`. */
  ide?: IdeAttachment[];
  saved?: { state: SavedState; bytes: Uint8Array };
}

/** Where the domains of a host run. */
export interface Runners {
  /** On threads of their own: they share machine memory, and their doorbells wake them. False: on this one, in turns. */
  readonly elsewhere: boolean;
  start(what: DomainStart, listener: DomainListener): DomainRunner;
  /** In virtual time: how far the domain is that is farthest, in time since they were built. */
  readonly farthestNs: number;
  /** The domain is destroyed. */
  forget(record: DomainRecord): void;
  /** Something came in for domains on this thread: they look again. */
  poke(): void;
  /** Domains on this thread stand still, the one that runs after the instruction under way; `go`: no longer. */
  hold(): void;
  go(): void;
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
  /** In virtual time: nobody could run for so long, and the host's clock moves on by itself. */
  idled(ms: number): void;
}
