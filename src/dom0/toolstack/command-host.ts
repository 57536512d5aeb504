/**
 * The host as commands, snapshots and Domain 0's shell see it: a record of services. A part names those that it uses (`Uses<'files' | 'disk'>`), so that a
 * test fakes these alone. `HostCore` (service/host.ts) has them all.
 */
import type { DriveImage, Medium, OpenMedium } from '../../hypervisor/index.ts';
import type { HostFacts, NamedFile, Plan, PlannedDrive, ReadFiles } from '../definitions/index.ts';
import type { AllowedFiles, HostFiles } from '../host/files/index.ts';
import type { ByteChannel, Listening, Sockets } from '../host/nbd/index.ts';
import type { BaseImage, Storage } from '../host/storage/index.ts';
import type { Later, Ways } from '../host/index.ts';
import type { Network } from '../host/network/index.ts';
import type { AskedPort } from './commands/asked-port.ts';
import type { ManagedDomains } from './managed/index.ts';
import type { Member } from './running-domain.ts';
import type { Tasks } from './tasks.ts';
import type { Toolstack } from './toolstack.ts';
import type { Viewers } from './viewers.ts';
import type { DomainInfo, DomainView, HostInfo } from './wire.ts';
import type { StateInfo } from '../host/state/index.ts';

/** A domain with those who look at it. */
export type Guest = Member<Viewers>;

/** What of a domain's volumes goes with it; `inc`: of one that lies on an image that the other host has, too, what is not as that has it. libvirt's words. */
export type CopyStorage = 'all' | 'inc';

/** How a domain is to move to another host. */
export interface MoveWish {
  /** It is not to run there before somebody unpauses it. */
  paused?: boolean;
  /** The text that it is defined by from then on. */
  definition?: string;
  /** All of its memory is sent again while it is paused, and compared there. */
  verify?: boolean;
  /** Where it writes faster than its pages reach the other host, its processor gets less and less. */
  autoConverge?: boolean;
  /** What it is called there; absent: as here. */
  name?: string;
  /** It is defined there from then on. */
  persistent?: boolean;
  /** It may go on there before all of its memory has come: once somebody says so (virsh migrate-postcopy), or after the first round. */
  postcopy?: 'when-asked' | 'after-precopy';
  /** Its volumes are copied to the other host while it runs; absent: a domain with volumes is refused. */
  copyStorage?: CopyStorage;
  /** Domain 0 pings it meanwhile. */
  pings?: boolean;
  /** Ends it, as far as it can be ended. */
  signal?: AbortSignal;
  /** Called with each line that xl prints. */
  say?(line: string): void;
  /** Frames of a round that were copied, and how many it has. */
  progress?(iteration: number, copied: number, dirty: number): void;
}

/** What of a migration is counted. */
export interface Moved {
  /** Frames of each round that was copied while the guest ran. */
  rounds: number[];
  bytes: number;
  totalMs: number;
  /** From when it was paused here until the other host said that it runs there. */
  downtimeMs: number;
  /** The longest time between two answers to a ping; absent: it was not pinged, or does not answer. */
  silentMs?: number;
  /** Frames that it went on without. */
  leftBehind?: number;
  /** A sentence: it wrote faster than its pages reached the other host. */
  notConverged?: string;
}

/** A file that was given, to which a guest wrote: on which volume that is, and how much. */
export interface WrittenImage {
  name: string;
  volume: string;
  bytes: number;
}

/** How a domain is to be protected by Remus. */
export interface RemusWish {
  intervalMs: number;
  /** Its checkpoints go nowhere (xl's -b). */
  blackhole?: boolean;
  /** What it sends waits for its checkpoint. */
  holdsOutput: boolean;
  /** Its disks go back to a checkpoint, too; false: they are as they are. */
  holdsDisk: boolean;
  /** Ends it. */
  signal?: AbortSignal;
  say?(line: string): void;
  /** Called with each checkpoint that the other host has. */
  taken?(checkpoint: { pages: number; bytes: number; tookMs: number }): void;
}

/** Domain 0's files, and what definitions make of them. */
export interface FileService {
  /** The tree itself; absent: Domain 0 has no files, and what needs them is refused. */
  readonly own?: HostFiles | undefined;
  /** Files of the machine beneath that the host may have; absent: none. */
  readonly allowed?: AllowedFiles | undefined;
  /** Judges what files would make. Creates nothing. An earlier judgement ends with an error. */
  plan(files: NamedFile[]): Promise<Plan>;
  /** Files read, with the firmware that they need. What is decided on them comes after it in one go: others may create domains meanwhile. */
  read(files: NamedFile[]): Promise<ReadFiles>;
  /** A file of Domain 0, or (`files:PATH…`) a CD that is made of some. @throws Error with a sentence */
  readFile(path: string): Promise<Blob>;
  /** The one path of a file of Domain 0, however it is spelled and whatever links lead to it. */
  realPath(path: string): Promise<string>;
  /** @throws Error with a sentence */
  removeFile(path: string): Promise<void>;
  /** The disk in an image file of Domain 0, raw or qcow2. @throws Error with a sentence */
  openImage(path: string): Promise<BaseImage>;
  /** A file as what lies in a drive. @throws Error with a sentence where it is packed and damaged */
  mediumOf(file: NamedFile, isWritten?: boolean): Promise<Medium>;
  /** What guests wrote to images that were given, and is kept. */
  keptWrites(): Promise<{ find(files: readonly NamedFile[]): Promise<WrittenImage[]> }>;
}

/** The host's own disk, and disks of other machines. */
export interface DiskService {
  /** Has the host's disk open, where there is one, and has looked at the disks of other machines among these. @throws Error with a sentence */
  openDevices(targets?: readonly string[]): Promise<Storage | undefined>;
  /** Whether a path is one of the host's devices, or of an image on its disk, as far as that was opened (`openDevices`). */
  isDevice(path: string): boolean;
  /** A device of the host as what lies in a domain's drive, by its own path. @throws StorageError */
  deviceMedium(target: string, domain: string): Medium;
  /** A plan's drives with their media: each is a device of the host or one of the files. */
  drivesFrom(drives: readonly PlannedDrive[], files: readonly NamedFile[], domain: string): Promise<DriveImage[]>;
  /** What is made of a domain; where that fails, a transfer disk that was made for it goes again. @throws what `make` throws */
  orNoTransferDisk<T>(domain: string, make: () => Promise<T> | T): Promise<T>;
  /** A volume's by the number that records of requests have for it. */
  volumeName(number: number): string;
}

/** The domains that there are, and who hears that they change. */
export interface DomainService {
  /** Domains of a Domain 0 that is gone, by id. */
  readonly lost: Map<number, DomainInfo>;
  /** What files are judged by: names and addresses in use, processors, memory left. */
  readonly facts: HostFacts;
  all(): DomainInfo[];
  describe(member: Guest): DomainInfo;
  /** @throws Error with a sentence where there is none with this id */
  member(id: number): Guest;
  /** A domain that has not stopped. @throws Error with a sentence */
  living(id: number): Guest;
  /** A domain that has not stopped, or the new one that is just started in its place. @throws Error with a sentence */
  standing(id: number): Guest;
  /** A domain's unit in the run queue; id 0 is Domain 0's. @throws as `living` */
  unit(id: number): { name: string; record: { index: number; vcpus: number } };
  /** Writes a domain's core file. @throws Error with a sentence */
  dumpCore(member: Guest, path: string): Promise<void>;
  /** Calls it whenever something may have changed of domains; the result ends that. */
  listen(listener: () => void): () => void;
}

/** Who types at domains, and who sees their screens. */
export interface ConsoleService {
  /** Its console, and what it shows. @throws as `member` */
  view(id: number): Promise<DomainView>;
  /** Has a domain's window shown; false: nobody has windows. */
  showScreen(id: number): boolean;
  /**
   * Shows a domain's screen to clients of RFB on this machine, until that is closed, at the port that its definition asks for; absent: as in a page, nobody can
   * connect to the host. @throws Error with a sentence: that port is taken
   */
  readonly serveScreen?:
    | ((toolstack: Toolstack<Viewers>, member: Guest, asked?: AskedPort) => Promise<Listening>)
    | undefined;
  /** Has a client of RFB at the other end of a channel see a domain's screen; one that is trusted is asked for no password. */
  readonly showScreenTo?:
    | ((toolstack: Toolstack<Viewers>, member: Guest, channel: ByteChannel, isTrusted: boolean) => void)
    | undefined;
}

/** How domains go to other hosts. */
export interface MoveService {
  /** Moves a domain to another host; absent: there is none. @throws Error with a sentence, in xl's words */
  readonly moveTo?: ((member: Guest, to: string, wish: MoveWish) => Promise<Moved>) | undefined;
  /** Has another host go on with a domain where this one is lost, until that is over; absent: there is none. @throws Error with a sentence: it goes on here, unprotected */
  readonly protect?: ((member: Guest, to: string, wish: RemusWish) => Promise<void>) | undefined;
}

export interface ClockService {
  /** When the host started. */
  readonly startedEpochMs: number;
  epochMs(): number;
  /** Monotonic milliseconds. */
  hostMs(): number;
  /** Milliseconds since the machine started, those in which it slept among them; absent: only the wall clock can tell. */
  readonly upMs?: { nowMs(): number; grainMs: number } | undefined;
  /** As soon as the event loop had its turn, and after some milliseconds. */
  soon(callback: () => void): void;
  readonly later: Later;
}

/** Definitions that Domain 0's files keep. */
export interface DefinitionService {
  /** What a defined domain's definition says about it to people. @throws Error with a sentence */
  setDescription(name: string, text: string): Promise<void>;
}

export interface CommandHost extends MoveService {
  readonly toolstack: Toolstack<Viewers>;
  readonly machine: Toolstack['machine'];
  readonly queue: Toolstack['queue'];
  readonly network: Network;
  readonly tasks: Tasks;
  /** Definitions that are kept; undefined: Domain 0 has no files. */
  readonly managed: ManagedDomains | undefined;
  readonly files: FileService;
  readonly disk: DiskService;
  readonly domains: DomainService;
  readonly definitions: DefinitionService;
  readonly consoles: ConsoleService;
  readonly clock: ClockService;
  readonly parts: {
    readonly version: string;
    readonly openMedium?: OpenMedium;
    /** Ways to other hosts by TCP; absent: there is none, as in a page. */
    readonly sockets?: Sockets;
    /** Ways to other hosts of a pool; absent: none shares this host's time. */
    readonly ways?: Ways;
    /** Where files and disk are now, where that can change. */
    readonly stateInfo?: () => Promise<StateInfo>;
    /** There where domains run in virtual time: does a command, and notes it as an input. @throws as `run`, or a sentence while a run is repeated */
    readonly virtual?: { command<T>(name: string, given: unknown[], run: () => Promise<T>): Promise<T> };
  };
  summary(): Promise<HostInfo>;
  /** Of the tasks of this host, and of earlier ones where Domain 0 has files. */
  readLog(): Promise<string>;
}

/** The services of a host that a command or another part asks for. */
export type Uses<Service extends keyof CommandHost> = Pick<CommandHost, Service>;
