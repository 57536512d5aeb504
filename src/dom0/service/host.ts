/**
 * The host as its administrators see it: what the page may ask of Domain 0, over the toolstack. One object, in Domain 0's worker. It looks at no clock and
 * starts no worker by itself: `HostParts` says how.
 */
import { typeOf } from '../../hypervisor/kinds/index.ts';
import { DOMAIN_0, skipIds } from '../../hypervisor/memory/index.ts';
import { type DriveImage, type Medium, noMedia, type OpenMedium } from '../../hypervisor/index.ts';
import {
  type Bound,
  type CommandHost,
  type ConsoleInput,
  type Deeds,
  type DomainInfo,
  type DomainView,
  type FIRST_COMMANDS,
  type Guest,
  hasScreen,
  hasStopped,
  type HostInfo,
  type OpenHostDevice,
  type Task,
  type TaskRecord,
  Tasks,
  Toolstack,
  type ToolstackParts,
  type Viewers,
  commandOf,
  type Line,
} from '../toolstack/index.ts';
import type { FirmwareFiles } from './firmware-files.ts';
import { FarDisks } from './far-disks.ts';
import { guestDevice } from './guest-device.ts';
import { Images } from './images.ts';
import { GivenFiles } from './given-files.ts';
import type { HostFacts, NamedFile, Plan, PlannedDrive, ReadFiles } from '../definitions/index.ts';
import {
  type AllowedFiles,
  cdOfFiles,
  type HostFiles,
  LogFile,
  namesFiles,
  pathsIn,
  spellFiles,
} from '../host/files/index.ts';
import { keptName } from '../host/index.ts';
import type { StateInfo } from '../host/state/index.ts';
import { meet, type MoveOwnership } from './moving.ts';
import { Reading } from './reading.ts';
import { fell, logLine, toldBy } from './told.ts';
import type { Changes, Edited, JudgedText, OpenedDefinition } from './editing.ts';
import type { Consult, Manage } from './managing.ts';
import type { Inspected } from './inspection.ts';
import type { HostReadings, Inventory } from './inventory.ts';
import type { Neighbours } from '../pool/index.ts';
import { type BaseImage, isDevice, type Storage, transferVolume } from '../host/storage/index.ts';
import { isNetworkDisk } from '../../formats/nbd/index.ts';
import type { COMMANDS } from '../toolstack/commands/index.ts';
import { drawingOf, type ManagedDomains, managedLater } from '../toolstack/managed/index.ts';
import { loadBackends } from '../backends/index.ts';
import type { Moments } from './moments.ts';
import type { TimeCalls, VirtualTime } from './virtual-time.ts';

export interface HostParts
  extends Omit<ToolstackParts, 'hostMs' | 'openMedium'>,
    Pick<CommandHost['parts'], 'sockets' | 'ways' | 'serveScreen' | 'showScreenTo' | 'upMs'> {
  hostMs: () => number;
  /** Domains run in virtual time, whose rounds and inputs this knows; `hostMs` is for people then. */
  virtual?: VirtualTime;
  /** Why domains share this worker, where they do: what is missing. */
  why?: string;
  /** Throws a sentence. */
  fetchBytes?: (url: string) => Promise<Uint8Array>;
  /** The host's disk, opened at the first call; absent: it has none. */
  storage?: () => Promise<Storage>;
  /** Where files and disk are now, where that can change. */
  stateInfo?: () => Promise<StateInfo>;
  /** Files cannot be read a piece at a time here: those in drives are read whole. */
  readsWhole?: boolean;
  /** Domain 0's files; absent: it has none, and what needs them is refused. */
  files?: HostFiles;
  /** The task log is not what opens the files: it is written from then on. */
  logsAfter?: Promise<void>;
  openMedium?: OpenMedium;
  /** Files of the machine beneath that it may have next to Domain 0's; `files` has them, too. */
  allowed?: AllowedFiles | undefined;
  /** Other hosts, to which domains can go and from which they come; absent: there are none. */
  neighbours?: Neighbours;
}

/** The host with the commands of the table as its methods. */
export type Host<T extends Deeds = typeof COMMANDS> = HostCore & Bound<T>;

/** The page's, as long as nobody has asked for other commands. */
export type FirstHost = Host<typeof FIRST_COMMANDS>;

/** For a toolstack in virtual time. */
function withoutClock({ hostMs: _, ...parts }: HostParts): Omit<HostParts, 'hostMs'> {
  return parts;
}

/** Paths of definitions begin at the root. */
const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

const LOG = '/var/log/xen/xend.log';

/** Gets what there is whenever something changes; `show`: a domain whose window is asked for. */
export type HostListener = (domains: DomainInfo[], tasks: Task[], show?: number) => void;

export class HostCore implements CommandHost {
  readonly toolstack: Toolstack<Viewers>;
  readonly tasks: Tasks;
  readonly parts: HostParts;
  /** Definitions that are kept; undefined: Domain 0 has no files. */
  readonly managed: ManagedDomains | undefined;
  readonly startedEpochMs: number;
  /** Domains of a Domain 0 that is gone, by id. */
  readonly lost = new Map<number, DomainInfo>();
  private readonly taskLog: LogFile | undefined;
  private readonly listeners = new Set<HostListener>();
  private readonly reading = new Reading(this);
  private readonly images = new Images(this);
  private readonly given = new GivenFiles(this);
  readonly far: FarDisks;
  /** The disk on which what an earlier host left unfinished was looked for. */
  private settled: { storage: Storage; done: Promise<void> } | undefined;
  /** The host's disk, once it was opened. */
  private storage: Storage | undefined;

  constructor(parts: HostParts) {
    this.parts = parts;
    this.far = new FarDisks(parts);
    this.startedEpochMs = parts.epochMs();
    this.managed = parts.files && managedLater(parts.files, drawingOf(this), parts.hypervisor?.folders);
    this.taskLog = parts.files && new LogFile(parts.files, LOG, parts.logsAfter);
    this.tasks = new Tasks(
      parts,
      () => this.tell(),
      task => this.taskLog?.append(logLine(task)),
    );
    this.toolstack = new Toolstack<Viewers>(
      {
        openMedium: noMedia,
        openDevice: this.openDevice,
        keepWrites: this.given.keep,
        ...(parts.virtual ? withoutClock(parts) : parts),
        recorder: this.tasks.recorder,
      },
      toldBy(this),
    );
    this.toolstack.hypervisor.log.onLine = line => this.tasks.recorder.logged(line);
    if (parts.neighbours) this.meet(parts.neighbours);
    else if (parts.virtual) this.moveTo = parts.virtual.moveWithin(this);
  }

  moveTo?: CommandHost['moveTo'];
  protect?: CommandHost['protect'];
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

  /** The page may read machine memory itself. */
  get sharesMemory(): boolean {
    return (
      this.toolstack.runners.elsewhere ||
      (this.parts.virtual !== undefined &&
        typeof SharedArrayBuffer !== 'undefined' &&
        this.parts.memory instanceof SharedArrayBuffer)
    );
  }

  // ---- virtual time

  /** Virtual time has what it needs of this host; `command`: what the page calls. */
  followTime(command: (name: string, given: unknown[]) => Promise<unknown>): void {
    const { toolstack } = this;
    this.parts.virtual?.serve({
      idled: ns => {
        toolstack.goneNs += ns;
      },
      runners: toolstack.runners,
      hostNs: () => toolstack.virtualMs * 1e6,
      hear: (domain, input) => this.hear(this.member(domain), input),
      command,
      machine: toolstack.machine,
      view: toolstack.view,
      members: () => [...toolstack.members.values()].filter(({ released }) => !released),
      moments: async () => {
        const { Moments } = await import('./moments.ts');
        return (this.moments ??= new Moments(toolstack));
      },
    });
  }

  /** From the first that is kept on. */
  private moments: Moments | undefined;

  /** What is asked of virtual time (virtual-time.ts), by name. @throws Error with a sentence */
  async time<What extends keyof TimeCalls>(
    what: What,
    ...given: Parameters<TimeCalls[What]>
  ): Promise<Awaited<ReturnType<TimeCalls[What]>>> {
    const { virtual } = this.parts;
    if (!virtual) throw new Error('This host follows the clock on the wall. Load the page with ?time=virtual.');
    if (!virtual.calls.includes(what))
      throw new Error(`Virtual time knows ${virtual.calls.join(', ')}, and not ${String(what)}.`);
    return (virtual[what] as (...given: unknown[]) => Awaited<ReturnType<TimeCalls[What]>>)(...given);
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
  readonly inventory = async (opens: boolean, afterMs = Infinity): Promise<Inventory> =>
    (await import('./inventory.ts')).takeInventory(this, opens, afterMs);

  /** What the inspectors of a page ask: answered by a part that is loaded when the first one is opened. */
  async inspect<What extends keyof Inspected>(what: What, id: number = 0): Promise<Inspected[What]> {
    // The page's first view looks there by itself.
    if (what === 'machine') return (this.sharesMemory ? { memory: this.parts.memory } : {}) as Inspected[What];
    const { inspect } = await import('./inspection.ts');
    return inspect(this, what as Exclude<What, 'machine'>, id);
  }

  /** What the editor of definitions asks (editing.ts), likewise. */
  readonly openDefinition = async (name?: string): Promise<OpenedDefinition> =>
    (await import('./editing.ts')).openDefinition(this, name);
  readonly judgeText = async (edited: Edited): Promise<JudgedText> =>
    (await import('./editing.ts')).judgeText(this, edited);
  readonly changeText = async (edited: Edited, changes: Changes): Promise<JudgedText> =>
    (await import('./editing.ts')).changeText(this, edited, changes);
  readonly setDescription = async (name: string, text: string): Promise<void> =>
    (await import('./editing.ts')).setDescription(this, name, text);
  readonly setAutomatic = async (name: string, on: boolean): Promise<void> =>
    (await import('./editing.ts')).setAutomatic(this, name, on);

  /** What pages that manage domains ask and change (managing.ts), likewise. */
  readonly consult: Consult = async (what, ...given) => (await import('./managing.ts')).consult(this, what, given);
  readonly manage: Manage = async (what, ...given) => (await import('./managing.ts')).manage(this, what, given);

  // ---- files and plans

  async offerFirmware(files: FirmwareFiles): Promise<void> {
    this.reading.firmwareFiles = files;
  }

  /** Judges what files would make. Creates nothing. An earlier judgement ends with an error. */
  async plan(files: NamedFile[]): Promise<Plan> {
    return this.reading.plan(files);
  }

  /** Nobody waits for the judgement under way any more: it ends with an error. */
  async cancelPlan(): Promise<void> {
    this.reading.cancel();
  }

  /** Files read, with the firmware that they need. What is decided on them comes after it in one go: others may create domains meanwhile. */
  read(files: NamedFile[]): Promise<ReadFiles> {
    return this.reading.read(files);
  }

  // ---- the host's own disk

  /** Whether a path is one of the host's devices, or of an image on its disk, as far as that was opened (`openDevices`). */
  isDevice(path: string): boolean {
    if (isNetworkDisk(path) || this.parts.allowed?.has(path)) return true;
    return this.parts.storage !== undefined && (isDevice(path) || this.storage?.image(path) !== undefined);
  }

  /** A volume's by the number that records of requests have for it. */
  volumeName(number: number): string {
    const name = this.storage?.volumeName(number);
    return name === undefined ? `volume ${number}` : `vg0/${name}`;
  }

  /** A command for volumes (storage/commands.ts), as a task: what it prints. @throws Error with what it says where it fails */
  async diskCommand(words: string[]): Promise<string> {
    return this.tasks.run(words.join(' ') as Line, async task => {
      const storage = await this.openDevices();
      if (!storage) throw new Error('This host has no disk of its own.');
      const { runStorageCommand } = await import('../host/storage/commands.ts');
      const { status, out, err } = runStorageCommand(storage, words);
      if (status !== 0) throw new Error(err.trim());
      task.message = out.trim();
      return out;
    });
  }

  /** Has the host's disk open, where there is one, and has looked at the disks of other machines among these. @throws Error with a sentence */
  async openDevices(targets: readonly string[] = []): Promise<Storage | undefined> {
    for (const target of targets) if (isNetworkDisk(target)) await this.far.look(target);
    this.storage = await this.parts.storage?.();
    if (this.storage) await this.toolstack.services.disk.connect(this.storage.disk);
    await this.toolstack.services.disk.serveDrives();
    if (this.storage && this.settled?.storage !== this.storage)
      this.settled = { storage: this.storage, done: this.settle(this.storage) };
    await this.settled?.done;
    if (this.storage) await this.images.find(this.storage);
    return this.storage;
  }

  private async settle(storage: Storage): Promise<void> {
    const { settleUnfinished } = await import('../toolstack/snapshots/unfinished.ts');
    await settleUnfinished(this, storage);
  }

  openImage(path: string): Promise<BaseImage> {
    return this.images.open(path);
  }

  /** Ends domains that have devices of the host open: the disk goes. */
  async endUsersOfDisk(why: string): Promise<void> {
    this.given.endAll();
    for (const member of [...this.toolstack.members.values()]) {
      if (member.devices.every(({ path }) => isNetworkDisk(path))) continue;
      await this.toolstack.remove(member);
      this.tasks.note(commandOf('destroy', member.name), 'failed', why);
    }
    this.storage = undefined;
  }

  private readonly openDevice: OpenHostDevice = (path, who, how) => {
    const { allowed, later } = this.parts;
    const from = isNetworkDisk(path) ? this.far : allowed?.has(path) ? allowed : this.storage;
    if (!from) throw new Error(`${path}: this host has no disk of its own. Name a file.`);
    return guestDevice(from.open(path, who, !how.readOnly, how.uuid, how.format, how.shared), path, how, later);
  };

  get facts(): HostFacts {
    const { toolstack } = this;
    return {
      isTaken: name => toolstack.isTaken(name),
      ownerOf: uuid => toolstack.ownerOf(uuid)?.name,
      stationProblem: mac => toolstack.stations.problem(mac),
      places: toolstack.services.network.places,
      pcpus: toolstack.queue.pcpus,
      hasVt: toolstack.machine.hasVt,
      hypervisor: toolstack.hypervisor,
      freeMiB: Math.max(0, (toolstack.machine.freeFrames >>> 8) - 1),
    };
  }

  /** A plan's drives with their media: each is a device of the host or one of the files, as a plan with another is refused. */
  async drivesFrom(
    drives: readonly PlannedDrive[],
    files: readonly NamedFile[],
    domain: string,
  ): Promise<DriveImage[]> {
    if (drives.length > 0) await loadBackends(['drives']);
    return Promise.all(
      drives.map(async ({ image, ...drive }): Promise<DriveImage> => {
        if (image?.device) return { ...drive, medium: this.deviceMedium(image.name, domain) };
        const file = files.find(({ name }) => name === image?.name);
        return file
          ? { ...drive, medium: await this.mediumOf(file, !drive.readOnly && drive.kind !== 'cdrom') }
          : drive;
      }),
    );
  }

  /** What is made of a domain; where that fails, a transfer disk that was made for it goes again. @throws what `make` throws */
  async orNoTransferDisk<T>(domain: string, make: () => Promise<T> | T): Promise<T> {
    const had = this.storage?.transferOf(domain) !== undefined;
    try {
      return await make();
    } catch (error) {
      if (!had) this.storage?.removeUnused(transferVolume(domain));
      throw error;
    }
  }

  /** A device of the host as what lies in a domain's drive, by its own path. @throws StorageError */
  deviceMedium(target: string, domain: string): Medium {
    const isElsewhere = isNetworkDisk(target) || this.parts.allowed?.has(target);
    return { name: isElsewhere ? target : (this.storage?.deviceOf(target, domain) ?? target), device: true };
  }

  readonly mediumOf: CommandHost['mediumOf'] = (file, isWritten) => this.given.mediumOf(file, isWritten);
  readonly keptWrites: CommandHost['keptWrites'] = () => this.given.keptWrites();

  // ---- domains

  /** Domains of a Domain 0 that is gone, as it listed them last: listed as they are until they are destroyed. Their ids are not used again. */
  async recall(lost: DomainInfo[]): Promise<void> {
    for (const info of lost) this.lost.set(info.id, info);
    skipIds(this.machine, Math.max(0, ...lost.map(({ id }) => id)));
    this.tell();
  }

  all(): DomainInfo[] {
    const { members, dying } = this.toolstack;
    return [...this.lost.values(), ...[...members.values(), ...dying.values()].map(member => this.describe(member))];
  }

  describe(member: Guest): DomainInfo {
    const job = this.toolstack.jobs.of(member.name);
    const writable = (member.blueprint.drives ?? []).filter(
      ({ readOnly, medium }) => !readOnly && !(medium && 'device' in medium),
    ).length;
    return {
      id: member.record.id,
      name: member.name,
      state: this.toolstack.state(member),
      status: this.toolstack.status(member),
      ...(job ? { job } : {}),
      type: typeOf(member.blueprint.definition.kind),
      memoryMiB: member.memoryMiB,
      vcpus: member.record.vcpus,
      definition: member.blueprint.text,
      ...(hasScreen(member.blueprint) ? { hasScreen: true } : {}),
      ...(member.model ? { modelInDomain0: true } : {}),
      ...(writable > 0 ? { disks: writable } : {}),
      ...(member.restarts ? { restarts: { count: member.restarts.count, why: member.restarts.why } } : {}),
      ...(member.devices.some(({ isWaiting }) => isWaiting) ? { waitsForRoom: true } : {}),
      ...(member.ending ? { ended: member.ending.sentence, ...(fell(member.ending) ? { fell: true } : {}) } : {}),
    };
  }

  member(id: number): Guest {
    this.refuseLost(id);
    return this.toolstack.member(id);
  }

  /** A domain that has not stopped. */
  living(id: number): Guest {
    this.refuseLost(id);
    return this.toolstack.living(id);
  }

  /** Pause at a domain that is just started again as a new one means the new one. @throws Error with a sentence */
  standing(id: number): Guest {
    this.refuseLost(id);
    return this.toolstack.standing(id);
  }

  private refuseLost(id: number): void {
    if (id === 0)
      throw new Error('Domain 0 is the host itself, and no guest: reboot and poweroff in its shell end it.');
    const lost = this.lost.get(id);
    if (lost)
      throw new Error(`${hasStopped(lost.name, { sentence: lost.ended ?? 'Domain 0 ended.' })} Create it again.`);
  }

  async view(id: number): Promise<DomainView> {
    const { parts } = this;
    const member = this.member(id);
    const { countersOffset, screenOffset } = member.record;
    const console = member.console.open(message => this.hear(member, message));
    return {
      countersOffset,
      screenOffset,
      console,
      ...(this.sharesMemory ? { memory: parts.memory as SharedArrayBuffer } : {}),
    };
  }

  /** A file of Domain 0, or (`files:PATH…`) a CD that is made of some. @throws Error with a sentence */
  async readFile(path: string): Promise<Blob> {
    const { files } = this.parts;
    if (!files) throw new Error(`${path}: Domain 0 has no files here.`);
    if (namesFiles(path)) {
      return cdOfFiles(files, spellFiles(pathsIn(path).map(absolute)));
    }
    return new Blob([(await files.readFileBuffer(absolute(path))) as BlobPart]);
  }

  /** Ends what is done with a domain. @throws Error with libvirt's sentence where that cannot be */
  readonly abortJob = async (id: number): Promise<void> => this.toolstack.jobs.abort(this.member(id).name);

  /** What a task caused; undefined: that was not recorded. */
  async taskRecord(id: number): Promise<TaskRecord | undefined> {
    return this.tasks.record(id);
  }

  /** The one path of a file of Domain 0, however it is spelled and whatever links lead to it. */
  async realPath(path: string): Promise<string> {
    const { files } = this.parts;
    return (await files?.realpath(absolute(path)).catch(() => undefined)) ?? absolute(path);
  }

  /** @throws Error with a sentence */
  async removeFile(path: string): Promise<void> {
    await this.parts.files?.rm(absolute(path));
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
      const { createFrom } = await import('../toolstack/commands/life-words.ts');
      const read = (name: string): Promise<Blob> => this.readFile(name);
      await createFrom({ host: this, read }, path).catch((error: Error) =>
        this.tasks.note(commandOf('create', undefined, { file: path }), 'failed', error.message),
      );
    }
    this.tell();
  }

  /** Writes a domain's core file. @throws Error with a sentence */
  async dumpCore(member: Guest, path: string): Promise<void> {
    return (await import('../toolstack/dump-core.ts')).dumpCore(this, member, path);
  }

  private hear(member: Guest, message: Uint8Array | ConsoleInput): void {
    const { virtual } = this.parts;
    if (virtual?.note({ kind: 'console', domain: member.record.id, input: message }) ?? true)
      this.toolstack.inputs.take(member, message);
  }

  /** Something has happened to Domain 0 itself: a sentence for the task log. */
  note(sentence: string): void {
    this.tasks.note('Domain-0', 'failed', sentence);
    this.tell();
  }

  /** Of domains created from now on: whether and when guest code is compiled (`Toolstack.jitThreshold`). @throws Error: a sentence */
  async setJitThreshold(samples: number): Promise<void> {
    if (!(Number.isInteger(samples) && samples >= 0))
      throw new Error(
        'Write jit=0 for no compiler, or the number of samples from which code is compiled (8 is usual).',
      );
    this.toolstack.jitThreshold = samples;
  }

  /** A domain's unit in the run queue; id 0 is Domain 0's. */
  unit(id: number): { name: string; record: { index: number; vcpus: number } } {
    return id === 0 ? { name: 'Domain-0', record: { index: DOMAIN_0, vcpus: 1 } } : this.living(id);
  }

  // ---- what happens by itself, and who hears of it

  /** Called whenever a domain or a task changes (wrap with comlink.proxy). */
  async subscribe(listener: HostListener): Promise<void> {
    this.listen(listener);
    this.tell();
  }
  listen(listener: HostListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Has a domain's window shown; false: nobody has windows. */
  showScreen(id: number): boolean {
    this.tell(id);
    return this.listeners.size > 0;
  }

  /** The host's viewers get what there is now. */
  tell(show?: number): void {
    const domains = this.all();
    for (const listener of this.listeners) listener(domains, this.tasks.list(), show);
  }
}
