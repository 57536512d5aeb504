/**
 * The toolstack: the one place where domains are built, attached to their back ends, run, typed at, restarted, saved and buried. The page's host, the
 * command line and the benchmarks are its callers. What differs between them is handed in: clocks, where domains run, where bytes are shown.
 */
import { states } from './parts.ts';
import { COUNTERS } from '../../hypervisor/layout/index.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { queueClock, Scheduler, Slot } from '../../hypervisor/scheduler/index.ts';
import type { State } from '../../devices/index.ts';
import { type DomainRecord, Machine, type SavedState } from '../../hypervisor/index.ts';
import { MachineView } from '../../hypervisor/view/index.ts';
import { hostTime } from '../backends/device-model/index.ts';
import type { Runners } from './runners/runner.ts';
import { hasStopped } from './endings.ts';
import { type Blueprint, type DomainConsole, type Member, memoryTarget } from './running-domain.ts';
import { type HostIdentity, LONE_HOST, seedOfHost } from '../host/index.ts';
import type { Dom0Time } from '../host/network/index.ts';
import { type StartedHypervisor, startXen } from './boot/start-xen.ts';
import { Building } from './building.ts';
import { Jobs } from './domains/jobs.ts';
import { statusOf } from './domains/status.ts';
import type { Reason, Status } from './domains/words.ts';
import { kindOfMember } from './kinds/index.ts';
import { Inputs } from './inputs.ts';
import { OpenedDrives } from './opened-drives.ts';
import type { Held, Live, Saving, StateSink } from './saving.ts';
import { Services } from './services.ts';
import { Stations } from './stations.ts';
import { Stopping } from './stopping.ts';
import { uuidOf } from './uuid.ts';
import type { BuildOptions, FramesAway, ToolstackCore, ToolstackListener, ToolstackParts } from './toolstack-parts.ts';

/** Where a browser has no Atomics.waitAsync, how often Domain 0 looks for events. */
const POLL_MS = 4;
export class Toolstack<Console extends DomainConsole = DomainConsole> implements ToolstackCore<Console> {
  readonly machine: Machine;
  readonly view: MachineView;
  readonly hypervisor: StartedHypervisor;
  /** The domains that may run; domain ids identify units by their indexes in the domain table. */
  readonly queue: Scheduler;
  readonly services: Services;
  stations: Stations;
  /** Who this host is among others. */
  identity: HostIdentity;
  readonly drives: OpenedDrives;
  readonly runners: Runners;
  /** What people type and press. */
  readonly inputs: Inputs;
  readonly members = new Map<number, Member<Console>>();
  /** Frames of domains here that another host has yet; absent: there was no such domain. */
  away?: FramesAway;
  /** What takes time on a domain, one thing at a time. */
  readonly jobs: Jobs;
  /** Why domains that are no longer there went, by their names. */
  readonly halted = new Map<string, Reason<'shut off'>>();
  /** Destroyed domains of which somebody still has frames mapped. */
  readonly dying = new Map<number, Member<Console>>();
  readonly parts: ToolstackParts;
  /**
   * Guest code of domains that are built from now on is compiled where this many samples of its time were taken; 0: it never is. Undefined: the default
   * (hypervisor/domain/second-tier.ts).
   */
  jitThreshold: number | undefined;
  readonly listener: ToolstackListener<Console>;
  /** Domain 0's own. */
  private readonly slot: Slot;
  private readonly building: Building<Console>;
  private readonly stopping: Stopping<Console>;
  /** For the first domain that is saved. */
  private saver: Saving | undefined;
  closed = false;
  /** In virtual time: of domains that are gone, and while nobody could run. */
  goneNs = 0;

  /** @throws HostError where machine memory is too small */
  constructor(parts: ToolstackParts, listener: ToolstackListener<Console>) {
    this.parts = parts;
    this.jitThreshold = parts.jitThreshold;
    this.listener = listener;
    this.identity = parts.identity ?? LONE_HOST;
    this.stations = this.stationsOf(this.identity);
    this.machine = Machine.create(parts.memory);
    this.hypervisor =
      parts.hypervisor ??
      startXen(
        { pcpus: parts.pcpus ?? 1, memoryMiB: parts.memory.byteLength >>> 20, vt: true, diskBytes: 0 },
        '',
        parts.version,
      );
    this.view = new MachineView(parts.memory);
    this.inputs = new Inputs(() => this.runners.poke());
    this.jobs = new Jobs(parts, () => listener.listed());
    this.queue = new Scheduler(this.machine, queueClock(this.machine, parts.hostMs ?? (() => this.virtualMs)));
    const { options, host, hasVt } = this.hypervisor;
    this.machine.hvmFep = options.hvmFep ?? false;
    this.machine.hasVt = hasVt;
    this.queue.configure({ pcpus: host.pcpus, ...options.scheduler });
    this.services = new Services(this.machine, {
      time: this.time(),
      log: sentence => listener.problem(undefined, sentence),
      memoryMiB: this.hypervisor.dom0MemoryMiB,
      wake: () => this.runners && this.wakeDomain0(),
      identity: this.identity,
      ...(parts.peer ? { peer: parts.peer } : {}),
      ...(parts.recorder ? { recorder: parts.recorder } : {}),
    });
    this.drives = new OpenedDrives({
      services: this.services,
      openMedium: parts.openMedium,
      openDevice: parts.openDevice,
      keepWrites: parts.keepWrites,
      elsewhere: () => this.runners.elsewhere,
      poke: () => this.runners.poke(),
    });
    this.queue.add({ index: DOMAIN_0, vcpus: 1 }, { doorbell: this.services.dom0.doorbell });
    this.slot = new Slot(this.queue, DOMAIN_0);
    this.stopping = new Stopping(this);
    this.building = new Building(this, this.stopping);
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

  private stationsOf(identity: HostIdentity): Stations {
    return new Stations(
      (this.parts.seed ?? 0) ^ seedOfHost(identity),
      () => this.members.values(),
      () => this.hypervisor,
    );
  }

  /** The host is known to others by this from now on: guests that are there keep what they were given. */
  become(identity: HostIdentity): void {
    this.identity = identity;
    this.stations = this.stationsOf(identity);
    this.services.network.become(identity);
  }

  seed(domid: number, startEpochMs: number): number {
    const own = (this.parts.seed ?? 0) ^ seedOfHost(this.identity);
    return Math.imul(domid + 1, 0x85ebca6b) ^ Math.imul(own + 1, 0x9e3779b1) ^ Math.floor(startEpochMs);
  }

  uuid(domid: number, startEpochMs: number): string {
    return uuidOf(domid, startEpochMs, seedOfHost(this.identity));
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

  /** Domain 0 learns of events by its doorbell: it serves them, and waits for the next ring without blocking. */
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
  wakeDomain0(): void {
    if (this.runners.elsewhere) this.services.dom0.ports.ring();
    else this.runners.poke();
  }

  /** The host goes: Domain 0 listens no more, what guests have said last comes out, and nothing is built any more. */
  close(): void {
    this.closed = true;
    for (const member of this.members.values()) this.stopping.detach(member);
    this.runners.close?.();
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

  /** Resolves once a domain has no job, and its devices may change. @throws Error with libvirt's sentence where that lasts too long, or the job took it away */
  async idle(member: Member<Console>): Promise<void> {
    await this.jobs.idle(member.name);
    if (this.members.get(member.record.id) !== member || member.ending)
      throw new Error('Requested operation is not valid: domain is not running');
  }

  /** The domain that has not stopped with this UUID. */
  ownerOf(uuid: string | undefined): Member<Console> | undefined {
    return [...this.members.values()].find(member => member.uuid === uuid && !member.ending);
  }

  /** The domain to pause or to let go on where that is asked of a domain: of one that is started again as a new one, that one. @throws Error with a sentence */
  standing(id: number): Member<Console> {
    const again = this.stopping.successors.get(id);
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

  /** @throws Error with a sentence where it is known before that a domain cannot be built in the place of others */
  refuseToBuild(blueprint: Blueprint, others: readonly Member[]): void {
    this.building.refuse(blueprint, others);
  }

  /**
   * A new domain, which runs, or (`paused`) will when it is unpaused. As xl does: it is built, then its store and console have their other ends, then it
   * runs. Nothing is left of one that cannot be built. @throws Error with a sentence
   */
  build(blueprint: Blueprint, options?: BuildOptions<Console>): Promise<Member<Console>> {
    return this.building.build(blueprint, options);
  }

  /** Something is done with a domain by a hypercall: whose task it is notes it. */
  noteCall({ id }: Pick<DomainRecord, 'id'>, name: string, about?: string): void {
    this.parts.recorder?.hypercall(id, name, about);
  }

  // ---- people

  /** One that is being started again as a new one hands it on. */
  setPaused(member: Member<Console>, paused: boolean, why: Reason<'paused'> = 'user'): void {
    if (paused) member.why.paused = why;
    else if (member.paused) member.why.running = 'unpaused';
    const isNews = member.paused !== paused;
    member.paused = paused;
    if (this.members.get(member.record.id) !== member) return;
    this.noteCall(member.record, paused ? 'XEN_DOMCTL_pausedomain' : 'XEN_DOMCTL_unpausedomain');
    const { whenUnpaused } = member;
    if (!paused) delete member.whenUnpaused;
    if (!paused) whenUnpaused?.();
    member.runner.ask(paused || member.holds > 0 ? 'pause' : 'unpause');
    if (isNews) this.listener.listed();
    if (isNews && paused) for (const tell of [...member.whenStill]) tell();
  }

  /** Domain 0 needs it paused while it builds or saves it: no person paused it, and if one does so meanwhile it is paused afterwards. */
  setHeld(member: Member, held: boolean): Promise<void> | void {
    member.holds += held ? 1 : -1;
    this.noteCall(member.record, held ? 'XEN_DOMCTL_pausedomain' : 'XEN_DOMCTL_unpausedomain');
    return member.runner.ask(member.paused || member.holds > 0 ? 'pause' : 'unpause');
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
    kindOfMember(member).setMemory(this, member, memoryMiB);
    member.memoryMiB = memoryMiB;
    this.runners.poke();
  }

  /** Its new name, in its store and in every list. */
  rename(member: Member<Console>, name: string): void {
    const { client } = this.services;
    this.halted.delete(name);
    member.name = name;
    member.isRenamed = true;
    for (const each of member.attachments.held) each.rename(name);
    member.blueprint = { ...member.blueprint, definition: { ...member.blueprint.definition, name } };
    for (const path of [`/local/domain/${member.record.id}/name`, `/vm/${member.uuid}/name`])
      if (client.read(path) !== undefined) client.write(path, name);
    this.listener.listed();
  }

  /** RESET pin. A guest of Xen that restarts is a new domain, and so is one whose worker is gone. What is said of it. @throws Error with a sentence */
  reset(member: Member<Console>): Promise<string> {
    return this.stopping.reset(member);
  }

  /** Ends a domain at once; `keepsDisks`: what its guest changed of its drives comes back; `why`: where it did not end by itself. */
  remove(member: Member<Console>, keepsDisks?: boolean, why?: Reason<'shut off'>): Promise<Uint8Array[] | undefined> {
    return this.stopping.remove(member, keepsDisks, why);
  }

  // ---- saving

  private async saving(): Promise<Saving> {
    const { Saving } = await states.load();
    return (this.saver ??= new Saving({
      services: this.services,
      inWorkers: () => this.runners.elsewhere,
      later: this.parts.later,
      setHeld: (member, held) => this.setHeld(member, held),
      ask: member => this.ask(member, 'suspend'),
      withdraw: member => this.services.withdraw(member.record.id, 'suspend'),
      wakeDomain0: () => this.wakeDomain0(),
    }));
  }

  /** For a domain that may have stopped while that was loaded: its memory is gone then. @throws Error with a sentence */
  private async savingOf({ record }: Member<Console>): Promise<Saving> {
    const saving = await this.saving();
    this.living(record.id);
    return saving;
  }

  /** The state of a domain, which goes on then (saving.ts); `still` is called at its moment, `signal` ends it. @throws Error with a sentence */
  async save(member: Member<Console>, signal: AbortSignal, sink: StateSink, still?: () => void): Promise<void> {
    return (await this.savingOf(member)).save(member, signal, sink, still);
  }

  /** The same, and the domain is paused from then on (saving.ts). @throws Error with a sentence, and it goes on */
  async hold(member: Member<Console>, signal: AbortSignal, sink: StateSink, live?: Live): Promise<Held> {
    return (await this.savingOf(member)).hold(member, signal, sink, live?.answered, live);
  }

  /** The state of a domain where it is; `unasked`: it did not suspend itself. @throws Error with a sentence */
  async saveWhere(member: Member<Console>, unasked: boolean, sink: StateSink): Promise<void> {
    return (await this.savingOf(member)).where(member, unasked, sink);
  }

  /** What of its state another domain is built from before the rest comes, of a guest that runs. @throws SavedStateError */
  async describe(member: Member<Console>): Promise<State> {
    const { devicesRecord } = await states.load();
    return {
      ...this.services.describe(member.record.id),
      ...memoryTarget(member),
      ...(await devicesRecord(member.blueprint)),
    };
  }

  /** What a domain's memory and processors hold now; it goes on. @throws Error with a sentence */
  async look(member: Member<Console>): Promise<SavedState> {
    const { StateBlob, readSaved } = await states.load();
    const file = new StateBlob();
    await (await this.saving()).look(member, file.put);
    // The caller that looks has the pages here, wherever the domain runs.
    return readSaved({ elsewhere: false }, file.whole(), member.name);
  }
}
