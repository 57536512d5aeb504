/** The guests of one `ringside boot`: their host, their consoles, and what Domain 0 does for those that know Xen. */
import type { CpuLevel } from '../../cpu/cpuid.ts';
import { availableParallelism } from 'node:os';
import type { DomainType } from '../../dom0/config/model.ts';
import { cardsOf } from '../../dom0/toolstack/cards.ts';
import { type Attached, memoryShape, Services, WHOLE_P2M, XEN_TYPES } from '../../dom0/toolstack/services.ts';
import type { GuestDisk } from '../../dom0/toolstack/disks.ts';
import { uuidOf } from '../../dom0/toolstack/uuid.ts';
import type { State } from '../../devices/bus.ts';
import type { IdeAttachment } from '../../devices/index.ts';
import type { DeviceModel } from '../../dom0/device-model/device-model.ts';
import { modelOf } from '../../dom0/device-model/saved-model.ts';
import type { Rate } from '../../dom0/network/rate.ts';
import type { Dom0Time } from '../../dom0/network/network.ts';
import { assembleDomain } from '../../hypervisor/domain/assemble.ts';
import { wired } from '../../hypervisor/domain/nic.ts';
import { type Boot, type Domain, type Ending, Machine, type NicModel, type SavedState } from '../../hypervisor/index.ts';
import { MAILBOX } from '../../hypervisor/memory/layout.ts';
import { createDomain, destroyDomain, machineBytesFor } from '../../hypervisor/memory/domain-table.ts';
import { DOMAIN_0, HostError } from '../../hypervisor/memory/machine.ts';
import { queueClock, Scheduler, type SchedulerOptions, type Shares, sharesOf } from '../../hypervisor/scheduler/scheduler.ts';
import { Slot } from '../../hypervisor/scheduler/slot.ts';
import { GuestLog } from '../../hypervisor/xen/guest-log.ts';
import { Lines } from './lines.ts';
import { isStartedAgain, restartSentence } from './restarts.ts';
import type { Member } from './run.ts';
import { addStats, type Stats } from './stats.ts';

const MIB = 2 ** 20;
/** Domain 0 runs on this thread, too: it looks itself. */
const NO_DOORBELL = -1;

/** What is to be started, checked as far as it can be without starting it. */
export interface GuestToRun extends Shares {
  name: string;
  memoryMiB: number;
  /** From the start, and as many as there may be. */
  vcpus: number;
  maxVcpus?: number;
  p2mFrames: number;
  boot: Boot;
  ide?: IdeAttachment[];
  /** For its PV drivers. */
  disks?: GuestDisk[];
  nic?: NicModel;
  /** A card for its PV drivers. */
  vif?: true;
  /** How much it may send. */
  rate?: Rate;
  /** Its card's station address: six bytes in hexadecimal with colons. */
  mac?: string;
  cpuLevel?: CpuLevel;
  /** Text of the definition, kept in a saved state. */
  definition: string;
  onReset: 'restart' | 'end';
  /** Of a guest of Xen ('end'). */
  onPoweroff?: 'restart' | 'end';
  onCrash?: 'restart' | 'end';
  startEpochMs: number;
  /** What it shows of Xen; absent: a plain PC. */
  xen?: DomainType;
  /** The device model of an HVM guest runs in Domain 0, and not as its stub domain. */
  modelInDomain0?: boolean;
  uuid?: string;
  /** Bits of HVM_PARAM_VIRIDIAN. */
  viridian?: number;
  maxMemoryMiB?: number;
  saved?: SavedState;
}

export interface GuestsParts {
  /** Monotonic host milliseconds; absent: virtual time. */
  hostMs?: () => number;
  hostMemoryMiB?: number;
  /** Slots: guests that may run at once. */
  pcpus?: number;
  /** Scheduler and its parameters. */
  scheduler?: Omit<SchedulerOptions, 'pcpus'>;
  hvmFep?: boolean;
  /** Every byte that a guest shows. */
  output(byte: number): void;
  /** Port 0xE9 and its like, where it has a place of its own; absent: guests of Xen show it, plain PCs do not. */
  debug?: (byte: number) => void;
  note(sentence: string): void;
}

class Running implements Member {
  readonly guest: GuestToRun;
  domain!: Domain;
  slot: Slot | undefined;
  untilNs = -Infinity;
  attached: Attached | undefined;
  /** Its device model, where that is in Domain 0. */
  model: DeviceModel | undefined;
  lines: Lines | undefined;
  log: GuestLog | undefined;
  /** What it did before it was started again, and how often it was. */
  before: Stats | undefined;
  restarts = 0;
  end: Member['end'];
  /** Where it showed something last: there it is typed at. */
  usesPvConsole: boolean;
  again: NonNullable<Member['again']> = () => false;

  constructor(guest: GuestToRun) {
    this.guest = guest;
    this.usesPvConsole = guest.xen === 'pv' || guest.xen === 'pvh';
  }

  /** Of all that it was started as. */
  get stats(): Stats {
    const now = this.domain.stats();
    return this.before ? addStats(this.before, now) : now;
  }

  /** Guest time from its first start on. */
  get nowNs(): number {
    return (this.before?.nowNs ?? 0) + (this.domain ? this.domain.clock.nowNs() : 0);
  }

  /** What its clock showed when it was first built: more than 0 where it was saved. */
  startedNs = 0;

  /** Time since then. */
  get elapsedNs(): number {
    return this.nowNs - this.startedNs;
  }

  /** Until then on that scale it does nothing. */
  get reachesNs(): number {
    if (this.end) return Infinity;
    return this.domain ? this.elapsedNs + Math.max(0, this.domain.clock.idleNs(this.untilNs)) : 0;
  }
}

export class Guests {
  readonly members: Running[];
  readonly machine: Machine;
  private readonly parts: GuestsParts;
  private readonly services: Services | undefined;
  /** Who may run; absent: one guest, always. */
  readonly queue: Scheduler | undefined;
  /** Domain 0's own. */
  private readonly slot: Slot | undefined;

  /** @throws LoadError, HostError */
  constructor(guests: GuestToRun[], parts: GuestsParts) {
    this.parts = parts;
    const bytes =
      parts.hostMemoryMiB === undefined
        ? guests.reduce((sum, guest) => sum + machineBytesFor(guest.maxMemoryMiB ?? guest.memoryMiB, guest.xen ? WHOLE_P2M : guest.p2mFrames), 0)
        : parts.hostMemoryMiB * MIB;
    this.machine = Machine.create(new SharedArrayBuffer(bytes));
    this.machine.hvmFep = parts.hvmFep ?? false;
    this.services = guests.some(({ xen, nic }) => xen !== undefined || nic) ? new Services(this.machine, { time: this.time(parts.hostMs), log: parts.note }) : undefined;
    this.members = guests.map(guest => new Running(guest));
    if (guests.length > 1 || parts.pcpus !== undefined) {
      this.queue = new Scheduler(this.machine, queueClock(this.machine, parts.hostMs ?? (() => this.virtualMs())));
      this.queue.configure({ pcpus: parts.pcpus ?? Math.max(1, availableParallelism() - 1), ...parts.scheduler });
      this.queue.add({ slot: DOMAIN_0, vcpus: 1 }, { doorbell: NO_DOORBELL });
      this.slot = new Slot(this.queue, DOMAIN_0);
    }
    for (const member of this.members) {
      this.build(member);
      if (member.guest.xen !== undefined) member.again = ending => this.again(member, ending);
    }
  }

  /** Virtual time of the host: the guests' together, since they take turns, and what a guest waited while nobody ran. */
  private virtualMs(): number {
    return this.idledMs + this.members.reduce((sum, { nowNs }) => sum + nowNs, 0) / 1e6;
  }

  /** Time of Domain 0: the host's, or that of the guest that is farthest. */
  private time(hostMs: (() => number) | undefined): Dom0Time {
    const wakeAt = (deadlineNs: number): void => {
      this.wakeNs = deadlineNs;
    };
    return { clock: { nowNs: hostMs ? () => Math.floor(hostMs() * 1e6) : () => Math.max(0, ...this.members.map(({ elapsedNs }) => elapsedNs)) }, wakeAt };
  }

  private wakeNs = Infinity;

  /** Milliseconds until Domain 0 wants a turn. */
  get wakeMs(): number {
    const { hostMs } = this.parts;
    return hostMs ? Math.max(0, this.wakeNs / 1e6 - hostMs()) : Infinity;
  }

  /** Guests in virtual time keep together: none that waits goes on past what others have yet to do, or Domain 0. */
  private company(member: Running): NonNullable<Domain['options']['company']> {
    return {
      wanted: () => this.services?.pending ?? false,
      horizonNs: () => this.members.reduce((least, other) => (other === member ? least : Math.min(least, other.reachesNs)), this.wakeNs) - member.elapsedNs + member.domain.clock.nowNs(),
    };
  }

  private idledMs = 0;

  /** Nobody could run for so long (RunnerParts.idled). */
  idled(ms: number): void {
    this.idledMs += ms;
  }

  private build(member: Running): void {
    const { guest } = member;
    const { machine, parts, services } = this;
    const { xen } = guest;
    const lines = (member.lines = new Lines(this.shown(member)));
    const { show } = lines;
    const pvConsole = (bytes: Uint8Array): void => {
      member.usesPvConsole = true;
      for (const byte of bytes) show(byte);
    };
    // A PV guest's second stage is indexed by machine frames.
    const p2mFrames = xen === undefined ? guest.p2mFrames : xen === 'pv' ? machine.frames : WHOLE_P2M;
    const { seenMiB, populateMiB } = memoryShape(xen, guest.memoryMiB, guest.maxMemoryMiB);
    const shape = { vcpus: guest.maxVcpus ?? guest.vcpus, onlineVcpus: guest.vcpus, populateMiB, card: guest.nic !== undefined, ...(xen === undefined ? {} : { xen: XEN_TYPES[xen] }) };
    const record = createDomain(machine, seenMiB, p2mFrames, shape);
    const uuid = guest.uuid ?? uuidOf(record.id, guest.startEpochMs);
    const modelHere = xen === 'hvm' && guest.modelInDomain0 === true;
    if (xen !== undefined) services?.prepare(record, uuid, modelHere, guest.viridian);
    const log = (member.log = xen === undefined ? undefined : new GuestLog(record.id, lines.showBetween));
    const debug = parts.debug ?? log?.put;
    const serial = (byte: number): void => {
      member.usesPvConsole = false;
      show(byte);
    };
    const { nic, mac } = guest;
    member.domain = assembleDomain(
      {
        machine,
        record,
        memoryMiB: seenMiB,
        boot: guest.boot,
        startEpochMs: guest.startEpochMs,
        // A guest of Xen that asks for a reset ends; the toolstack starts it again, as a new domain.
        onReset: xen === undefined ? guest.onReset : 'end',
        onTripleFault: 'end',
        ...(guest.ide && !modelHere ? { ide: guest.ide } : {}),
        ...(nic ? { nic } : {}),
        ...(mac ? { mac } : {}),
        ...(guest.cpuLevel ? { cpuLevel: guest.cpuLevel } : {}),
        ...(parts.hostMs ? { hostMs: parts.hostMs } : { company: this.company(member) }),
        serial,
        ...(debug ? { debug } : {}),
        ...(log ? { xenConsole: log.write, xenLog: (line: string) => lines.showBetween(new TextEncoder().encode(`(XEN) ${line}\n`)) } : {}),
        onRestart: () => {
          member.restarts++;
          parts.note(restartSentence(guest.name, 'The guest asked for a reset.'));
        },
      },
      guest.saved,
    );
    if (member.before === undefined) member.startedNs = member.domain.clock.nowNs();
    services?.network.attachCard(record, guest.rate);
    this.queue?.add(record, { doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL, ...sharesOf(guest) });
    member.slot = this.queue && new Slot(this.queue, record.slot, held => member.domain.setSlot(held));
    if (services === undefined || xen === undefined) return;
    const { boot } = guest;
    member.attached = services.attach(
      record,
      {
        uuid,
        name: guest.name,
        type: xen,
        memoryMiB: guest.memoryMiB,
        maxMemoryMiB: guest.maxMemoryMiB ?? guest.memoryMiB,
        vcpus: guest.vcpus,
        maxVcpus: guest.maxVcpus ?? guest.vcpus,
        startEpochMs: guest.startEpochMs,
        ...(guest.disks ? { disks: guest.disks } : {}),
        ...cardsOf(guest),
        ...(boot.kind === 'firmware' ? {} : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
      },
      pvConsole,
      guest.saved?.toolstack,
    );
    if (!modelHere) return;
    const { domain } = member;
    // In its guest's time, so that a run in virtual time repeats itself: the guest's slice ends, and Domain 0 has its turn.
    const alarm = domain.timers.create('device-model', () => domain.stopSlice());
    member.model = services.attachModel({
      record,
      memoryMiB: seenMiB,
      boot,
      clock: domain.clock,
      wakeAt: deadlineNs => alarm.set(deadlineNs),
      serial,
      ...(debug ? { debug } : {}),
      ...(guest.ide ? { ide: guest.ide } : {}),
      ...(nic ? { nic: timers => wired(machine, record, timers, guest) } : {}),
      failed: parts.note,
      saved: guest.saved && modelOf(guest.saved),
      ...(parts.hostMs ? { hostMs: parts.hostMs } : {}),
    });
  }

  /** One guest's bytes as they are; of several, whole lines with the name before them. */
  private shown(member: Running): (byte: number) => void {
    const { output } = this.parts;
    if (this.members.length === 1) return output;
    const head = new TextEncoder().encode(`${member.guest.name}: `);
    let line: number[] = [];
    return byte => {
      line.push(byte);
      if (byte !== 10 && line.length < 4096) return;
      for (const part of [head, line]) for (const each of part) output(each);
      line = [];
    };
  }

  /** The guest asked for a restart: a new domain takes its place. */
  private again(member: Running, ending: Ending): boolean {
    // Nobody saves it: its suspend is cancelled.
    if (ending.kind === 'suspend' && !this.suspending) {
      member.domain.resume();
      return true;
    }
    // Its device model is to be saved, too.
    if (ending.kind === 'suspend') return false;
    this.detach(member);
    if (!isStartedAgain(member.guest, ending)) return false;
    const { domain } = member;
    member.before = member.stats;
    member.restarts++;
    this.queue?.remove(domain.options.record.slot);
    destroyDomain(this.machine, domain.options.record);
    // It starts anew, and not once more from where it was saved; the clock of its PC has gone on.
    delete member.guest.saved;
    member.guest.startEpochMs += Math.round(domain.clock.nowNs() / 1e6);
    this.build(member);
    member.domain.stopAtInstruction = domain.stopAtInstruction - domain.instructions;
    this.parts.note(restartSentence(member.guest.name, ending.sentence, member.domain.options.record.id));
    // Once in full: a guest in a loop would say the same again and again.
    if (ending.report !== undefined && member.restarts === 1) this.parts.note(ending.report);
    return true;
  }

  private detach(member: Running): void {
    if (member.attached) this.services?.detach(member.domain.options.record.id);
    this.services?.network.detachCard(member.domain.options.record.id);
    member.log?.close();
    member.lines?.close();
    member.attached = member.model = undefined;
  }

  /** Domain 0's turn. */
  serve(): boolean {
    const { services, slot } = this;
    if (!services) return false;
    // Whoever holds the slot gives it up at its next check.
    return slot ? slot.serve(services.pending, () => services.poll()) : services.poll();
  }

  /** Bytes typed: at the first guest that runs. */
  input(bytes: Uint8Array): void {
    const member = this.members.find(({ end }) => !end);
    if (member?.attached && member.usesPvConsole) member.attached.input(bytes);
    else if (member?.model) member.model.serialInput(bytes);
    else member?.domain.serialInput(bytes);
  }

  /** A key by its KeyboardEvent.code: for the first guest. */
  key(code: string, down: boolean): void {
    const [{ model, domain }] = this.members;
    if (model) model.key(code, down);
    else domain.key(code, down);
  }

  /** Asks the balloon driver of the first guest for so much memory. @throws Error with a sentence */
  setMemory(memoryMiB: number): void {
    if (!this.services) throw new HostError('The guest is a plain PC, which has no balloon driver. Start it with --type.');
    this.services.setMemory(this.members[0].domain.options.record.id, memoryMiB);
  }

  /** Asks the first guest to suspend itself, to be saved then; false: it need not, or does not listen. */
  askToSuspend(): boolean {
    const [{ domain }] = this.members;
    if (this.suspending) return true;
    if (!domain.xen || domain.xen.untouched || domain.xen.suspended) return false;
    this.suspending = this.services?.ask(domain.options.record.id, 'suspend') ?? false;
    return this.suspending;
  }

  private suspending = false;

  /** What Domain 0 keeps of the first guest in a saved state, unless the guest has made itself ready for that. */
  saveToolstack(): State | undefined {
    const [{ domain, attached }] = this.members;
    if (!attached) return undefined;
    return this.services?.save(domain.options.record.id, !domain.xen?.suspended);
  }

  /** Last words. */
  close(): void {
    for (const member of this.members) this.detach(member);
  }
}
