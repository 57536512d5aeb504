/**
 * The toolstack: the one place where domains are built, attached to their back ends, run, typed at, restarted, saved and buried. The page's host, the
 * command line and the benchmarks are its callers. What differs between them is handed in: clocks, where domains run, where bytes are shown.
 */
import { COUNTERS, MAILBOX } from '../../hypervisor/layout/index.ts';
import { createDomain, destroyDomain, DOMAIN_0, releaseRam } from '../../hypervisor/memory/index.ts';
import { queueClock, Scheduler, sharesOf, Slot } from '../../hypervisor/scheduler/index.ts';
import { type BreakHit, type DomainListener, GuestLog, type WaitsFor, wired } from '../../hypervisor/domain/index.ts';
import { loadNic } from '../../devices/index.ts';
import { floppyDriveTypes } from '../../devices/ide/index.ts';
import type { PeerOptions } from '../../devices/net/index.ts';
import { type DomainRecord, type Ending, Machine, type OpenMedium, type SavedState } from '../../hypervisor/index.ts';
import { MachineView } from '../../hypervisor/view/index.ts';
import { hostTime, modelOf } from '../backends/device-model/index.ts';
import type { DomainRunner, DomainStart, Runners, RunnersHost } from './runners/runner.ts';
import type { Later } from '../host/index.ts';
import {
  actionOf,
  dumpsCore,
  hasStopped,
  isStartedAgain,
  keptName,
  noRestart,
  oneMore,
  restartsForEver,
  startsAgain,
  startsAgainAs,
} from './endings.ts';
import {
  type Blueprint,
  describe,
  type DomainConsole,
  type Member,
  type OpenHostDevice,
  type Restarts,
  shapeOf,
  withLevel,
} from './running-domain.ts';
import { type Action, buildByKeys, type NewDomain } from '../definitions/config/index.ts';
import type { Recorder } from './recorder.ts';
import type { Dom0Time } from '../host/network/index.ts';
import { type StartedXen, startXen } from './boot/start-xen.ts';
import { NO_VT_LOG, NO_VT_REASON, NoVtError } from '../definitions/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import { DEVICE_KINDS, loadKinds } from './devices/index.ts';
import { Jobs } from './domains/jobs.ts';
import { shutOffBy, statusOf } from './domains/status.ts';
import type { Reason, Status } from './domains/words.ts';
import { Inputs } from './inputs.ts';
import { isOpenOnce, OpenedDrives } from './opened-drives.ts';
import { type Held, Saving } from './saving.ts';
import { Services } from './services.ts';
import { Stations } from './stations.ts';
import { uuidOf } from './uuid.ts';
import { HVM_PARAM, XEN_RECORDS } from '../../hypervisor/interfaces/xen/index.ts';

export interface ToolstackParts {
  /** Of the program, for saved states. */
  version: string;
  memory: SharedArrayBuffer | ArrayBuffer;
  /** Slots: domains that may run at once (1). */
  pcpus?: number;
  /** The hypervisor as it started on this host; absent: with the defaults of its command line. */
  xen?: StartedXen;
  /** Where domains run: inTurns() or inWorkers(). */
  runners: (host: RunnersHost) => Runners;
  /** Monotonic milliseconds, the same for all workers (performance.timeOrigin + performance.now()); absent: virtual time. */
  hostMs?: () => number;
  epochMs: () => number;
  /** As soon as the event loop had its turn, and after some milliseconds. */
  soon(callback: () => void): void;
  later: Later;
  /** Of what is drawn: station addresses (0). */
  seed?: number;
  /** For device models in Domain 0. */
  openMedium: OpenMedium;
  /** Opens devices of the host; absent: there are none. */
  openDevice?: OpenHostDevice;
  /** A plain PC that has a triple fault ends, and does not start again. */
  tripleFaultEnds?: boolean;
  /** Of domains built from now on: `jitThreshold` below. */
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
  /** Told its id before anything else is done with it. */
  made?: ((id: number) => void) | undefined;
  /** Told of it as soon as it is among `members`, where it may be paused, typed at and destroyed. */
  listed?: (id: number) => void;
  restarts?: Restarts;
  /** Why it runs; absent: it was restored where the blueprint has a saved state, and else booted. */
  why?: Reason<'running'>;
}

/** Who is told. */
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
  /** It has stopped, and its state is to be kept as a core file (coredump-*). What goes wrong is told there. */
  dumpCore?(member: Member<Console>): Promise<void>;
  /** Something of the host failed it; undefined: Domain 0 itself. */
  problem(member: Member<Console> | undefined, sentence: string): void;
  waits?(member: Member<Console>, what: WaitsFor | undefined, report?: string): void;
  reached?(member: Member<Console>): void;
  /** It stands still where it was to stop. */
  broke?(member: Member<Console>, hit: BreakHit): void;
  /** After a slice on this thread. */
  changed?(member: Member<Console>): void;
}

/** How often a dying domain is looked after. */
const DYING_MS = 200;
/** Where a browser has no Atomics.waitAsync, Domain 0 looks so often for events. */
const POLL_MS = 4;
/** Guests write any bytes; Xen's isprint() follows ISO 8859-1. */
const LATIN_1 = new TextDecoder('latin1');

export class Toolstack<Console extends DomainConsole = DomainConsole> {
  readonly machine: Machine;
  readonly view: MachineView;
  readonly xen: StartedXen;
  /** Who may run; domain ids stand for units by their indexes in the domain table. */
  readonly queue: Scheduler;
  readonly services: Services;
  readonly stations: Stations;
  readonly drives: OpenedDrives;
  readonly runners: Runners;
  /** What people type and press. */
  readonly inputs: Inputs;
  readonly members = new Map<number, Member<Console>>();
  /** What takes time on a domain, one thing at a time. */
  readonly jobs: Jobs;
  /** Why domains that are no longer there went, by their names. */
  readonly halted = new Map<string, Reason<'shut off'>>();
  /** Destroyed domains of which somebody still has frames mapped. */
  readonly dying = new Map<number, Member<Console>>();
  /** Who takes the place of a domain that is started again as a new one, by its id; no `next`: it is being built. */
  private readonly successors = new Map<number, { old: Member<Console>; next?: Member<Console> }>();
  private readonly parts: ToolstackParts;
  /**
   * Guest code of domains that are built from now on is compiled where so many samples of its time were taken; 0: it never is. Undefined: the default
   * (hypervisor/domain/second-tier.ts).
   */
  jitThreshold: number | undefined;
  private readonly listener: ToolstackListener<Console>;
  /** Domain 0's own. */
  private readonly slot: Slot;
  private readonly saving: Saving;
  private closed = false;
  /** In virtual time: of domains that are gone, and while nobody could run. */
  private goneNs = 0;

  /** @throws HostError where machine memory is too small */
  constructor(parts: ToolstackParts, listener: ToolstackListener<Console>) {
    this.parts = parts;
    this.jitThreshold = parts.jitThreshold;
    this.listener = listener;
    this.stations = new Stations(parts.seed ?? 0, () => this.members.values());
    this.machine = Machine.create(parts.memory);
    this.xen =
      parts.xen ??
      startXen(
        { pcpus: parts.pcpus ?? 1, memoryMiB: parts.memory.byteLength >>> 20, vt: true, diskBytes: 0 },
        '',
        parts.version,
      );
    this.view = new MachineView(parts.memory);
    this.inputs = new Inputs(() => this.runners.poke());
    this.jobs = new Jobs(parts, () => listener.listed());
    this.queue = new Scheduler(this.machine, queueClock(this.machine, parts.hostMs ?? (() => this.virtualMs)));
    const { options, host, hasVt } = this.xen;
    this.machine.hvmFep = options.hvmFep ?? false;
    this.machine.hasVt = hasVt;
    this.queue.configure({ pcpus: host.pcpus, ...options.scheduler });
    this.services = new Services(this.machine, {
      time: this.time(),
      log: sentence => listener.problem(undefined, sentence),
      memoryMiB: this.xen.dom0MemoryMiB,
      wake: () => this.runners && this.wakeDomain0(),
      ...(parts.peer ? { peer: parts.peer } : {}),
      ...(parts.recorder ? { recorder: parts.recorder } : {}),
    });
    this.drives = new OpenedDrives({
      services: this.services,
      openMedium: parts.openMedium,
      openDevice: parts.openDevice,
      elsewhere: () => this.runners.elsewhere,
    });
    this.queue.add({ index: DOMAIN_0, vcpus: 1 }, { doorbell: this.services.dom0.doorbell });
    this.slot = new Slot(this.queue, DOMAIN_0);
    this.saving = new Saving({
      services: this.services,
      inWorkers: () => this.runners.elsewhere,
      later: parts.later,
      setHeld: (member, held) => this.setHeld(member, held),
      ask: member => this.ask(member, 'suspend'),
      withdraw: member => this.services.withdraw(member.record.id, 'suspend'),
      stands: member => this.letter(member) === 'p',
      wakeDomain0: () => this.wakeDomain0(),
    });
    this.runners = parts.runners({
      machine: this.machine,
      queue: this.queue,
      serve: () => this.serve(),
      domain0Wants: () => this.services.pending,
      domain0WakeNs: () => this.wakeNs,
      idled: ms => {
        this.goneNs += ms * 1e6;
      },
    });
    if (this.runners.elsewhere) this.listen();
  }

  /** Virtual time of the host: the guests' together, since they take turns, and what they waited while nobody ran. */
  get virtualMs(): number {
    let ns = this.goneNs;
    for (const { runner } of this.members.values()) ns += runner.nowNs;
    return ns / 1e6;
  }

  // ---- Domain 0's turn

  /** Time of Domain 0: the host's, or, in virtual time, that of the guest that is farthest. */
  private time(): Dom0Time {
    const { hostMs, later } = this.parts;
    if (hostMs) return hostTime(hostMs, later, () => this.wakeDomain0());
    return {
      clock: { nowNs: () => this.runners?.farthestNs ?? 0 },
      wakeAt: deadlineNs => {
        this.wakeNs = deadlineNs;
      },
    };
  }

  /** In virtual time: when Domain 0 wants a turn. */
  private wakeNs = Infinity;

  /** It works while it holds a slot; who holds it for less gives it up at its next check. */
  private serve(): boolean {
    const { services } = this;
    return this.slot.serve(services.pending, () => services.poll());
  }

  /** Domain 0 is told of events by its doorbell: it serves them, and waits for the next ring without blocking. */
  private listen(): void {
    if (this.closed) return;
    const { words } = this.machine;
    const { doorbell } = this.services.dom0;
    const seen = Atomics.load(words, doorbell);
    this.serve();
    const ring = typeof Atomics.waitAsync === 'function' ? Atomics.waitAsync(words, doorbell, seen) : undefined;
    if (ring?.async) void ring.value.then(() => this.listen());
    else if (ring) this.parts.soon(() => this.listen());
    else this.parts.later(POLL_MS, () => this.listen());
  }

  /** Domain 0 has something to do. */
  private wakeDomain0(): void {
    if (this.runners.elsewhere) this.services.dom0.ports.ring();
    else this.runners.poke();
  }

  /** The host goes: Domain 0 listens no more, what guests have said last comes out, and nothing is built any more. */
  close(): void {
    this.closed = true;
    for (const member of this.members.values()) this.detach(member);
    this.services.dom0.ports.ring();
  }

  // ---- who there is

  member(id: number): Member<Console> {
    const member = this.members.get(id);
    if (!member) throw new Error(`There is no domain ${id}: it may have been destroyed meanwhile.`);
    return member;
  }

  /** A domain that has not stopped. */
  living(id: number): Member<Console> {
    const member = this.member(id);
    if (member.ending) throw new Error(`${hasStopped(member.name, member.ending)} Create it again.`);
    return member;
  }

  /** The domain that has not stopped with this UUID. */
  ownerOf(uuid: string | undefined): Member<Console> | undefined {
    return [...this.members.values()].find(member => member.uuid === uuid && !member.ending);
  }

  /** Who is to stand still or go on where that is asked of a domain: of one that is started again as a new one, that one. @throws Error with a sentence */
  standing(id: number): Member<Console> {
    const again = this.successors.get(id);
    if (!again) return this.living(id);
    return again.next ? this.standing(again.next.record.id) : again.old;
  }

  isTaken(name: string): boolean {
    return [...this.members.values()].some(member => member.name === name && !member.ending);
  }

  /** Letter as xl list prints it. */
  state(member: Member<Console>): 'r' | 'b' | 'p' | 's' | 'c' | 'd' {
    if (this.dying.has(member.record.id)) return 'd';
    if (member.ending) return member.ending.kind === 'crash' ? 'c' : 's';
    if (member.paused) return 'p';
    return this.letter(member) === 'b' ? 'b' : 'r';
  }

  /** The same as libvirt has it, with the reason. */
  status(member: Member<Console>): Status {
    return statusOf(member, this.state(member), this.jobs.of(member.name));
  }

  private letter({ record }: Pick<Member, 'record'>): string {
    return String.fromCharCode(Atomics.load(this.machine.words, (record.countersOffset >>> 2) + COUNTERS.STATE));
  }

  // ---- building

  /** What devices that come to a running guest need (hotplug.ts). */
  get hotplug(): Pick<ToolstackParts, 'openMedium' | 'later'> {
    return this.parts;
  }

  /** @throws Error with a sentence where it is known before that a domain cannot be built in the place of others */
  refuseToBuild(blueprint: Blueprint, others: readonly Member[]): void {
    this.mayRun(blueprint);
    const problem = this.stations.problemOf(blueprint, others);
    if (problem) throw new Error(problem);
  }

  /** Something is done with a domain by a hypercall: whose task it is notes it. */
  noteCall({ id }: Pick<DomainRecord, 'id'>, name: string, about?: string): void {
    this.parts.recorder?.hypercall(id, name, about);
  }

  private mayBuild(): void {
    if (this.closed) throw new Error('The host has ended: nothing is started any more.');
  }

  /** As Xen does where it has no VT-x: a guest that is not paravirtual is refused before anything of it is made. @throws NoVtError */
  private mayRun({ xen }: Blueprint): void {
    this.mayBuild();
    if (xen === 'pv' || this.machine.hasVt) return;
    this.xen.log.print('info', NO_VT_LOG);
    throw new NoVtError(NO_VT_REASON);
  }

  /**
   * A new domain, which runs, or (`paused`) will when it is unpaused. As xl does: it is built, then its store and console have their other ends, then it
   * runs. Nothing is left of one that cannot be built. @throws Error with a sentence
   */
  async build(asked: Blueprint, options: BuildOptions<Console> = {}): Promise<Member<Console>> {
    this.mayRun(asked);
    const { paused = false, made, listed } = options;
    const blueprint = this.stations.addressed(withLevel(asked));
    if (blueprint.cpuLevel) await this.runners.loadLevel?.(blueprint.cpuLevel);
    const { definition, xen } = blueprint;
    const { machine, queue } = this;
    // On one thread a device of the host answers in Domain 0's turn, in which a model there is awake.
    const modelHere =
      xen === 'hvm' &&
      (definition.modelInDomain0 === true ||
        (!this.runners.elsewhere && (blueprint.drives ?? []).some(({ medium }) => medium && 'device' in medium)));
    const { record, seenMiB, populateMiB } = this.recordOf(blueprint, modelHere);
    const uuid = definition.uuid ?? uuidOf(record.id, blueprint.startEpochMs);
    made?.(record.id);
    this.parts.recorder?.called(record.id, uuid);
    this.noteCall(
      record,
      'XEN_DOMCTL_createdomain',
      `domain ${record.id}: ${populateMiB} MiB, ${record.vcpus} vCPU${record.vcpus === 1 ? '' : 's'}`,
    );
    try {
      if (xen) this.services.prepare(record, uuid, modelHere);
      const setParam: NewDomain['setParam'] = (name, value) =>
        xen && this.services.dom0.setHvmParam(record.id, HVM_PARAM[name], value);
      buildByKeys({ machine, record, setParam }, definition);
    } catch (error) {
      destroyDomain(machine, record);
      throw error;
    }
    const member = this.memberOf(blueprint, record, uuid, options);
    const listener = this.listenTo(member);
    try {
      this.drives.open(member, modelHere, listener);
    } catch (error) {
      this.services.detachDrives(record.id);
      this.drives.closeDevices(member);
      destroyDomain(machine, record);
      throw error;
    }
    queue.add(record, { ...sharesOf(definition), doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
    member.runner = this.runners.start(this.startOf(member, seenMiB, modelHere), listener);
    this.members.set(record.id, member);
    this.halted.delete(member.name);
    listed?.(record.id);
    try {
      await this.begin(member, listener, modelHere, paused);
    } catch (error) {
      await this.unbuild(member);
      throw error;
    }
    return member;
  }

  /** Frames and a record for a new domain. @throws HostError */
  private recordOf(blueprint: Blueprint, modelHere: boolean) {
    const { definition, xen, drives = [] } = blueprint;
    const { seenMiB, p2mFrames, ...memory } = shapeOf(blueprint, this.machine.frames);
    const record = createDomain(this.machine, seenMiB, p2mFrames, {
      vcpus: definition.maxVcpus ?? definition.vcpus,
      onlineVcpus: definition.vcpus,
      ...memory,
      card: definition.nic !== undefined,
      drives:
        this.runners.elsewhere &&
        !modelHere &&
        drives.some(drive => drive.place >= 0 && (xen === 'hvm' || (!xen && isOpenOnce(drive)))),
      ...(xen && { guest: XEN_RECORDS[xen] }),
    });
    return { record, seenMiB, populateMiB: memory.populateMiB };
  }

  /** Once its runner is on its way: it gets its other ends, and runs when they are there. */
  private async begin(
    member: Member<Console>,
    listener: DomainListener,
    modelHere: boolean,
    paused: boolean,
  ): Promise<void> {
    const { record } = member;
    const { definition, xen } = member.blueprint;
    this.services.network.attachCard(record, definition.rate);
    const waits = paused || xen !== undefined;
    if (waits) this.setHeld(member, true);
    member.about = await member.runner.started;
    this.mayBuild();
    if (xen) await this.attach(member);
    if (definition.nic || definition.vif) await this.services.network.connect();
    if (modelHere) await Promise.all([loadBackends(['model']), definition.nic && loadNic(definition.nic)]);
    if (modelHere) this.attachModel(member, listener);
    for (const input of member.early?.splice(0) ?? []) input();
    delete member.early;
    if (waits) this.setHeld(member, false);
  }

  /** It could not be built: nothing of it is left. */
  private async unbuild(member: Member<Console>): Promise<void> {
    const { record } = member;
    this.members.delete(record.id);
    this.halted.set(member.name, 'failed');
    this.services.network.detachCard(record.id);
    await member.runner.destroy();
    this.services.detachDrives(record.id);
    this.drives.closeDevices(member);
    this.queue.remove(record.index);
    this.bury(member);
  }

  /** Before it is started: `runner` is given to it then. */
  private memberOf(
    blueprint: Blueprint,
    record: DomainRecord,
    uuid: string,
    { paused = false, before, restarts, why }: BuildOptions<Console>,
  ): Member<Console> {
    const { definition, saved, xen } = blueprint;
    const shown = saved?.state.toolstack?.console;
    return {
      blueprint,
      record,
      name: definition.name,
      uuid,
      builtEpochMs: this.parts.epochMs(),
      memoryMiB: definition.memoryMiB,
      console: this.listener.console(
        record,
        definition.name,
        before?.(record.id),
        shown instanceof Uint8Array ? shown : undefined,
      ),
      runner: undefined as unknown as DomainRunner,
      early: [],
      usesPvConsole: xen === 'pv' || xen === 'pvh' || blueprint.saved?.state.toolstack?.usesPvConsole === true,
      about: '',
      paused,
      why: { running: why ?? (blueprint.saved ? 'restored' : 'booted'), paused: 'user' },
      holds: 0,
      ending: null,
      released: false,
      whenOver: new Set(),
      devices: [],
      ...(restarts ? { restarts } : {}),
    };
  }

  private startOf(member: Member<Console>, memoryMiB: number, modelHere: boolean): DomainStart {
    const { blueprint, record, console, opened } = member;
    const { definition, boot, diskChanges, saved, xen, cpuLevel, stopAtInstruction, startEpochMs, text } = blueprint;
    const drives = this.drives.elsewhere(member);
    return {
      record,
      boot,
      memoryMiB,
      startEpochMs,
      name: definition.name,
      definition: text,
      program: this.parts.version,
      ...(opened && !modelHere && !this.runners.elsewhere
        ? { ide: opened.ide }
        : drives.length > 0 && !modelHere
          ? { drives, ...(diskChanges ? { diskChanges } : {}) }
          : {}),
      ...(opened && modelHere ? { floppyDrives: floppyDriveTypes(opened.ide) } : {}),
      ...(definition.nic ? { nic: definition.nic } : {}),
      ...(definition.mac ? { mac: definition.mac } : {}),
      ...(cpuLevel ? { cpuLevel } : {}),
      ...(this.jitThreshold === undefined ? {} : { jitThreshold: this.jitThreshold }),
      ...(saved ? { saved } : {}),
      ...(stopAtInstruction === undefined ? {} : { stopAtInstruction }),
      ...(xen && (console.printXen || this.xen.log.wantsGuests) ? { withXenConsole: true } : {}),
      ...(console.printDebug ? { withDebug: true } : {}),
      // A guest of Xen that restarts is a new domain.
      onReset: definition.onReboot === 'restart' && !xen ? 'restart' : 'end',
      onTripleFault: xen || this.parts.tripleFaultEnds ? 'end' : 'restart',
    };
  }

  private listenTo(member: Member<Console>): DomainListener {
    const { console } = member;
    const { listener } = this;
    return {
      serial: bytes => {
        member.usesPvConsole = false;
        console.print(bytes);
      },
      xenConsole: lines => this.printXen(member, lines),
      debug: bytes => console.printDebug?.(bytes),
      ended: ending => this.ended(member, ending),
      problem: sentence => listener.problem(member, sentence),
      restarted: report => this.startedAgain(member, report, 'The guest asked for a reset.'),
      waits: (what, report) => listener.waits?.(member, what, report),
      reached: () => listener.reached?.(member),
      broke: hit => {
        // libvirt has no word for it: QEMU's RUN_STATE_DEBUG is `unknown` there.
        this.setPaused(member, true, 'unknown');
        member.hit = hit;
        listener.broke?.(member, hit);
      },
      changed: () => {
        console.snapshot?.(false);
        listener.changed?.(member);
      },
    };
  }

  /** Whole lines of the hypervisor's console. */
  private printXen({ console }: Member<Console>, lines: Uint8Array): void {
    console.printXen?.(lines);
    if (this.xen.log.wantsGuests) this.xen.log.guest(LATIN_1.decode(lines));
  }

  /** Store and console. */
  private async attach(member: Member<Console>): Promise<void> {
    const { blueprint, console } = member;
    const described = describe(member);
    await loadKinds(DEVICE_KINDS, described.devices ?? {});
    this.mayBuild();
    const print = (bytes: Uint8Array): void => {
      member.usesPvConsole = true;
      console.print(bytes);
    };
    member.attached = this.services.attach(member.record, described, print, blueprint.saved?.state.toolstack);
  }

  /** The device model of a guest, in Domain 0. */
  private attachModel(member: Member<Console>, { problem, serial }: DomainListener): void {
    const { parts, services } = this;
    const { record, console, runner, blueprint } = member;
    const { definition, boot, saved } = blueprint;
    const { hostMs } = parts;
    const debug = console.printDebug
      ? (byte: number) => console.printDebug?.(Uint8Array.of(byte))
      : (console.printXen || this.xen.log.wantsGuests) &&
        new GuestLog(record.id, lines => this.printXen(member, lines)).put;
    // In its guest's time where that is known here, so that a run in virtual time repeats itself.
    const time =
      runner.modelTime?.() ?? hostTime(hostMs ?? (() => this.virtualMs), parts.later, () => this.wakeDomain0());
    const ide = member.opened?.ide ?? [];
    member.model = services.attachModel({
      record,
      boot,
      ide,
      io: services.io,
      ...(definition.nic ? { nic: timers => wired(this.machine, record, timers, definition) } : {}),
      ...time,
      ...(hostMs ? { hostMs } : {}),
      serial: byte => serial(Uint8Array.of(byte)),
      ...(debug ? { debug } : {}),
      failed: problem,
      saved: saved && modelOf(saved.state),
    });
  }

  // ---- people

  /** One that is being started again as a new one hands it on. */
  setPaused(member: Member<Console>, paused: boolean, why: Reason<'paused'> = 'user'): void {
    if (paused) member.why.paused = why;
    else if (member.paused) member.why.running = 'unpaused';
    member.paused = paused;
    if (this.members.get(member.record.id) !== member) return;
    this.noteCall(member.record, paused ? 'XEN_DOMCTL_pausedomain' : 'XEN_DOMCTL_unpausedomain');
    member.runner.ask(paused || member.holds > 0 ? 'pause' : 'unpause');
  }

  /** Domain 0 needs it to stand still, while it builds or saves it: nobody paused it, and whoever does so meanwhile finds it paused afterwards. */
  setHeld(member: Member, held: boolean): void {
    member.holds += held ? 1 : -1;
    this.noteCall(member.record, held ? 'XEN_DOMCTL_pausedomain' : 'XEN_DOMCTL_unpausedomain');
    member.runner.ask(member.paused || member.holds > 0 ? 'pause' : 'unpause');
  }

  /** False: a guest with PV drivers was asked through the store. True: any other has a power button, which was pressed. */
  shutDown(member: Member<Console>): boolean {
    if (this.ask(member, 'poweroff')) return false;
    member.runner.ask('powerButton');
    return true;
  }

  /** Whether a guest has a driver that hears of this. */
  listens({ record }: Pick<Member, 'record'>, what: 'poweroff' | 'reboot' | 'suspend'): boolean {
    return this.services.listens(record.id, what);
  }

  /** Asks a guest with PV drivers; false: none listens. */
  ask({ record }: Pick<Member, 'record'>, what: 'poweroff' | 'reboot' | 'suspend'): boolean {
    const asked = this.services.ask(record.id, what);
    if (asked) this.runners.poke();
    return asked;
  }

  /** What its balloon driver shall come to. @throws Error with a sentence */
  setMemory(member: Member<Console>, memoryMiB: number): void {
    this.services.setMemory(member.record.id, memoryMiB);
    member.memoryMiB = memoryMiB;
    this.runners.poke();
  }

  /** Its new name, in its store and in every list. */
  rename(member: Member<Console>, name: string): void {
    const { client } = this.services;
    this.halted.delete(name);
    member.name = name;
    member.isRenamed = true;
    for (const device of member.devices) device.rename(name);
    member.blueprint = { ...member.blueprint, definition: { ...member.blueprint.definition, name } };
    for (const path of [`/local/domain/${member.record.id}/name`, `/vm/${member.uuid}/name`])
      if (client.read(path) !== undefined) client.write(path, name);
    this.listener.listed();
  }

  /** RESET pin. A guest of Xen that restarts is a new domain, and so is one whose worker is gone. What is said of it. @throws Error with a sentence */
  async reset(member: Member<Console>): Promise<string> {
    if (member.released) throw new Error(`${member.name} has stopped and its memory was given back. Create it again.`);
    if (member.blueprint.xen || member.ending?.workerDied)
      return (await this.rebuild(member, { sentence: 'Reset by the toolstack.' })).line;
    const problem = member.ending && this.stations.problem(member.blueprint.definition.mac);
    if (problem) throw new Error(`${problem} Destroy it first.`);
    member.ending = null;
    member.runner.ask('reset');
    return 'It starts again in the same memory, which is empty now.';
  }

  // ---- endings

  private ended(member: Member<Console>, ending: Ending): void {
    if (ending.kind === 'suspend') {
      if (member.whenSuspended) member.whenSuspended();
      // Nobody wanted to save it.
      else member.runner.ask('resume');
      return;
    }
    member.model?.showLast();
    const action = actionOf(member.blueprint.definition, ending);
    this.isOver(member, ending.sentence);
    member.whenSuspended?.(`${hasStopped(member.name, ending)} There is nothing to save.`);
    if (!dumpsCore(action) || !this.listener.dumpCore || ending.workerDied) return this.follow(member, ending, action);
    // Nobody may type at it or ask it for something meanwhile.
    member.ending = ending;
    void this.listener.dumpCore(member).then(() => {
      if (this.members.get(member.record.id) !== member) return;
      member.ending = null;
      this.follow(member, ending, action);
    });
  }

  /** What its definition says of such an ending. */
  private follow(member: Member<Console>, ended: Ending, action: Action): void {
    const restarts = this.oneMore(member, ended.sentence);
    const wanted = isStartedAgain(action),
      again = wanted && !restartsForEver(restarts),
      ending = wanted && !again ? noRestart(ended) : ended,
      beside = action === 'rename-restart';
    // The report of a crash was told there.
    const report = ending.kind === 'crash' ? undefined : ending.report;
    if (again && !beside && !member.blueprint.xen && !ending.workerDied) {
      this.listener.ended(member, ending, true);
      if (ending.kind !== 'crash') this.startedAgain(member, report, ending.sentence);
      member.runner.ask('reset');
      return this.listener.listed();
    }
    this.detach(member);
    // Its worker died of a defect, and gives no slot back.
    if (ending.workerDied) this.queue.remove(member.record.index);
    if (!again || beside) member.ending = ending;
    this.listener.ended(member, ending, again);
    if (again) {
      this.rebuild(member, ending, beside).then(
        ({ line, next }) => this.listener.restarted(member, line, report, next),
        error => this.closed || this.listener.rebuildFailed(member, error as Error),
      );
      return this.listener.listed();
    }
    member.console.snapshot?.(true);
    this.listener.listed();
    if (action === 'preserve') return;
    const { buriesStopped } = this.parts;
    if (
      buriesStopped === true ||
      (buriesStopped === 'unless-crashed' && ending.kind !== 'crash' && !ending.workerDied)
    ) {
      void this.remove(member).then(() => this.listener.listed());
      return;
    }
    if (ending.kind === 'crash') return;
    // Its records stay, so that the last screen and the counters can be looked at until it is destroyed.
    void member.runner.destroy().then(() => {
      if (this.members.get(member.record.id) !== member) return;
      this.queue.remove(member.record.index);
      releaseRam(this.machine, member.record);
      member.released = true;
      this.listener.listed();
    });
  }

  /** It started again by itself, in the same memory: a reset, or a triple fault (then with its report). */
  private startedAgain(member: Member<Console>, report: string | undefined, why: string): void {
    const sentence = report?.split('\n')[0] ?? why;
    member.restarts = this.oneMore(member, sentence);
    member.startedEpochMs = this.parts.epochMs();
    if (!restartsForEver(member.restarts)) return this.listener.restarted(member, startsAgain(sentence), report);
    const ending = noRestart({ kind: 'reset', sentence, ...(report === undefined ? {} : { report }) });
    this.setPaused(member, true);
    this.isOver(member, ending.sentence);
    this.detach(member);
    member.ending = ending;
    this.listener.ended(member, ending, false);
    member.console.snapshot?.(true);
    this.listener.listed();
  }

  private oneMore({ restarts, builtEpochMs, startedEpochMs = builtEpochMs }: Member<Console>, why: string): Restarts {
    return oneMore(restarts, why, this.parts.epochMs() - startedEpochMs);
  }

  /**
   * A new domain with a new id takes a domain's place, as with xl: from the beginning, and not once more from where it was saved. Its console goes on.
   * `beside`: the old one is kept under another name.
   */
  private async rebuild(
    member: Member<Console>,
    { sentence, report }: Pick<Ending, 'sentence' | 'report'>,
    beside = false,
  ): Promise<{ next: Member<Console>; line: string }> {
    const { saved: _once, ...blueprint } = member.blueprint;
    const { record } = member;
    const retired = this.view.at(record.index)?.counters().retired ?? 0;
    if (blueprint.stopAtInstruction !== undefined) blueprint.stopAtInstruction -= retired;
    // One that stood still when it was reset stands still afterwards, as in its own memory; and Pause may be pressed while neither of the two is there.
    this.successors.set(record.id, { old: member });
    try {
      return await this.buildAgain(member, blueprint, { sentence, report }, beside);
    } catch (error) {
      this.successors.delete(record.id);
      throw error;
    }
  }

  private async buildAgain(
    member: Member<Console>,
    blueprint: Blueprint,
    { sentence, report }: Pick<Ending, 'sentence' | 'report'>,
    beside: boolean,
  ): Promise<{ next: Member<Console>; line: string }> {
    const { console, record } = member;
    const diskChanges = await (beside ? this.keep(member) : this.remove(member, true));
    if (diskChanges) blueprint.diskChanges = diskChanges;
    const line = (id: number): string => startsAgainAs(sentence, record.id, id);
    const restarts = this.oneMore(member, sentence);
    const next = await this.build(
      { ...blueprint, startEpochMs: Math.round(this.parts.epochMs()) },
      {
        restarts,
        paused: member.paused,
        made: id => this.parts.recorder?.follows(record.id, id),
        before: id => ({ console, line: line(id), report }),
        listed: id => void this.successors.set(record.id, { old: member, next: this.member(id) }),
      },
    );
    return { next, line: line(next.record.id) };
  }

  /** A domain that has stopped is kept under another name; what its guest changed of its drives comes back. */
  private async keep(member: Member<Console>): Promise<Uint8Array[] | undefined> {
    const { blueprint, opened } = member;
    member.name = keptName(member.name, this.parts.epochMs());
    // Its worker alone knows the changes of media that it has opened, and tells them at its end.
    const changes = blueprint.drives?.some(({ readOnly }) => !readOnly) ? await member.runner.destroy(true) : undefined;
    return opened ? [...(changes ?? []), ...backend('drives').diskRecords(opened.all)] : changes;
  }

  private detach(member: Member<Console>): void {
    if (member.attached) this.services.detach(member.record.id);
    this.services.network.detachCard(member.record.id);
    this.services.detachDrives(member.record.id);
    delete member.attached;
    delete member.model;
    this.drives.closeDevices(member);
  }

  /** Ends a domain at once; `keepsDisks`: what its guest changed of its drives comes back; `why`: where it did not end by itself. */
  async remove(
    member: Member<Console>,
    keepsDisks = false,
    why: Reason<'shut off'> = 'destroyed',
  ): Promise<Uint8Array[] | undefined> {
    const { record, opened, ending } = member;
    this.halted.set(member.name, ending ? shutOffBy(ending) : why);
    this.goneNs += member.runner.nowNs;
    this.members.delete(record.id);
    this.isOver(member, `${member.name} was destroyed before it answered.`, false);
    const changes = await member.runner.destroy(keepsDisks);
    this.detach(member);
    this.queue.remove(record.index);
    this.bury(member);
    member.console.close();
    return opened && keepsDisks ? [...(changes ?? []), ...backend('drives').diskRecords(opened.all)] : changes;
  }

  /** Whoever waits for the guest to stop is told. */
  private isOver(member: Member<Console>, how: string, byItself = true): void {
    for (const tell of member.whenOver) tell(how, byItself);
    member.whenOver.clear();
  }

  /** Gives back what a domain had: at once, or when the last who has mapped a frame of it lets go. */
  private bury(member: Member<Console>): void {
    const { id } = member.record;
    this.runners.forget(member.record);
    if (!this.dying.has(id)) this.noteCall(member.record, 'XEN_DOMCTL_destroydomain');
    if (this.services.drivesRest(id) && destroyDomain(this.machine, member.record, this.services.dom0.held.frames)) {
      this.parts.recorder?.forget(id);
      if (this.dying.delete(id)) this.listener.listed();
      return;
    }
    this.dying.set(id, member);
    this.parts.later(DYING_MS, () => this.bury(member));
  }

  // ---- saving

  /** The state of a domain, which goes on then (saving.ts); `still` is called at its moment, `signal` ends it. @throws Error with a sentence */
  save(member: Member<Console>, signal: AbortSignal, still?: () => void): Promise<Uint8Array[]> {
    return this.saving.save(member, signal, still);
  }

  /** The same, and the domain stands still from then on (saving.ts). @throws Error with a sentence, and it goes on */
  hold(member: Member<Console>, signal: AbortSignal): Promise<Held> {
    return this.saving.hold(member, signal);
  }

  /** The state of a domain where it is; `unasked`: it did not suspend itself. @throws Error with a sentence */
  saveWhere(member: Member<Console>, unasked: boolean): Promise<Uint8Array[]> {
    return this.saving.where(member, unasked);
  }

  /** What a domain's memory and processors hold now; it goes on. @throws Error with a sentence */
  async look(member: Member<Console>): Promise<SavedState> {
    const chunks = await member.runner.ask('save');
    const { readState } = await import('../../hypervisor/interfaces/xen/stream/index.ts');
    return readState(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()), member.name);
  }
}
