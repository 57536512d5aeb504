/**
 * What the page may ask of Domain 0 (comlink, control calls only). Frames, serial bytes and counters do not pass here:
 * they are read from shared memory or come over a MessagePort.
 */
import type { MouseMove } from '../../hypervisor/index.ts';
import type { StateInfo } from '../host/state/browser-state.ts';
import type { Booted, PageBoot } from '../toolstack/boot/menu/index.ts';
import type { HostCore } from './host.ts';
import type { Caused } from '../toolstack/recorder.ts';
import type { FetchableGuest } from './shipped-guests.ts';
import type { PowerState } from '../shell/power.ts';
import type { StateHead } from '../host/state/state-file.ts';
import type { Bound, Deeds } from '../toolstack/commands/command.ts';
import type { COMMANDS } from '../toolstack/commands/index.ts';

export type { MouseMove, StateHead, StateInfo };

export interface HostInfo {
  version: string;
  /** 'shared': a worker a domain over one SharedArrayBuffer; 'single': everything in one worker (`why` says what is missing). */
  mode: 'shared' | 'single';
  why?: string;
  /** Domains run in virtual time, so that a run repeats itself; absent: they follow the clock on the wall. */
  time?: 'virtual';
  /** MiB of machine memory, and how many are free. */
  memoryMiB: number;
  freeMiB: number;
  /** Slots: domains that may run at once. */
  pcpus: number;
}

/** A file as the page has it: dropped, chosen or fetched from `dist/guests`. */
export interface NamedFile {
  name: string;
  data: Blob;
  /** It is one of Domain 0's files, and the name its path. */
  inDomain0?: true;
  /** Of Domain 0's, for a definition there: where paths begin that it names and that do not begin with /. */
  directory?: string;
}

export type Verdict = 'used' | 'approximated' | 'ignored' | 'missing' | 'error';

/** What is to be written in place of what is wrong. */
export interface Remedy {
  write: string;
  /** The part that it stands for, of what begins at the finding's place; absent: the word or the string there. */
  of?: string;
  /** It is a line of its own, behind all others. */
  line?: true;
}

/** One line of judgement about a definition. Lines and columns count from 1. */
export interface Finding {
  file: string;
  line: number;
  column: number;
  /** The source line. */
  source: string;
  key: string;
  verdict: Verdict;
  /** At most 48 characters: what happens. */
  short: string;
  /** Whole sentence: what, why, next step. */
  text: string;
  /** Of what is wrong in one place and can be mended there. */
  remedy?: Remedy;
  /** It stops nothing, and looks like a mistake all the same: xl create warns of it. */
  warns?: true;
  /** Of an error that the definition's text alone does not have: what libxl says of it on a real host, and the status with which xl ends. */
  libxl?: { said: readonly string[]; status: number };
}

/** What would be created from the files given. Nothing exists yet. */
export interface Plan {
  /** Name of the domain, once it is known. */
  name: string;
  /** Errors that stop it; empty: `create` will be accepted. */
  errors: Finding[];
  findings: Finding[];
  definition: string;
  /** What `create` does, as xl would spell it. */
  command: string;
  summary: {
    memoryMiB: number;
    vcpus: number;
    type: string;
    kernel?: string;
    ramdisk?: string;
    cmdline?: string;
    /** "hda: FILE", one a drive. */
    disks?: string[];
    /** It may write to a disk that is a file. */
    writesFiles?: boolean;
    nic?: string;
  };
}

/** Ringside's BIOS, and SeaBIOS with its VGA BIOS where they were fetched, as the page's server has them. */
export interface FirmwareFiles {
  own: { name: string; url: string };
  seabios?: { bios: { name: string; url: string }; vgaBios: { name: string; url: string } };
  /** iPXE, by the names of its files. */
  roms?: { name: string; url: string }[];
}

/** State letters as `xl list` prints them; '-' is defined and not started. */
export type DomainState = 'r' | 'b' | 'p' | 's' | 'c' | 'd' | '-';

export interface DomainInfo {
  id: number;
  name: string;
  state: DomainState;
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

/** A guest that the page can offer: embedded, or fetched by `npm run guests`. */
export interface OfferedGuest {
  id: string;
  title: string;
  /** One sentence: what one sees. */
  about: string;
  /** Bytes to download first; 0: embedded. */
  bytes: number;
  files: { name: string; url: string }[];
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

/** Sent by the port of an export; the page posts anything to get the next one, and nothing more to give it up. */
export type StatePiece = { bytes: Uint8Array } | { done: true } | { problem: string };

/** Sent to the console port by the page. Key codes are `KeyboardEvent.code`. */
export type ConsoleInput = { serial: Uint8Array } | { key: string; down: boolean } | { mouse: MouseMove };

/** Sent by a domain's console port. */
/** `pixels`: the picture of a graphics screen, when it has changed. */
export type ConsoleOutput =
  | { serial: Uint8Array }
  | { counters: ArrayBuffer; screen: ArrayBuffer; pixels?: ArrayBuffer };

export interface Task {
  id: number;
  /** As `xl` would spell it. */
  command: string;
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

/** What the page asks of the host beside the commands of the table (toolstack/commands). */
export const PAGE_METHODS = [
  'summary',
  'inventory',
  'inspect',
  'openDefinition',
  'judgeText',
  'changeText',
  'setAutomatic',
  'setDescription',
  'diskCommand',
  'offerFirmware',
  'plan',
  'cancelPlan',
  'recall',
  'view',
  'taskRecord',
  'setJitThreshold',
  'time',
  'subscribe',
] as const;

/** All that the page may ask, for a table of commands. */
export type ApiOf<T extends Deeds> = Pick<HostCore, (typeof PAGE_METHODS)[number]> & Bound<T>;

export type HostApi = ApiOf<typeof COMMANDS> & {
  /** Starts the host: everything else waits for it. */
  boot(how: PageBoot): Promise<Booted>;
  /** Guests that stand beside the page: Domain 0's files hold them, read when somebody needs them. */
  offerGuests(guests: readonly FetchableGuest[]): Promise<void>;
  /**
   * `listener` gets grub.cfg, and the words that are kept of the host's definition, when the host's files are read and when they change (comlink.proxy);
   * nothing of files that are gone with the page.
   */
  followGrub(listener: (text: string, host: string) => void): Promise<void>;
  /** Resolves when Domain 0 has brought the host down, with what is to become of it. */
  stopped(): Promise<PowerState>;
  /** Answers once Domain 0 runs. The Web Lock that its worker holds while it lives; undefined: there are none here. */
  alive(): Promise<string | undefined>;
  /** Where files and volumes are, which is found out now if nobody has asked yet. */
  state(): Promise<StateInfo>;
  /**
   * Once, when the host has started: opens what an earlier visit left, if it left something, and starts the domains that start with the host. Undefined:
   * nothing was left.
   */
  resume(): Promise<StateInfo | undefined>;
  /** Asks the tab that has them for them; shells here end. @throws Error where it does not give them up */
  takeOver(): Promise<StateInfo>;
  /** All that outlives the host as one file, and what the page remembers beside it; guests that write the host's disk stand still meanwhile (StatePiece). */
  exportState(page: unknown): Promise<MessagePort>;
  /** What an exported file holds, when each byte of it was checked. @throws Error with a sentence */
  judgeState(data: Blob): Promise<StateHead>;
  /** Puts the state in an exported file into the place of this one; what it has of the page. @throws Error with a sentence; nothing has changed then */
  importState(data: Blob, name: string): Promise<unknown>;
  /** Begins anew: empty disk, the definitions of an installation. @throws Error with a sentence; nothing has changed then */
  resetState(): Promise<void>;
  /** A login at Domain 0 for a terminal of this size (messages: shell/port.ts). @throws Error where the shell cannot be loaded */
  shell(size: { columns: number; rows: number }): Promise<MessagePort>;
};

/** The page's calls, by their names, for a host that is there or comes. */
export function apiOf<T extends Deeds>(host: ApiOf<T> | Promise<ApiOf<T>>, table: T): ApiOf<T> {
  const ask =
    (name: string) =>
    async (...given: unknown[]) =>
      ((await host) as unknown as Record<string, (...given: unknown[]) => unknown>)[name](...given);
  return Object.fromEntries([...PAGE_METHODS, ...Object.keys(table)].map(name => [name, ask(name)])) as ApiOf<T>;
}
