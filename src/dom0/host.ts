/**
 * The host as its administrators see it: the domains there are, what can be done to them, and who is told. One object, in Domain 0's worker.
 * It looks at no clock and starts no worker by itself: `HostParts` says how.
 */
import { COUNTERS, MAILBOX } from '../hypervisor/memory/layout.ts';
import { createDomain, destroyDomain, releaseRam, skipIds } from '../hypervisor/memory/domain-table.ts';
import { DOMAIN_0 } from '../hypervisor/memory/machine.ts';
import { queueClock, Scheduler, sharesOf, sharesProblem } from '../hypervisor/scheduler/scheduler.ts';
import { Slot } from '../hypervisor/scheduler/slot.ts';
import {
  attachDrives,
  type Boot,
  type DomainRecord,
  type DriveImage,
  type Ending,
  Machine,
  p2mFrames,
  type ReadBlob,
  readState,
  type SavedState,
  withToolstack,
} from '../hypervisor/index.ts';
import type { ConsoleInput, DomainInfo, DomainState, DomainView, FirmwareFiles, HostApi, HostInfo, NamedFile, NewShares, Plan, Schedule, Task } from './api.ts';
import { affinityProblem, formatCpus, parseCpus } from './config/cpus.ts';
import type { Action, Definition, DomainType } from './config/model.ts';
import { formatFinding, judgeDefinition } from './config/model.ts';
import { lengthProblem } from './config/xlcfg.ts';
import { goOn, type HostFacts, judgeFiles, type ReadFiles, readFiles } from './judging.ts';
import { baseName, type Firmware, needsFirmware, NO_FIRMWARE } from './plan.ts';
import type { State } from '../devices/bus.ts';
import type { IdeAttachment } from '../devices/index.ts';
import { DEFAULT_MAC, wired } from '../hypervisor/domain/assemble.ts';
import type { DeviceModel } from './device-model/device-model.ts';
import { hostTime } from './device-model/host-time.ts';
import { modelOf } from './device-model/saved-model.ts';
import { LocalRunner, type LocalScheduler } from './runner-local.ts';
import { WorkerRunner, type WorkerLike } from './runner-worker.ts';
import { type Watching, WorkerWatch } from './worker-watch.ts';
import type { DomainListener, DomainRunner, Later } from './runner.ts';
import { cardsOf, savedCards } from './toolstack/cards.ts';
import { type Attached, memoryShape, Services, WHOLE_P2M, XEN_TYPES } from './toolstack/services.ts';
import { StationAddresses } from './toolstack/station-addresses.ts';
import { Tasks } from './tasks.ts';
import { uuidOf } from './toolstack/uuid.ts';
import { Viewers } from './viewers.ts';
import { parseXenOptions } from './xen-options.ts';

export interface HostParts {
  version: string;
  memory: SharedArrayBuffer | ArrayBuffer;
  /** Makes a domain's worker; absent: domains run here, in turns (`why` says what is missing). */
  spawn?: () => WorkerLike;
  /** Where workers have Web Locks. */
  watching?: Watching;
  scheduler: LocalScheduler;
  why?: string;
  later: Later;
  /** Milliseconds on a monotonic clock that all workers share (performance.timeOrigin + performance.now()). */
  hostMs: () => number;
  /** Slots: domains that may run at once (1). */
  pcpus?: number;
  epochMs: () => number;
  /** Of what is drawn: station addresses (0). */
  seed?: number;
  /** Throws a sentence. */
  fetchBytes?: (url: string) => Promise<Uint8Array>;
  /** Reads a part of a file at once, for domains that run here. */
  readBlob?: ReadBlob;
}

/** What a domain is built from; kept to build it again when it asks for a restart. */
interface Blueprint {
  definition: Definition;
  boot: Boot;
  /** What it shows of Xen; absent: a plain PC. */
  xen?: DomainType;
  drives?: DriveImage[];
  text: string;
  startEpochMs: number;
  saved?: { state: SavedState; bytes: Uint8Array };
}

interface Member {
  blueprint: Blueprint;
  /** Its back ends, of a guest of Xen that runs. */
  attached?: Attached;
  /** Its device model, where that is in Domain 0. */
  model?: DeviceModel;
  /** Where it showed something last: there it is typed at. */
  usesPvConsole: boolean;
  /** It was asked to suspend itself, to be saved then; `failed`: it cannot any more. */
  whenSuspended?: (failed?: string) => void;
  record: DomainRecord;
  /** What was loaded. */
  about: string;
  restarts?: DomainInfo['restarts'];
  /** Those who wait for it to stop, with what they do then. */
  whenOver: Set<(how: string, byItself: boolean) => void>;
  name: string;
  memoryMiB: number;
  definition: string;
  actions: { poweroff: Action; reset: Action; crash: Action };
  runner: DomainRunner;
  paused: boolean;
  ending: Ending | null;
  /** RAM was given back. */
  released: boolean;
  viewers: Viewers;
}

/** Milliseconds that a domain's worker may take to hear that it is paused. */
const STANDS_STILL_TRIES = 1000;
/** How long a guest may take to suspend itself. */
const SUSPEND_MS = 60_000;
/** How long a guest may take to follow its power button. */
const POWER_MS = 30_000;
/** How often a dying domain is looked after. */
const DYING_MS = 200;
/** Where a browser has no Atomics.waitAsync, Domain 0 looks so often for events. */
const POLL_MS = 4;

const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

/** What the host itself says in a guest's terminal. */
const said = (text: string): Uint8Array => new TextEncoder().encode(`\r\n[ringside] ${text.trim().replace(/\n/g, '\r\n')}\r\n`);

/** The part of a crash report that says how it came there. */
function lastExits(report = ''): string {
  const at = report.indexOf('last exits');
  return at < 0 ? '' : `\n${report.slice(at)}`;
}

export class Host implements Omit<HostApi, 'alive'> {
  readonly machine: Machine;
  private readonly parts: HostParts;
  /** Who may run; domain ids stand for units by their slots in the domain table. */
  readonly queue: Scheduler;
  private readonly members = new Map<number, Member>();
  /** Destroyed domains of which somebody still has frames mapped. */
  private readonly dying = new Map<number, Member>();
  /** Domains of a Domain 0 that is gone, by id. */
  private readonly lost = new Map<number, DomainInfo>();
  private readonly services: Services;
  /** Domain 0's own. */
  private readonly slot: Slot;
  private readonly watch: WorkerWatch;
  private readonly listeners: ((domains: DomainInfo[], tasks: Task[]) => void)[] = [];
  private firmwareFiles: FirmwareFiles | undefined;
  private readonly tasks: Tasks;
  private readonly addresses: StationAddresses;
  /** Judgements asked for: an earlier one ends when it finds another number. */
  private judgements = 0;

  constructor(parts: HostParts) {
    this.parts = parts;
    this.tasks = new Tasks(parts, () => this.tell());
    this.addresses = new StationAddresses(parts.seed ?? 0);
    this.machine = Machine.create(parts.memory);
    this.queue = new Scheduler(this.machine, queueClock(this.machine, parts.hostMs));
    this.queue.configure({ pcpus: parts.spawn ? (parts.pcpus ?? 1) : 1 });
    this.services = new Services(this.machine, {
      time: hostTime(parts.hostMs, parts.later, () => this.due()),
      log: sentence => this.tasks.note('Domain-0', 'failed', sentence),
    });
    // In its worker Domain 0 works while it holds a slot; on one thread its work is between the guests' slices anyway.
    this.queue.add({ slot: DOMAIN_0, vcpus: 1 }, { doorbell: this.services.dom0.doorbell });
    this.slot = new Slot(this.queue, DOMAIN_0);
    this.watch = new WorkerWatch(this.machine, this.queue, parts.later, parts.watching);
    if (parts.spawn) this.listen();
  }

  /** Something of Domain 0's own is due. */
  private due(): void {
    if (this.parts.spawn) this.services.dom0.ports.ring();
    else if (this.services.poll()) this.parts.scheduler.poke();
  }

  /** Domain 0 is told of events by its doorbell: it serves them, and waits for the next ring without blocking. */
  private listen(): void {
    const { words } = this.machine;
    const { doorbell } = this.services.dom0;
    const seen = Atomics.load(words, doorbell);
    this.slot.serve(this.services.pending, () => this.services.poll());
    const ring = typeof Atomics.waitAsync === 'function' ? Atomics.waitAsync(words, doorbell, seen) : undefined;
    if (ring?.async) void ring.value.then(() => this.listen());
    else this.parts.later(ring ? 0 : POLL_MS, () => this.listen());
  }

  async info(): Promise<HostInfo> {
    const { parts, machine } = this;
    return {
      version: parts.version,
      mode: parts.spawn ? 'shared' : 'single',
      ...(parts.why === undefined ? {} : { why: parts.why }),
      memoryMiB: machine.frames >>> 8,
      freeMiB: machine.freeFrames >>> 8,
      pcpus: this.queue.pcpus,
    };
  }

  async offerFirmware(files: FirmwareFiles): Promise<void> {
    this.firmwareFiles = files;
  }

  /** Fetched when a guest needs it; a failure is tried again the next time. */
  private async firmware(): Promise<Firmware> {
    const files = this.firmwareFiles;
    const { fetchBytes } = this.parts;
    if (!files || !fetchBytes) return NO_FIRMWARE;
    try {
      const [image, vgaBios] = await Promise.all([fetchBytes(files.bios.url), fetchBytes(files.vgaBios.url)]);
      return { image, vgaBios, name: files.bios.name };
    } catch (error) {
      return `Firmware is needed to boot from a disk, and ${files.bios.name} could not be fetched (${(error as Error).message}). Check the connection and try again.`;
    }
  }

  async plan(files: NamedFile[]): Promise<Plan> {
    const mine = ++this.judgements;
    return judgeFiles(await this.read(files, () => mine === this.judgements), this.facts).plan;
  }

  async cancelPlan(): Promise<void> {
    this.judgements++;
  }

  /** Files read, with the firmware that they need. What is decided on them comes after it in one go: others may create domains meanwhile. */
  private async read(files: NamedFile[], wanted = (): boolean => true): Promise<ReadFiles> {
    const given = await readFiles(files, wanted);
    const firmware = needsFirmware(given) ? await this.firmware() : undefined;
    goOn(wanted);
    return { given, firmware };
  }

  private isTaken(name: string): boolean {
    return [...this.members.values()].some(member => member.name === name && !member.ending);
  }

  private get facts(): HostFacts {
    return {
      isTaken: name => this.isTaken(name),
      stationProblem: mac => this.stationProblem(mac),
      pcpus: this.queue.pcpus,
      freeMiB: Math.max(0, (this.machine.freeFrames >>> 8) - 1),
    };
  }

  async create(files: NamedFile[], anotherName = false): Promise<DomainInfo> {
    const main = files.find(file => /\.(cfg|xl|conf)$/i.test(file.name)) ?? files[0];
    return this.tasks.run(`xl create ${main?.name ?? ''}`.trim(), async task => {
      const read = await this.read(files);
      const { plan, domain } = judgeFiles(read, this.facts, anotherName);
      if (plan.command !== '') task.command = plan.command;
      if (!domain) throw new Error(plan.errors.map(error => (error.source === '' ? error.text : formatFinding(error))).join('\n'));
      // Every drive's image is one of the files: a plan with another is refused.
      const drives = domain.drives.map(({ image, ...drive }): DriveImage => {
        const file = files.find(({ name }) => name === image?.name);
        return file ? { ...drive, medium: { name: baseName(file.name), data: file.data } } : drive;
      });
      const { definition, boot, xen } = domain;
      const built = await this.build({ definition, boot, drives, text: plan.definition, startEpochMs: this.parts.epochMs(), ...(xen ? { xen } : {}) });
      task.message = this.describeBuilt(built);
      return built;
    });
  }

  async restore(state: NamedFile, images: NamedFile[] = []): Promise<DomainInfo> {
    return this.tasks.run(`xl restore ${state.name}`, async task => {
      const bytes = new Uint8Array(await state.data.arrayBuffer());
      const saved = readState(bytes, state.name);
      const { about } = saved,
        model = modelOf(saved);
      if (about.virtualTime)
        throw new Error(
          `${state.name} was saved in virtual time, which the page does not run in. Restore it with ringside boot --virtual-time --restore ${state.name}.`,
        );
      const tooLong = lengthProblem(about.definition.length);
      if (tooLong) throw new Error(`${state.name} has no definition that could be read: ${tooLong}`);
      if (this.isTaken(about.name))
        throw new Error(`There is a domain called ${about.name} already. Destroy it, and restore this one again.`);
      const { definition: judged } = judgeDefinition(about.name, about.definition);
      // The card that it has, with its address, whatever the definition's text says.
      const { nic: _nic, vif: _vif, mac: _mac, ...definition } = judged;
      if (about.nic) Object.assign(definition, { nic: about.nic, mac: about.mac ?? DEFAULT_MAC });
      const [pvCard] = savedCards(saved.toolstack);
      if (pvCard) Object.assign(definition, { vif: true, mac: pvCard.mac });
      const built = await this.build({
        definition: { ...definition, name: about.name, memoryMiB: about.populatedMiB, maxMemoryMiB: about.memoryMiB, vcpus: about.vcpus ?? 1, ...(about.uuid ? { uuid: about.uuid } : {}), modelInDomain0: model !== undefined },
        boot: saved.boot,
        // An image that is not there is missed when the state is read into the domain.
        drives: (model?.drives ?? about.drives ?? []).flatMap(({ place, kind, bytes, label }): DriveImage[] => {
          const medium = images.find(({ name }) => baseName(name) === baseName(label));
          if (bytes >= 0 && !medium) return [];
          return [{ place, kind, readOnly: kind === 'cdrom', ...(medium ? { medium } : {}) }];
        }),
        text: about.definition,
        startEpochMs: about.startEpochMs,
        saved: { state: saved, bytes },
        ...(about.xen ? { xen: about.xen } : {}),
      });
      task.message = this.describeBuilt(built);
      return built;
    });
  }

  /** Why a card cannot have this station address; undefined: it can. Domains that have stopped send nothing. */
  private stationProblem(mac: string | undefined): string | undefined {
    const other = [...this.members.values()].find(({ ending, blueprint }) => mac && !ending && blueprint.definition.mac === mac);
    return other && `${other.name} has the station address ${mac} already.`;
  }

  /** With a station address, if there is a card. @throws Error */
  private addressed(blueprint: Blueprint): Blueprint {
    const { definition } = blueprint;
    if (!definition.nic && !definition.vif) return blueprint;
    const problem = this.stationProblem(definition.mac);
    if (problem) throw new Error(`${problem} Destroy it first.`);
    const taken = new Set([...this.members.values()].map(member => member.blueprint.definition.mac ?? ''));
    return definition.mac ? blueprint : { ...blueprint, definition: { ...definition, mac: this.addresses.draw(taken) } };
  }

  /** What a new domain is, for the task that made it. */
  private describeBuilt({ id, name, memoryMiB, vcpus }: DomainInfo): string {
    return `${name} is domain ${id} with ${memoryMiB} MiB and ${plural(vcpus, 'vCPU')}: ${this.members.get(id)?.about || 'it goes on where it was saved'}.`;
  }

  /** `before`: what an earlier domain of the same guest showed, and what is said of its end. */
  private async build(asked: Blueprint, before?: { shown: Uint8Array; line: (id: number) => string; restarts: DomainInfo['restarts'] }): Promise<DomainInfo> {
    const blueprint = this.addressed(asked);
    const { definition, boot, drives = [], text, startEpochMs, saved, xen } = blueprint;
    const { machine, parts } = this;
    const reach = xen === 'pv' ? machine.frames : xen ? WHOLE_P2M : p2mFrames(boot, definition.memoryMiB);
    const { seenMiB, populateMiB } = memoryShape(xen, definition.memoryMiB, definition.maxMemoryMiB);
    const record = createDomain(machine, seenMiB, reach, { vcpus: definition.maxVcpus ?? definition.vcpus, onlineVcpus: definition.vcpus, populateMiB, card: definition.nic !== undefined, ...(xen ? { xen: XEN_TYPES[xen] } : {}) });
    const uuid = definition.uuid ?? uuidOf(record.id, startEpochMs);
    const modelHere = xen === 'hvm' && definition.modelInDomain0 === true;
    try {
      if (xen) this.services.prepare(record, uuid, modelHere, definition.viridian);
    } catch (error) {
      destroyDomain(machine, record);
      throw error;
    }
    const member: Member = {
      blueprint,
      usesPvConsole: xen === 'pv' || xen === 'pvh',
      about: '',
      whenOver: new Set(),
      ...(before?.restarts ? { restarts: before.restarts } : {}),
      record,
      name: definition.name,
      memoryMiB: definition.memoryMiB,
      definition: text,
      actions: { poweroff: definition.onPoweroff, reset: definition.onReboot, crash: definition.onCrash },
      runner: undefined as unknown as DomainRunner,
      paused: false,
      ending: null,
      released: false,
      viewers: new Viewers(this.machine, record, this.parts.spawn ? undefined : this.parts.hostMs),
    };
    const kept = saved?.state.toolstack?.console;
    if (kept instanceof Uint8Array) member.viewers.print(kept);
    if (before) {
      member.viewers.print(before.shown);
      member.viewers.print(said(before.line(record.id)));
    }
    const listener: DomainListener = {
      serial: bytes => {
        member.usesPvConsole = false;
        member.viewers.print(bytes);
      },
      ended: ending => this.ended(member, ending),
      problem: sentence => {
        this.tasks.note(member.name, 'failed', sentence);
        this.tell();
      },
      restarted: report => this.restarted(member, report),
      changed: () => {
        member.viewers.snapshot(false);
        // In turns with the guests: whoever Domain 0 has answered looks again.
        if (this.services.poll()) parts.scheduler.poke();
      },
    };
    const common = {
      memoryMiB: seenMiB,
      boot,
      ...(definition.nic ? { nic: definition.nic } : {}),
      ...(definition.mac ? { mac: definition.mac } : {}),
      startEpochMs,
      // A guest of Xen that restarts is a new domain.
      onReset: definition.onReboot === 'restart' && !xen ? 'restart' : 'end',
      onTripleFault: xen ? 'end' : 'restart',
    } as const;
    const readBlob: ReadBlob = part => {
      if (!parts.readBlob) throw new Error('files cannot be read here');
      return parts.readBlob(part);
    };
    this.queue.add(record, { ...sharesOf(definition), doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
    const named = { name: definition.name, program: parts.version, definition: text };
    if (parts.spawn) {
      const message = { memory: parts.memory as SharedArrayBuffer, slot: record.slot, ...named, ...common, ...(modelHere ? {} : { drives }), ...(saved ? { saved: saved.bytes } : {}) };
      member.runner = new WorkerRunner(parts.spawn(), machine, record, message, listener, parts.later, (...watched) => this.watch.watch(...watched));
    } else {
      member.runner = new LocalRunner(
        { slot: new Slot(this.queue, record.slot), domain: { machine, record, hostMs: parts.hostMs, ...common, ...(modelHere ? {} : { ide: attachDrives(drives, readBlob, listener.problem) }) }, ...named, ...(saved ? { saved: saved.state } : {}) },
        listener,
        parts.scheduler,
      );
    }
    this.members.set(record.id, member);
    this.services.network.attachCard(record, definition.rate);
    try {
      // As xl does: it is built, then its store and console have their other ends, then it runs.
      if (xen) member.runner.setPaused(true);
      member.about = await member.runner.started;
      if (xen) {
        this.attach(member, xen, uuid);
        if (modelHere) this.attachModel(member, seenMiB, attachDrives(drives, readBlob, listener.problem), listener);
        member.runner.setPaused(false);
      }
    } catch (error) {
      this.members.delete(record.id);
      this.services.network.detachCard(record.id);
      await member.runner.destroy();
      this.queue.remove(record.slot);
      this.bury(member);
      throw error;
    }
    return this.describe(member);
  }

  private attach(member: Member, type: DomainType, uuid: string): void {
    const { definition, boot, startEpochMs } = member.blueprint;
    const described = {
      uuid,
      name: member.name,
      type,
      memoryMiB: member.memoryMiB,
      maxMemoryMiB: definition.maxMemoryMiB ?? member.memoryMiB,
      vcpus: definition.vcpus,
      maxVcpus: definition.maxVcpus ?? definition.vcpus,
      startEpochMs,
      ...(boot.kind === 'firmware' ? {} : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
    };
    member.attached = this.services.attach(member.record, { ...described, ...cardsOf(definition) }, bytes => {
      member.usesPvConsole = true;
      member.viewers.print(bytes);
    }, member.blueprint.saved?.state.toolstack);
  }

  /** The device model of a guest, in Domain 0. */
  private attachModel(member: Member, memoryMiB: number, ide: IdeAttachment[], listener: DomainListener): void {
    const { parts, services } = this;
    const { definition, boot, saved } = member.blueprint;
    member.model = services.attachModel({
      record: member.record,
      memoryMiB,
      boot,
      ide,
      ...(definition.nic ? { nic: timers => wired(this.machine, member.record, timers, definition) } : {}),
      ...hostTime(parts.hostMs, parts.later, () => this.due()),
      serial: byte => listener.serial(Uint8Array.of(byte)),
      failed: listener.problem,
      saved: saved && modelOf(saved.state),
    });
  }

  private detach(member: Member): void {
    if (member.attached) this.services.detach(member.record.id);
    this.services.network.detachCard(member.record.id);
    delete member.attached;
    delete member.model;
  }

  /** Gives back what a domain had: at once, or when the last who has mapped a frame of it lets go. */
  private bury(member: Member): void {
    const { id } = member.record;
    this.watch.forget(member.record);
    if (destroyDomain(this.machine, member.record, this.services.dom0.held.frames)) {
      if (this.dying.delete(id)) this.tell();
      return;
    }
    this.dying.set(id, member);
    this.parts.later(DYING_MS, () => this.bury(member));
  }

  async list(): Promise<DomainInfo[]> {
    return this.all();
  }

  private all(): DomainInfo[] {
    return [...this.lost.values(), ...[...this.members.values(), ...this.dying.values()].map(member => this.describe(member))];
  }

  async recall(lost: DomainInfo[]): Promise<void> {
    for (const info of lost) this.lost.set(info.id, info);
    skipIds(this.machine, Math.max(0, ...lost.map(({ id }) => id)));
    this.tell();
  }

  private describe(member: Member): DomainInfo {
    const writable = (member.blueprint.drives ?? []).filter(({ readOnly }) => !readOnly).length;
    const info: DomainInfo = {
      id: member.record.id,
      name: member.name,
      state: this.state(member),
      type: member.blueprint.xen ?? 'hvm',
      memoryMiB: member.memoryMiB,
      vcpus: member.record.vcpus,
      definition: member.definition,
      ...(member.model ? { modelInDomain0: true } : {}),
      ...(writable > 0 ? { disks: writable } : {}),
      ...(member.restarts ? { restarts: member.restarts } : {}),
    };
    if (member.ending) info.ended = member.ending.sentence;
    return info;
  }

  private state(member: Member): DomainState {
    if (this.dying.has(member.record.id)) return 'd';
    if (member.ending) return member.ending.kind === 'crash' ? 'c' : 's';
    if (member.paused) return 'p';
    const letter = String.fromCharCode(Atomics.load(this.machine.words, (member.record.countersOffset >>> 2) + COUNTERS.STATE)) as DomainState;
    return letter === 'b' ? 'b' : 'r';
  }

  private member(id: number): Member {
    const member = this.members.get(id),
      lost = this.lost.get(id);
    if (lost) throw new Error(`${lost.name} has stopped: ${lost.ended ?? 'Domain 0 ended.'} Create it again.`);
    if (!member) throw new Error(`There is no domain ${id}: it may have been destroyed meanwhile.`);
    return member;
  }

  /** A domain that has not stopped. */
  private living(id: number): Member {
    const member = this.member(id);
    if (member.ending) throw new Error(`${member.name} has stopped: ${member.ending.sentence} Create it again.`);
    return member;
  }

  // Consoles and views.

  async view(id: number): Promise<DomainView> {
    const member = this.member(id);
    const console = member.viewers.open(message => this.hear(member, message));
    const view: DomainView = { countersOffset: member.record.countersOffset, screenOffset: member.record.screenOffset, console };
    if (this.parts.spawn) view.memory = this.parts.memory as SharedArrayBuffer;
    return view;
  }

  private hear(member: Member, message: Uint8Array | ConsoleInput): void {
    if (member.ending) return;
    if (message instanceof Uint8Array) this.type(member, message);
    else if ('serial' in message && message.serial instanceof Uint8Array) this.type(member, message.serial);
    else if ('key' in message && typeof message.key === 'string') (member.model ?? member.runner).key(message.key, message.down === true);
    else if ('mouse' in message) (member.model ?? member.runner).mouse(message.mouse);
  }

  /** Typed at the one terminal that serial port and PV console share. */
  private type(member: Member, bytes: Uint8Array): void {
    if (member.attached && member.usesPvConsole) {
      member.attached.input(bytes);
      this.parts.scheduler.poke();
    } else if (member.model) {
      member.model.serialInput(bytes);
      this.parts.scheduler.poke();
    } else member.runner.serial(bytes);
  }

  // Control.

  async pause(id: number): Promise<void> {
    return this.tasks.run(`xl pause ${this.living(id).name}`, async task => {
      this.setPaused(this.living(id), true);
      task.message = 'Its processors and its time stand still.';
    });
  }

  async unpause(id: number): Promise<void> {
    return this.tasks.run(`xl unpause ${this.living(id).name}`, async task => {
      this.setPaused(this.living(id), false);
      task.message = 'It goes on where it was.';
    });
  }

  private setPaused(member: Member, paused: boolean): void {
    member.paused = paused;
    member.runner.setPaused(paused);
  }

  async reset(id: number): Promise<void> {
    return this.tasks.run(`xl trigger ${this.member(id).name} reset`, async task => {
      const member = this.member(id);
      if (member.released) throw new Error(`${member.name} has stopped and its memory was given back. Create it again.`);
      // A guest of Xen that restarts is a new domain, and so is one whose worker is gone.
      if (member.blueprint.xen || member.ending?.workerDied) {
        task.message = await this.rebuild(member, { sentence: 'Reset by the toolstack.' });
        return;
      }
      const problem = member.ending && this.stationProblem(member.blueprint.definition.mac);
      if (problem) throw new Error(`${problem} Destroy it first.`);
      member.ending = null;
      member.runner.reset();
      task.message = 'It starts again in the same memory, which is empty now.';
    });
  }

  async shutdown(id: number): Promise<void> {
    const member = this.living(id);
    // A guest with PV drivers is asked through the store; any other has a power button.
    const asked = this.services.ask(id, 'poweroff');
    if (asked) this.parts.scheduler.poke();
    else member.runner.pressPowerButton();
    const { end } = this.tasks.start(asked ? `xl shutdown ${member.name}` : `xl trigger ${member.name} power`, asked ? 'Asked through the store; the guest decides.' : 'Pressed; the guest decides.');
    const over = (how: string, byItself: boolean): void => {
      cancel();
      end(byItself ? 'done' : 'failed', how);
    };
    const cancel = this.parts.later(POWER_MS, () => {
      member.whenOver.delete(over);
      const why = member.paused ? 'It is paused: let it run' : asked ? 'It may be busy: wait' : 'It may not listen to ACPI, or ask somebody there: shut it down from inside';
      end('failed', `${member.name} has not shut down for ${POWER_MS / 1000} s. ${why}, or destroy it.`);
    });
    member.whenOver.add(over);
  }

  async setMemory(id: number, memoryMiB: number): Promise<void> {
    return this.tasks.run(`xl mem-set ${this.living(id).name} ${memoryMiB}`, async () => {
      this.services.setMemory(id, memoryMiB);
      this.living(id).memoryMiB = memoryMiB;
      this.parts.scheduler.poke();
    });
  }

  async bootXen(commandLine: string): Promise<string[]> {
    if (this.members.size > 0) throw new Error("Xen's command line counts when it starts, and there are domains already. Load the page again.");
    const { scheduler, hvmFep = false, unknown } = parseXenOptions(commandLine);
    this.queue.configure({ pcpus: this.queue.pcpus, ...scheduler });
    this.machine.hvmFep = hvmFep;
    return unknown;
  }

  async schedule(): Promise<Schedule> {
    const { queue } = this;
    const rows = [{ id: 0, name: 'Domain-0', slot: DOMAIN_0 }, ...[...this.members.values()].map(({ record, name }) => ({ id: record.id, name, slot: record.slot }))];
    const domains = rows.flatMap(({ id, name, slot }) => {
      const shares = queue.shares(slot);
      return shares ? [{ id, name, weight: shares.weight, cap: shares.cap, cpus: formatCpus(shares.hardAffinity), cpusSoft: formatCpus(shares.softAffinity) }] : [];
    });
    return { policy: queue.policy.name, pcpus: queue.pcpus, ...queue.parameters, domains };
  }

  async setSchedule({ tsliceUs, ratelimitUs }: { tsliceUs?: number; ratelimitUs?: number }): Promise<void> {
    const options = [tsliceUs === undefined ? '' : ` -t ${tsliceUs / 1000}`, ratelimitUs === undefined ? '' : ` -r ${ratelimitUs}`].join('');
    return this.tasks.run(`xl sched-credit -s${options}`, async () => this.queue.setParameters({ ...(tsliceUs === undefined ? {} : { tsliceUs }), ...(ratelimitUs === undefined ? {} : { ratelimitUs }) }));
  }

  async setShares(id: number, { weight, cap, cpus, cpusSoft }: NewShares): Promise<void> {
    const member = id === 0 ? { name: 'Domain-0', record: { slot: DOMAIN_0, vcpus: 1 } } : this.living(id);
    const options = [weight === undefined ? '' : ` -w ${weight}`, cap === undefined ? '' : ` -c ${cap}`].join('');
    const pin = cpus === undefined && cpusSoft === undefined ? '' : `xl vcpu-pin ${member.name} all ${cpus ?? '-'} ${cpusSoft ?? '-'}`;
    return this.tasks.run([options && `xl sched-credit -d ${member.name}${options}`, pin].filter(Boolean).join('; '), async () => {
      const affinity = (text: string | undefined): number | undefined => {
        const bits = text === undefined ? undefined : parseCpus(text);
        if (typeof bits === 'string') throw new Error(bits);
        return bits;
      };
      const shares = sharesOf({ weight, cap, hardAffinity: affinity(cpus), softAffinity: affinity(cpusSoft) });
      const problem = sharesProblem(shares, member.record.vcpus) ?? affinityProblem(shares.hardAffinity, this.queue.pcpus);
      if (problem) throw new Error(problem);
      this.queue.adjust(member.record.slot, shares);
    });
  }

  async destroy(id: number): Promise<void> {
    const lost = this.lost.get(id);
    if (lost) return this.tasks.run(`xl destroy ${lost.name}`, async () => void this.lost.delete(id));
    return this.tasks.run(`xl destroy ${this.member(id).name}`, async task => {
      const member = this.member(id);
      const { disks } = this.describe(member);
      await this.remove(member);
      task.message = `Domain ${id} is gone, its ${member.memoryMiB} MiB are free${disks ? ' and what it wrote to its disks is lost' : ''}.`;
    });
  }

  private async remove(member: Member): Promise<void> {
    this.members.delete(member.record.id);
    this.isOver(member, `${member.name} was destroyed before it answered.`, false);
    await member.runner.destroy();
    this.detach(member);
    this.queue.remove(member.record.slot);
    this.bury(member);
    member.viewers.close();
  }

  /** Whoever waits for the guest to stop is told. */
  private isOver(member: Member, how: string, byItself = true): void {
    for (const tell of member.whenOver) tell(how, byItself);
    member.whenOver.clear();
  }

  /** A new domain with a new id takes a domain's place, as with xl. Its console goes on, with a line that says so; that is what comes back. */
  private async rebuild(member: Member, { sentence, report }: Pick<Ending, 'sentence' | 'report'>): Promise<string> {
    const { saved: _once, ...blueprint } = member.blueprint;
    const { shown } = member.viewers;
    const line = (id: number): string => `${sentence} Domain ${member.record.id} starts again as domain ${id}.`;
    await this.remove(member);
    const { id } = await this.build(
      { ...blueprint, startEpochMs: this.parts.epochMs() },
      { shown, line: newId => line(newId) + lastExits(report), restarts: { count: (member.restarts?.count ?? 0) + 1, why: sentence } },
    );
    return line(id);
  }

  async save(id: number): Promise<Blob> {
    const { name } = this.living(id);
    return this.tasks.run(`xl save -c ${name} ${name}.save`, async task => {
      const member = this.living(id);
      const asked = this.services.ask(id, 'suspend');
      if (asked) await this.suspended(member);
      try {
        const chunks = await this.saveWhere(member, !asked);
        const blob = new Blob(chunks as BlobPart[], { type: 'application/octet-stream' });
        task.message = `${(blob.size / 2 ** 20).toFixed(1)} MiB hold its memory, processors, devices and console; the guest goes on.`;
        return blob;
      } finally {
        // It was not moved anywhere: it goes on, as after xl save -c.
        if (asked) member.runner.resume();
      }
    });
  }

  /**
   * A guest that does not suspend itself (`unasked`) is saved where it is. Its rings and Domain 0's half of them must agree, and so must it and a device
   * model here, so that nobody moves meanwhile.
   */
  private async saveWhere(member: Member, unasked: boolean): Promise<Uint8Array[]> {
    const { runner, record, paused, attached, model } = member;
    // What its console showed comes last: all of it that belongs to the state has come then.
    const withConsole = (chunks: Uint8Array[], toolstack: State = {}): Uint8Array[] => withToolstack(chunks, { ...toolstack, console: member.viewers.shown });
    if (!attached || (!unasked && !model)) return withConsole(await runner.save());
    if (!paused && unasked) runner.setPaused(true);
    // What it asked for before it stood still is answered yet.
    if (model && unasked) await this.standsStill(member);
    this.services.frozen++;
    try {
      const toolstack = this.services.save(record.id, unasked);
      const chunks = await runner.save();
      return withConsole(chunks, toolstack);
    } finally {
      this.services.frozen--;
      if (!member.paused && unasked) runner.setPaused(false);
      this.parts.scheduler.poke();
      this.services.dom0.ports.ring();
    }
  }

  /** Its worker has heard that it is paused. */
  private async standsStill({ record }: Member): Promise<void> {
    const at = (record.countersOffset >>> 2) + COUNTERS.STATE;
    for (let tries = 0; tries < STANDS_STILL_TRIES && Atomics.load(this.machine.words, at) !== 'p'.charCodeAt(0); tries++)
      await new Promise<void>(resolve => this.parts.later(1, resolve));
  }

  /** A guest with Xen's drivers can be saved once it has suspended itself, as it was asked to. */
  private suspended(member: Member): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.parts.later(SUSPEND_MS, () => {
        delete member.whenSuspended;
        reject(new Error(`${member.name} did not suspend itself within ${SUSPEND_MS / 1000} s${member.paused ? ': it is paused' : ''}. ${member.paused ? 'Let it run and save' : 'Try'} again.`));
      });
      member.whenSuspended = failed => {
        cancel();
        delete member.whenSuspended;
        if (failed === undefined) resolve();
        else reject(new Error(failed));
      };
      this.parts.scheduler.poke();
    });
  }

  private ended(member: Member, ending: Ending): void {
    if (ending.kind === 'suspend') {
      if (member.whenSuspended) member.whenSuspended();
      // Nobody wanted to save it.
      else member.runner.resume();
      return;
    }
    const action = member.actions[ending.kind === 'crash' ? 'crash' : ending.kind === 'reset' ? 'reset' : 'poweroff'];
    this.isOver(member, ending.sentence);
    if (ending.kind === 'crash' || (ending.report !== undefined && action !== 'restart')) this.tasks.note(`${member.name} crashed`, 'failed', ending.report ?? ending.sentence);
    member.whenSuspended?.(`${member.name} has stopped: ${ending.sentence} There is nothing to save.`);
    if (action === 'restart') {
      // The report of a crash is in the log already.
      const report = ending.kind === 'crash' ? undefined : ending.report;
      if (member.blueprint.xen || ending.workerDied) {
        void this.rebuild(member, ending).then(line => this.noteRestart(member, line, report), error => this.tasks.note(`xl create ${member.name}`, 'failed', (error as Error).message));
        return this.tell();
      }
      if (ending.kind !== 'crash') this.restarted(member, report, ending.sentence);
      member.runner.reset();
      return this.tell();
    }
    if (ending.kind !== 'poweroff') member.viewers.print(said(`${member.name} stopped. ${ending.sentence}${lastExits(ending.report)}`));
    this.detach(member);
    // Its worker died of a defect, and gives no slot back.
    if (ending.workerDied) this.queue.remove(member.record.slot);
    member.ending = ending;
    member.viewers.snapshot(true);
    this.tell();
    if (action === 'preserve' || ending.kind === 'crash') return;
    // Its records stay, so that the last screen and the counters can be looked at until it is destroyed.
    void member.runner.destroy().then(() => {
      if (this.members.get(member.record.id) !== member) return;
      this.queue.remove(member.record.slot);
      releaseRam(this.machine, member.record);
      member.released = true;
      this.tell();
    });
  }

  /** It started again by itself, in the same memory: a reset, or a triple fault (then with its report). */
  private restarted(member: Member, report?: string, why = 'The guest asked for a reset.'): void {
    const sentence = report?.split('\n')[0] ?? why;
    member.restarts = { count: (member.restarts?.count ?? 0) + 1, why: sentence };
    member.viewers.print(said(`${sentence} It starts again.${lastExits(report)}`));
    this.noteRestart(member, `${sentence} It starts again.`, report);
  }

  /** A restart that nobody asked xl for is a task, too; one after a fault has failed. */
  private noteRestart({ name }: Member, line: string, report?: string): void {
    this.tasks.note(`${name} restarted`, report === undefined ? 'done' : 'failed', report === undefined ? line : `${line}\n\n${report}`);
    this.tell();
  }

  // Tasks and listeners.

  async subscribe(listener: (domains: DomainInfo[], tasks: Task[]) => void): Promise<void> {
    this.listeners.push(listener);
    this.tell();
  }

  private tell(): void {
    const domains = this.all();
    for (const listener of this.listeners) listener(domains, this.tasks.list());
  }
}
