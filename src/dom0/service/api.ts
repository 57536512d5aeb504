/**
 * What the page may ask of Domain 0 (comlink, control calls only). Frames, serial bytes and counters do not pass here:
 * they are read from shared memory or come over a MessagePort.
 */
import type { MouseMove } from '../../hypervisor/index.ts';
import type { StateHead, StateInfo } from '../host/state/index.ts';
import type { Booted, PageBoot } from '../toolstack/boot/menu/index.ts';
import type { Host, HostCore } from './host.ts';
import type { FetchableGuest } from './shipped-guests.ts';
import type { PoolCalls } from './pool-of-page.ts';
import type { PowerState, Ran } from '../shell/index.ts';
import type { Bound, Deeds } from '../toolstack/index.ts';
import type { COMMANDS } from '../toolstack/commands/index.ts';

export type { MouseMove, StateHead, StateInfo };

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

/** Sent by the port of an export; the page posts anything to get the next one, and nothing more to give it up. */
export type StatePiece = { bytes: Uint8Array } | { done: true } | { problem: string };

/** What the page asks of the host next to the commands of the table (toolstack/commands), by the service that answers. */
const PAGE_METHODS = {
  definitions: ['openDefinition', 'judgeText', 'changeText', 'setAutomatic', 'setDescription'],
  disk: ['diskCommand'],
  files: ['offerFirmware', 'plan', 'cancelPlan'],
  domains: ['recall', 'abortJob', 'subscribe'],
  consoles: ['view'],
} as const;
/** And of the host itself. */
const HOST_METHODS = [
  'summary',
  'inventory',
  'inspect',
  'consult',
  'manage',
  'taskRecord',
  'setJitThreshold',
  'time',
] as const;

type Services = typeof PAGE_METHODS;
type Asked<Service extends keyof Services> = Pick<
  HostCore[Service],
  Extract<Services[Service][number], keyof HostCore[Service]>
>;

/** All that the page may ask, for a table of commands. */
export type ApiOf<T extends Deeds> = Asked<'definitions'> &
  Asked<'disk'> &
  Asked<'files'> &
  Asked<'domains'> &
  Asked<'consoles'> &
  Pick<HostCore, (typeof HOST_METHODS)[number]> &
  Bound<T>;

export type HostApi = ApiOf<typeof COMMANDS> & {
  /** Starts the host: everything else waits for it. */
  boot(how: PageBoot): Promise<Booted>;
  /** Guests that are next to the page: Domain 0's files hold them, read when somebody needs them. */
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
  /** Leaves damaged files as they are and begins a new state next to them. @throws Error with a sentence; nothing has changed then */
  setStateAside(): Promise<StateInfo>;
  /** All that outlives the host as one file, and what the page remembers next to it; guests that write the host's disk are paused meanwhile (StatePiece). */
  exportState(page: unknown): Promise<MessagePort>;
  /** What an exported file holds, when each byte of it was checked. @throws Error with a sentence */
  judgeState(data: Blob): Promise<StateHead>;
  /** Puts the state in an exported file into the place of this one; what it has of the page. @throws Error with a sentence; nothing has changed then */
  importState(data: Blob, name: string): Promise<unknown>;
  /** Begins again: empty disk, the definitions of an installation. @throws Error with a sentence; nothing has changed then */
  resetState(): Promise<void>;
  /** This host's pool. @throws Error with a sentence */
  pool<What extends keyof PoolCalls>(
    what: What,
    ...given: Parameters<PoolCalls[What]>
  ): Promise<Awaited<ReturnType<PoolCalls[What]>>>;
  /** A login at Domain 0 for a terminal of this size (messages: shell/port.ts). @throws Error where the shell cannot be loaded */
  shell(size: { columns: number; rows: number }): Promise<MessagePort>;
  /** Runs a line of that shell for a program. @throws Error where the shell cannot be loaded */
  runLine(line: string): Promise<Ran>;
  /** A file of Domain 0. @throws Error where there is none */
  readFile(path: string): Promise<Uint8Array>;
  /** @throws Error where there is no room */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Starts the guests that start with the host, and answers when they run. */
  startAutomatic(): Promise<void>;
};

type Call = (...given: unknown[]) => Promise<unknown>;

/** What a host does for the page by this name: it, or one of its services. */
export function callOf(host: HostCore, name: string): Call {
  const service = Object.entries(PAGE_METHODS).find(([, names]) => (names as readonly string[]).includes(name))?.[0];
  const answers = (service === undefined ? host : host[service as keyof Services]) as unknown as Record<string, Call>;
  return (...given) => answers[name]!(...given);
}

/** The page's calls, by their names, for a host that is there or comes. */
export function apiOf<T extends Deeds>(host: Host<T> | Promise<Host<T>>, table: T): ApiOf<T> {
  const names = [...Object.values(PAGE_METHODS).flat(), ...HOST_METHODS, ...Object.keys(table)];
  return Object.fromEntries(
    names.map(name => [name, async (...given: unknown[]) => callOf(await host, name)(...given)]),
  ) as ApiOf<T>;
}
