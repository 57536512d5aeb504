/** What passes between Domain 0 and a domain's worker as messages: the start, and what the domain says. All else is shared memory. */
import type { CpuLevel } from '../../cpu/architecture/index.ts';
import type { Boot } from '../domain/boot.ts';
import type { BreakHit } from '../domain/breaks.ts';
import type { Ending } from '../domain/ending.ts';
import type { HotRegion } from '../domain/second-tier.ts';
import type { WaitsFor } from '../domain/waits.ts';
import type { DriveImage, Medium } from '../disks/media.ts';
import type { NicModel } from '../../devices/index.ts';

/** The first message to a domain's worker, once it is ready; later requests come through its mailbox (mailbox.ts), and discs behind a word there. */
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
  nic?: NicModel;
  mac?: string;
  cpuLevel?: CpuLevel;
  /** Of the second tier (second-tier.ts). */
  jitThreshold?: number;
  startEpochMs: number;
  onReset: 'restart' | 'end';
  onTripleFault: 'restart' | 'end';
  /** For the saved state's record: version of the program, text of the definition. */
  program: string;
  definition: string;
  /** What it writes to the debug ports and to the hypervisor's console is told, too. */
  withXenConsole?: boolean;
  /** What it writes to the debug ports is told by itself. */
  withDebug?: boolean;
  /** Instructions after which it stands still, counted from its start. */
  stopAtInstruction?: number;
  /** Content of a saved state: the domain goes on from there. */
  saved?: Uint8Array;
}

/** A disc for the CD-ROM drive at a place, none where `medium` is absent: looked for when the mailbox says MEDIUM, and answered by `inserted`. */
export interface DiscForWorker {
  place: number;
  medium?: Medium;
  /** Of a floppy disk; a CD is always so. */
  readOnly?: boolean;
}

export type FromDomainWorker =
  /** Its program is loaded and waits for the start; `lock`: the Web Lock that it holds for as long as it lives. */
  | { kind: 'ready'; lock?: string }
  /** Built and running; `about` says what was loaded. */
  | { kind: 'started'; about: string }
  /** Could not be built; the worker is of no more use. */
  | { kind: 'failed'; sentence: string }
  | { kind: 'serial'; bytes: Uint8Array }
  /** What it wrote to the debug ports. */
  | { kind: 'debug'; bytes: Uint8Array }
  /** Whole lines of the hypervisor's console, as Xen prints them. */
  | { kind: 'xen-console'; bytes: Uint8Array }
  /** Something of the host failed it, and it goes on; for people. */
  | { kind: 'problem'; sentence: string }
  | { kind: 'ended'; ending: Ending }
  /** Nothing of its own wakes it any more (with a report on where it is), or something has. */
  | { kind: 'waits'; what: WaitsFor | undefined; report?: string | undefined }
  /** It has come to `stopAtInstruction`. */
  | { kind: 'reached' }
  /** It has come to where it was to stop, and stands still. */
  | { kind: 'broke'; hit: BreakHit }
  /** It was started again after a reset of its own; `report` where a triple fault was the reason. */
  | { kind: 'reset'; report?: string }
  /** After MEDIUM; `sentence`: why the disc cannot be read, and what was in the drive still is. */
  | { kind: 'inserted'; sentence?: string }
  | { kind: 'saved'; chunks: Uint8Array[] }
  /** After HOTTEST. */
  | { kind: 'hottest'; regions: HotRegion[] }
  | { kind: 'not-saved'; sentence: string }
  /** After DESTROY: the worker touches machine memory no more. `disks`: what the guest changed of its drives, where that was to be kept. */
  | { kind: 'gone'; disks?: Uint8Array[] };

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
  /** The worker of a domain is gone, and had not said that it goes. */
  | { kind: 'ended'; id: number };
