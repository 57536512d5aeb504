/** What the toolstack is handed by its callers, whom it tells of its domains, and what its own parts (building.ts, stopping.ts) share of it. */
import type { FolderAnswer, FolderRequest } from '../../devices/index.ts';
import type { PeerOptions } from '../../devices/net/index.ts';
import type { BreakHit, WaitsFor } from '../../hypervisor/domain/index.ts';
import type { DomainRecord, Ending, Machine, OpenMedium } from '../../hypervisor/index.ts';
import type { Scheduler } from '../../hypervisor/scheduler/index.ts';
import type { HostIdentity, Later } from '../host/index.ts';
import type { StartedHypervisor } from './boot/start-xen.ts';
import type { Reason } from './domains/words.ts';
import type { OpenedDrives } from './opened-drives.ts';
import type { Recorder } from './recorder.ts';
import type { Runners, RunnersHost } from './runners/runner.ts';
import type { Blueprint, DomainConsole, KeepsWrites, Member, OpenHostDevice, Restarts } from './running-domain.ts';
import type { Services } from './services.ts';
import type { Stations } from './stations.ts';

export interface ToolstackParts {
  /** Of the program, for saved states. */
  version: string;
  memory: SharedArrayBuffer | ArrayBuffer;
  /** Slots: domains that may run at once (1). */
  pcpus?: number;
  /** The hypervisor as it started on this host; absent: with the defaults of its command line. */
  hypervisor?: StartedHypervisor;
  /** Where domains run: inTurns() or inWorkers(). */
  runners: (host: RunnersHost) => Runners;
  /** Monotonic milliseconds, the same for all workers (performance.timeOrigin + performance.now()); absent: virtual time. */
  hostMs?: () => number;
  epochMs: () => number;
  /** As soon as the event loop had its turn, and after some milliseconds. */
  soon(callback: () => void): void;
  later: Later;
  /** Who the host is; absent: a lone one. */
  identity?: HostIdentity;
  /** Of what is drawn: station addresses (0). */
  seed?: number;
  /** For device models in Domain 0. */
  openMedium: OpenMedium;
  /** Opens devices of the host; absent: there are none. */
  openDevice?: OpenHostDevice;
  /** Keeps what guests write to images; absent: it is in memory alone. */
  keepWrites?: KeepsWrites;
  /** A plain PC that has a triple fault ends, and does not start again. */
  tripleFaultEnds?: boolean;
  /** Of domains built from now on: `jitThreshold` of the toolstack. */
  jitThreshold?: number;
  /**
   * A domain that stopped and is to be destroyed goes at once, as with xl; 'unless-crashed': but for those that crashed or whose worker died, which can be
   * looked at until somebody destroys them. Absent: all can.
   */
  buriesStopped?: boolean | 'unless-crashed';
  /** What the machine on the host's wire gives out by TFTP, and DHCP names. */
  peer?: PeerOptions;
  /** Notes what is done for a task. */
  recorder?: Recorder;
}

/** Where a new domain takes the place of another: that one's console, and what is said of its end. */
export interface Predecessor<Console> {
  console: Console;
  line: string;
  report?: string | undefined;
}

export interface BuildOptions<Console> {
  paused?: boolean;
  before?: (id: number) => Predecessor<Console>;
  /** Called with its id before anything else is done with it. */
  made?: ((id: number) => void) | undefined;
  /** Called as soon as it is among `members`, where it may be paused, typed at and destroyed. */
  listed?: (id: number) => void;
  restarts?: Restarts;
  /** Why it runs; absent: it was restored where the blueprint has a saved state, and else booted. */
  why?: Reason<'running'>;
}

/** The listener to a toolstack. */
export interface ToolstackListener<Console extends DomainConsole> {
  /** `shown`: what it showed before it was saved. */
  console(record: DomainRecord, name: string, before?: Predecessor<Console>, shown?: Uint8Array): Console;
  /** What is listed has changed. */
  listed(): void;
  /** It has stopped by itself; `again`: and will be started again. */
  ended(member: Member<Console>, ending: Ending, again: boolean): void;
  /** It was started again by itself: in its own memory, or (`next`) as a new domain. `line` says so, `report` of what fault. */
  restarted(member: Member<Console>, line: string, report?: string, next?: Member<Console>): void;
  /** It was to be started again as a new domain, and that could not be built. */
  rebuildFailed(member: Member<Console>, error: Error): void;
  /** It has stopped, and its state is to be kept as a core file (coredump-*). What goes wrong is reported there. */
  dumpCore?(member: Member<Console>): Promise<void>;
  /** A device asks for something in its folder. Absent: Domain 0 has no files. */
  folder?(member: Member<Console>, device: string, request: FolderRequest): Promise<FolderAnswer>;
  /** Something of the host failed it; undefined: Domain 0 itself. */
  problem(member: Member<Console> | undefined, sentence: string): void;
  waits?(member: Member<Console>, what: WaitsFor | undefined, report?: string): void;
  reached?(member: Member<Console>): void;
  /** It is paused where it was to stop. */
  broke?(member: Member<Console>, hit: BreakHit): void;
  /** After a slice on this thread. */
  changed?(member: Member<Console>): void;
}

/** Frames of domains here that are still on the hosts that these have left (pool/migration/away-frames.ts). */
export interface FramesAway {
  /** Somebody represents this one. */
  wanted(domid: number, gfn: number): void;
  /** The domain is gone. */
  gone(domid: number): void;
}

/** What building and ending domains share of the toolstack. */
export interface ToolstackCore<Console extends DomainConsole> {
  readonly parts: ToolstackParts;
  readonly listener: ToolstackListener<Console>;
  readonly machine: Machine;
  readonly hypervisor: StartedHypervisor;
  readonly queue: Scheduler;
  readonly services: Services;
  readonly stations: Stations;
  readonly drives: OpenedDrives;
  readonly away?: FramesAway;
  readonly runners: Runners;
  readonly jitThreshold: number | undefined;
  /** Nothing is built any more. */
  readonly closed: boolean;
  /** Virtual time of the host, in milliseconds. */
  readonly virtualMs: number;
  /** In virtual time: of domains that are gone, and while nobody could run. */
  goneNs: number;
  readonly members: Map<number, Member<Console>>;
  readonly halted: Map<string, Reason<'shut off'>>;
  readonly dying: Map<number, Member<Console>>;
  build(blueprint: Blueprint, options?: BuildOptions<Console>): Promise<Member<Console>>;
  /** For a domain that was given none. */
  uuid(domid: number, startEpochMs: number): string;
  /** Of what a domain's devices draw. */
  seed(domid: number, startEpochMs: number): number;
  setPaused(member: Member<Console>, paused: boolean, why?: Reason<'paused'>): void;
  setHeld(member: Member, held: boolean): void;
  noteCall(record: Pick<DomainRecord, 'id'>, name: string, about?: string): void;
  wakeDomain0(): void;
}
