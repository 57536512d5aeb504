/** What the toolstack tells of the host, its domains and its tasks: plain facts, as they pass to the page. */
import type { MouseMove } from '../../hypervisor/index.ts';
import type { JobInfo, Status } from './domains/words.ts';
import type { CommandValue } from './hypervisors/command/command-value.ts';
import type { Caused } from './recorder.ts';

export interface HostInfo {
  version: string;
  /** 'shared': a worker a domain over one SharedArrayBuffer; 'single': everything in one worker (`why` says what is missing). */
  mode: 'shared' | 'single';
  why?: string;
  /** Domains run in virtual time, so that a run repeats itself; absent: they follow the clock on the wall. */
  time?: 'virtual';
  /** `kvm`: its own system is the hypervisor. There is no Xen then, and no Domain 0. */
  hypervisor: 'xen' | 'kvm';
  /** The processor shows no VT-x: only paravirtual guests start. */
  noVt?: true;
  /** MiB of machine memory, and how many are free. */
  memoryMiB: number;
  freeMiB: number;
  /** Slots: domains that may run at once. */
  pcpus: number;
}

/** State letters as `xl list` prints them; '-' is defined and not started. */
export type DomainState = 'r' | 'b' | 'p' | 's' | 'c' | 'd' | '-';

export interface DomainInfo {
  id: number;
  name: string;
  state: DomainState;
  /** The same as libvirt has it, with the reason; absent: it ended with an earlier Domain 0. */
  status?: Status;
  /** What is done with it now that takes time. */
  job?: JobInfo;
  type: 'hvm' | 'pv' | 'pvh';
  memoryMiB: number;
  vcpus: number;
  definition: string;
  /** Disks that it may write, and whose changes go with it: a device of the host keeps them. */
  disks?: number;
  /** It waits to write: there is no room for the host's disk. */
  waitsForRoom?: boolean;
  /** How often it started again as a new domain, and why the last time. */
  restarts?: { count: number; why: string };
  /** A VGA, or a paravirtual screen. */
  hasScreen?: boolean;
  /** Its device model runs in Domain 0, and not as its stub domain NAME-dm. */
  modelInDomain0?: boolean;
  /** Why it stopped, in a sentence, once it did ("powered off", "triple fault at 0xc00f …"). */
  ended?: string;
  /** It did so by itself and by mistake: it crashed, or a fault that nothing could deliver reset it. */
  fell?: boolean;
  /** It ended with an earlier Domain 0: it is listed, and has no memory of this one's machine. */
  lost?: boolean;
}

/**
 * Live view of one domain. In 'shared' mode `memory` is machine memory and the offsets point at structures in it that the domain's worker
 * runs on; in 'single' mode `memory` is absent and `snapshot()` messages come over the port ten times a second.
 */
export interface DomainView {
  memory?: SharedArrayBuffer;
  /** Byte offset of the counters block (layout: src/hypervisor/layout/layout.ts). */
  countersOffset: number;
  /** Byte offset of the screen block (layout: src/hypervisor/layout/layout.ts). */
  screenOffset: number;
  /** Console bytes out (Uint8Array messages), and in (post Uint8Array or a `ConsoleInput`). History comes first. */
  console: MessagePort;
}

/** Sent to the console port by the page. Key codes are `KeyboardEvent.code`. */
export type ConsoleInput = { serial: Uint8Array } | { key: string; down: boolean } | { mouse: MouseMove };

/** Sent by a domain's console port. `pixels`: the picture of a graphics screen, when it has changed. */
export type ConsoleOutput =
  | { serial: Uint8Array }
  | { counters: ArrayBuffer; screen: ArrayBuffer; pixels?: ArrayBuffer };

export interface Task {
  id: number;
  /** As the tools of the host on which it was done spell it. */
  command: string;
  /** The same as a value; absent: it is text alone. */
  asked?: CommandValue;
  state: 'running' | 'done' | 'failed';
  startedMs: number;
  durationMs?: number;
  /** What it caused; on failure what, why, next step. */
  message?: string;
  /** How far it is, from 0 to 1, while that is known. */
  progress?: number;
  /** What Domain 0 did for it; the record of that is asked for (taskRecord). Absent: nobody recorded. */
  caused?: Caused;
}

/** How processor time is shared. Lists of processors are written as in xl.cfg. */
export interface Schedule {
  policy: string;
  pcpus: number;
  tsliceUs: number;
  ratelimitUs: number;
  domains: { id: number; name: string; weight: number; cap: number; cpus: string; cpusSoft: string }[];
}
