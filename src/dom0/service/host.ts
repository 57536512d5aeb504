/**
 * The host as its administrators see it: what the page may ask of Domain 0, over the toolstack. One object, in Domain 0's worker: a record of services. It looks
 * at no clock and starts no worker by itself: `HostParts` says how.
 */
import { creating, inspection, inventory, managing, virtualTime } from './parts.ts';
import { noMedia } from '../../hypervisor/index.ts';
import {
  type Bound,
  type ClockService,
  type CommandHost,
  type Deeds,
  type GUEST_COMMANDS,
  type HostInfo,
  type MoveService,
  type TaskRecord,
  Tasks,
  Toolstack,
  type Viewers,
  commandOf,
} from '../toolstack/index.ts';
import { LogFile } from '../host/files/index.ts';
import { keptName } from '../host/index.ts';
import type { Neighbours } from '../pool/index.ts';
import type { COMMANDS } from '../toolstack/commands/index.ts';
import { drawingOf, type ManagedDomains, managedLater } from '../toolstack/managed/index.ts';
import { ConsoleServiceOfDom0 } from './console-service.ts';
import { DefinitionServiceOfDom0 } from './definition-service.ts';
import { DiskServiceOfDom0 } from './disk-service.ts';
import { DomainServiceOfDom0 } from './domain-service.ts';
import type { FarDisks } from './far-disks.ts';
import { FileServiceOfDom0 } from './file-service.ts';
import type { HostParts } from './host-parts.ts';
import type { Inspected } from './inspection.ts';
import type { HostReadings, Inventory } from './inventory.ts';
import type { Consult, Manage } from './managing.ts';
import { meet, type MoveOwnership } from './moving.ts';
import { logLine, toldBy } from './told.ts';
import type { TimeCalls } from './virtual-time.ts';

export type { HostParts } from './host-parts.ts';

/** The host with the commands of the table as its methods. */
export type Host<T extends Deeds = typeof COMMANDS> = HostCore & Bound<T>;

/** The page's, as long as nobody has asked for other commands. */
export type FirstHost = Host<typeof GUEST_COMMANDS>;

/** For a toolstack in virtual time. */
function withoutClock({ hostMs: _, ...parts }: HostParts): Omit<HostParts, 'hostMs'> {
  return parts;
}

const LOG = '/var/log/xen/xend.log';

export class HostCore implements CommandHost {
  readonly toolstack: Toolstack<Viewers>;
  readonly tasks: Tasks;
  readonly parts: HostParts;
  readonly managed: ManagedDomains | undefined;
  readonly disk: DiskServiceOfDom0;
  readonly files: FileServiceOfDom0;
  readonly domains: DomainServiceOfDom0 = new DomainServiceOfDom0(this);
  readonly definitions: DefinitionServiceOfDom0 = new DefinitionServiceOfDom0(this);
  readonly consoles: ConsoleServiceOfDom0;
  moveTo?: MoveService['moveTo'];
  protect?: MoveService['protect'];
  readonly clock: ClockService;
  private readonly taskLog: LogFile | undefined;

  constructor(parts: HostParts) {
    this.parts = parts;
    const { epochMs, hostMs, upMs, soon, later } = parts;
    this.clock = { startedEpochMs: epochMs(), epochMs, hostMs, upMs, soon, later };
    this.managed = parts.files && managedLater(parts.files, drawingOf(this), parts.hypervisor?.folders);
    this.taskLog = parts.files && new LogFile(parts.files, LOG, parts.logsAfter);
    this.tasks = new Tasks(
      parts,
      () => this.domains.tell(),
      task => this.taskLog?.append(logLine(task)),
    );
    this.disk = new DiskServiceOfDom0(this);
    this.files = new FileServiceOfDom0(this);
    this.consoles = new ConsoleServiceOfDom0(this);
    this.toolstack = new Toolstack<Viewers>(
      {
        openMedium: noMedia,
        openDevice: this.disk.openDevice,
        keepWrites: this.files.given.keep,
        ...(parts.virtual ? withoutClock(parts) : parts),
        recorder: this.tasks.recorder,
      },
      toldBy(this),
    );
    this.toolstack.hypervisor.log.onLine = line => this.tasks.recorder.logged(line);
    if (parts.neighbours) this.meet(parts.neighbours);
    else if (parts.virtual) this.moveTo = parts.virtual.moveWithin(this);
  }

  /** Domains can go to these hosts from now on, and come from them. */
  meet(neighbours: Neighbours, ownership?: MoveOwnership): void {
    this.moveTo = meet(this, neighbours, ownership);
  }

  get machine(): Toolstack['machine'] {
    return this.toolstack.machine;
  }
  get queue(): Toolstack['queue'] {
    return this.toolstack.queue;
  }
  get far(): FarDisks {
    return this.disk.far;
  }
  get network(): CommandHost['network'] {
    return this.toolstack.services.network;
  }

  /** The page may read machine memory itself. */
  get sharesMemory(): boolean {
    return (
      this.toolstack.runners.elsewhere ||
      (this.parts.virtual !== undefined &&
        typeof SharedArrayBuffer !== 'undefined' &&
        this.parts.memory instanceof SharedArrayBuffer)
    );
  }

  /** What is asked of virtual time (virtual-time.ts), by name. @throws Error with a sentence */
  async time<What extends keyof TimeCalls>(
    what: What,
    ...given: Parameters<TimeCalls[What]>
  ): Promise<Awaited<ReturnType<TimeCalls[What]>>> {
    return (await virtualTime.load()).askTime(this.parts.virtual, what, given);
  }

  /** What the page shows of the host. */
  async summary(): Promise<HostInfo> {
    const { parts, machine, queue } = this;
    return {
      version: parts.version,
      mode: this.toolstack.runners.elsewhere ? 'shared' : 'single',
      ...(parts.virtual ? { time: 'virtual' } : {}),
      ...(parts.why === undefined ? {} : { why: parts.why }),
      hypervisor: this.toolstack.hypervisor.kind,
      ...(this.toolstack.hypervisor.hasVt ? {} : { noVt: true }),
      memoryMiB: machine.frames >>> 8,
      freeMiB: machine.freeFrames >>> 8,
      pcpus: queue.pcpus,
    };
  }

  /** From the first look on. */
  readings?: HostReadings;
  /** What there is next to running domains, and what was read after `afterMs`; `opens`: definitions and disk, too. @throws Error where those cannot be opened */
  async inventory(opens: boolean, afterMs = Infinity): Promise<Inventory> {
    return (await inventory.load()).takeInventory(this, opens, afterMs);
  }

  /** What the inspectors of a page ask: answered by a part that is loaded when the first one is opened. */
  async inspect<What extends keyof Inspected>(what: What, id: number = 0): Promise<Inspected[What]> {
    // The page's first view looks there by itself.
    if (what === 'machine') return (this.sharesMemory ? { memory: this.parts.memory } : {}) as Inspected[What];
    const { inspect } = await inspection.load();
    return inspect(this, what as Exclude<What, 'machine'>, id);
  }

  /** What pages that manage domains ask and change (managing.ts), likewise. */
  readonly consult: Consult = async (what, ...given) => (await managing.load()).consult(this, what, given);
  readonly manage: Manage = async (what, ...given) => (await managing.load()).manage(this, what, given);

  /** What a task caused; undefined: that was not recorded. */
  async taskRecord(id: number): Promise<TaskRecord | undefined> {
    return this.tasks.record(id);
  }

  /** Of the tasks of this host, and of earlier ones where Domain 0 has files. */
  async readLog(): Promise<string> {
    await this.taskLog?.written();
    const kept = await this.parts.files?.readFileBuffer(LOG).catch(() => new Uint8Array());
    return kept ? new TextDecoder().decode(kept) : this.tasks.list().map(logLine).join('');
  }

  /** The host ends, and with it what runs on it: that is in the logs then. Names of those domains. */
  async endWithGuests(): Promise<string[]> {
    const members = [...this.toolstack.members.values()].filter(({ ending }) => !ending);
    for (const { name, record } of members)
      this.tasks.note(`${name} stopped`, 'failed', `Its host ended while domain ${record.id} ran.`);
    await Promise.all([this.taskLog?.written(), ...members.map(({ console }) => console.log?.flush())]);
    return members.map(({ name }) => name);
  }

  /** The host has its files: it is who it was, and starts what is to start with it, one after the other; what cannot be started is reported in the task log, and the next is tried. */
  async startAutomatic(): Promise<void> {
    const name = await keptName(this.parts.files);
    if (name !== undefined) this.toolstack.become({ ...this.toolstack.identity, name });
    for (const path of (await this.managed?.automaticPaths()) ?? []) {
      const { createFrom } = await creating.load();
      const read = (name: string): Promise<Blob> => this.files.readFile(name);
      await createFrom({ host: this, read }, path).catch((error: Error) =>
        this.tasks.note(commandOf('create', undefined, { file: path }), 'failed', error.message),
      );
    }
    this.domains.tell();
  }

  /** Something has happened to Domain 0 itself: a sentence for the task log. */
  note(sentence: string): void {
    this.tasks.note('Domain-0', 'failed', sentence);
    this.domains.tell();
  }

  /** Of domains created from now on: whether and when guest code is compiled (`Toolstack.jitThreshold`). @throws Error: a sentence */
  async setJitThreshold(samples: number): Promise<void> {
    if (!(Number.isInteger(samples) && samples >= 0))
      throw new Error(
        'Write jit=0 for no compiler, or the number of samples from which code is compiled (8 is usual).',
      );
    this.toolstack.jitThreshold = samples;
  }
}
