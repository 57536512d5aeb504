/**
 * Several guests at once, each in a worker thread of its own, with Domain 0 in this one: what `ringside boot` does when there is more than one slot.
 * What looks into a domain's objects (saved states, statistics, pictures, scripts) needs guests on this thread (guests.ts).
 */
import { performance } from 'node:perf_hooks';
import { WorkerRunner } from '../../dom0/runner-worker.ts';
import type { DeviceModel } from '../../dom0/device-model/device-model.ts';
import { hostTime } from '../../dom0/device-model/host-time.ts';
import type { DomainListener } from '../../dom0/runner.ts';
import { cardsOf } from '../../dom0/toolstack/cards.ts';
import { type Attached, memoryShape, Services, WHOLE_P2M, XEN_TYPES } from '../../dom0/toolstack/services.ts';
import { uuidOf } from '../../dom0/toolstack/uuid.ts';
import { wired } from '../../hypervisor/domain/nic.ts';
import { type DomainRecord, type Ending, HostError, Machine } from '../../hypervisor/index.ts';
import { MAILBOX } from '../../hypervisor/memory/layout.ts';
import { createDomain, destroyDomain, machineBytesFor } from '../../hypervisor/memory/domain-table.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/machine.ts';
import { queueClock, Scheduler, type SchedulerOptions, sharesOf } from '../../hypervisor/scheduler/scheduler.ts';
import { Slot } from '../../hypervisor/scheduler/slot.ts';
import { GuestLog } from '../../hypervisor/xen/guest-log.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import type { GuestToRun } from './guests.ts';
import { Lines } from './lines.ts';
import type { BootOptions } from './options.ts';
import { isStartedAgain, restartSentence } from './restarts.ts';
import type { RunEnd } from './run.ts';

const MIB = 2 ** 20;
const NEWLINE = 10;
/** Longest piece of a line that is held back for the rest of it. */
const LONGEST_LINE = 4096;

/** Whether these guests can run in workers, with these options. */
export function runInWorkers(guests: GuestToRun[], options: BootOptions, pcpus: number): boolean {
  const looksInside = options.script ?? options.save ?? options.saveAt ?? options.stats ?? options.screenshot ?? options.debugcon;
  return (
    guests.length > 1 && pcpus > 1 && !options.virtualTime && looksInside === undefined && guests.every(({ ide, saved }) => saved === undefined && !ide?.length)
  );
}

interface Parts {
  pcpus: number;
  scheduler?: Omit<SchedulerOptions, 'pcpus'>;
  hvmFep?: boolean;
  timeoutSeconds: number;
  hostMemoryMiB?: number;
  /** Whole lines of a guest, with its name before them. */
  output(bytes: Uint8Array): void;
  note(sentence: string): void;
}

interface Member {
  guest: GuestToRun;
  record: DomainRecord;
  runner: WorkerRunner;
  attached: Attached | undefined;
  model: DeviceModel | undefined;
  usesPvConsole: boolean;
  /** Bytes of a line that is not whole yet. */
  line: number[];
  lines: Lines;
  restarts: number;
  end?: RunEnd;
}

const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

export class GuestsInWorkers {
  readonly ends: Promise<RunEnd[]>;
  private readonly members: Member[] = [];
  private readonly machine: Machine;
  private readonly queue: Scheduler;
  private readonly services: Services | undefined;
  private readonly slot: Slot;
  private readonly parts: Parts;
  private finish: (ends: RunEnd[]) => void = () => {};
  private finished = false;

  /** @throws HostError */
  constructor(guests: GuestToRun[], parts: Parts) {
    this.parts = parts;
    this.ends = new Promise(resolve => {
      this.finish = resolve;
    });
    const bytes = parts.hostMemoryMiB
      ? parts.hostMemoryMiB * MIB
      : guests.reduce((sum, guest) => sum + machineBytesFor(guest.maxMemoryMiB ?? guest.memoryMiB, guest.xen ? WHOLE_P2M : guest.p2mFrames), 0);
    this.machine = Machine.create(new SharedArrayBuffer(bytes));
    this.machine.hvmFep = parts.hvmFep ?? false;
    const due = (): void => this.services?.dom0.ports.ring();
    this.services = guests.some(({ xen, nic }) => xen !== undefined || nic) ? new Services(this.machine, { time: hostTime(() => performance.now(), later, due), log: parts.note }) : undefined;
    this.queue = new Scheduler(this.machine, queueClock(this.machine, () => performance.timeOrigin + performance.now()));
    this.queue.configure({ pcpus: parts.pcpus, ...parts.scheduler });
    this.queue.add({ slot: DOMAIN_0, vcpus: 1 }, { doorbell: this.services?.dom0.doorbell ?? -1 });
    this.slot = new Slot(this.queue, DOMAIN_0);
  }

  /** Builds all of them, then lets them run. @throws HostError */
  async start(guests: GuestToRun[]): Promise<void> {
    this.listen();
    const { timeoutSeconds } = this.parts;
    if (timeoutSeconds !== Infinity) later(timeoutSeconds * 1000, () => this.endAll({ kind: 'timeout' }));
    for (const guest of guests) {
      const member = { guest, attached: undefined, usesPvConsole: guest.xen === 'pv' || guest.xen === 'pvh', line: [], restarts: 0 } as unknown as Member;
      member.lines = new Lines(byte => this.put(member, byte));
      this.members.push(member);
      await this.build(member);
    }
    for (const { runner, end } of this.members) if (!end) runner.setPaused(false);
  }

  /** Domain 0's events, served while it holds a slot. */
  private listen(): void {
    const { services, machine, slot } = this;
    if (!services || this.finished) return;
    const { dom0 } = services;
    const seen = Atomics.load(machine.words, dom0.doorbell);
    slot.serve(services.pending, () => services.poll());
    const ring = Atomics.waitAsync(machine.words, dom0.doorbell, seen);
    if (ring.async) void ring.value.then(() => this.listen());
    else setImmediate(() => this.listen());
  }

  /** Leaves it paused. */
  private async build(member: Member): Promise<void> {
    const { machine, services, queue } = this;
    const { guest } = member;
    const { xen, boot, memoryMiB, vcpus, startEpochMs } = guest;
    const p2mFrames = xen === undefined ? guest.p2mFrames : xen === 'pv' ? machine.frames : WHOLE_P2M;
    const { seenMiB, populateMiB } = memoryShape(xen, memoryMiB, guest.maxMemoryMiB);
    const record = createDomain(machine, seenMiB, p2mFrames, { vcpus: guest.maxVcpus ?? vcpus, onlineVcpus: vcpus, populateMiB, card: guest.nic !== undefined, ...(xen === undefined ? {} : { xen: XEN_TYPES[xen] }) });
    member.record = record;
    const uuid = guest.uuid ?? uuidOf(record.id, startEpochMs);
    const modelHere = xen === 'hvm' && guest.modelInDomain0 === true;
    if (xen !== undefined) services?.prepare(record, uuid, modelHere, guest.viridian);
    queue.add(record, { doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL, ...sharesOf(guest) });
    const listener: DomainListener = {
      serial: bytes => {
        member.usesPvConsole = false;
        this.show(member, bytes);
      },
      xenConsole: lines => member.lines.showBetween(lines),
      ended: ending => void this.ended(member, ending),
      restarted: () => {
        member.restarts++;
        this.parts.note(restartSentence(guest.name, 'The guest asked for a reset.'));
      },
      problem: sentence => this.show(member, new TextEncoder().encode(`${sentence}\n`)),
    };
    const message = {
      memory: machine.memory as SharedArrayBuffer,
      slot: record.slot,
      name: guest.name,
      memoryMiB: seenMiB,
      boot,
      ...(guest.nic ? { nic: guest.nic } : {}),
      ...(guest.mac ? { mac: guest.mac } : {}),
      ...(guest.cpuLevel ? { cpuLevel: guest.cpuLevel } : {}),
      startEpochMs,
      // A guest of Xen that restarts is a new domain.
      onReset: xen === undefined ? guest.onReset : 'end',
      onTripleFault: 'end',
      program: '',
      definition: guest.definition,
      withXenConsole: xen !== undefined,
    } as const;
    member.runner = new WorkerRunner(spawnDomainWorker(), machine, record, message, listener, { later, hostMs: () => performance.timeOrigin + performance.now() });
    // Its back ends are there before it runs.
    services?.network.attachCard(record, guest.rate);
    member.runner.setPaused(true);
    await member.runner.started.catch((error: Error) => {
      throw new HostError(error.message);
    });
    if (services && xen !== undefined) {
      const described = {
        uuid, name: guest.name, type: xen, memoryMiB, maxMemoryMiB: guest.maxMemoryMiB ?? memoryMiB, vcpus, maxVcpus: guest.maxVcpus ?? vcpus, startEpochMs,
        ...(guest.disks ? { disks: guest.disks } : {}),
        ...(boot.kind === 'firmware' ? {} : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
      };
      member.attached = services.attach(record, { ...described, ...cardsOf(guest) }, bytes => {
        member.usesPvConsole = true;
        this.show(member, bytes);
      });
      if (modelHere) {
        const log = new GuestLog(record.id, member.lines.showBetween);
        member.model = services.attachModel({
          record,
          memoryMiB: seenMiB,
          boot,
          ...(guest.nic ? { nic: timers => wired(machine, record, timers, guest) } : {}),
          ...hostTime(() => performance.now(), later, () => services.dom0.ports.ring()),
          serial: byte => listener.serial(Uint8Array.of(byte)),
          debug: log.put,
          failed: listener.problem,
        });
      }
    }
  }

  private show(member: Member, bytes: Uint8Array): void {
    bytes.forEach(member.lines.show);
  }

  private put({ line, guest }: Member, byte: number): void {
    line.push(byte);
    if (byte !== NEWLINE && line.length < LONGEST_LINE) return;
    this.parts.output(new Uint8Array([...new TextEncoder().encode(`${guest.name}: `), ...line.splice(0)]));
  }

  private async ended(member: Member, ending: Ending): Promise<void> {
    if (member.end) return;
    if (member.attached) this.services?.detach(member.record.id);
    if (ending.kind !== 'suspend') this.services?.network.detachCard(member.record.id);
    member.attached = member.model = undefined;
    if (ending.kind === 'suspend') return member.runner.setPaused(false);
    const again = isStartedAgain(member.guest, ending);
    if (!again) member.end = { kind: 'ended', ending };
    member.lines.close();
    await this.destroy(member);
    if (again) {
      member.restarts++;
      await this.build(member);
      this.parts.note(restartSentence(member.guest.name, ending.sentence, member.record.id));
      // Once in full: a guest in a loop would say the same again and again.
      if (ending.report !== undefined && member.restarts === 1) this.parts.note(ending.report);
      member.runner.setPaused(false);
    } else if (this.members.every(({ end }) => end)) this.endAll({ kind: 'stopped' });
  }

  private async destroy(member: Member): Promise<void> {
    await member.runner.destroy();
    this.queue.remove(member.record.slot);
    destroyDomain(this.machine, member.record, this.services?.dom0.held.frames);
  }

  /** Ends those that still run with `end`, and the run. */
  endAll(end: RunEnd): void {
    if (this.finished) return;
    this.finished = true;
    for (const member of this.members) member.end ??= end;
    for (const member of this.members) if (member.line.length > 0) this.show(member, Uint8Array.of(NEWLINE));
    this.finish(this.members.map(member => member.end as RunEnd));
  }

  /** Bytes typed: at the first guest that runs. */
  input(bytes: Uint8Array): void {
    const member = this.members.find(({ end }) => !end);
    if (member?.attached && member.usesPvConsole) member.attached.input(bytes);
    else if (member?.model) member.model.serialInput(bytes);
    else member?.runner.serial(bytes);
  }
}
