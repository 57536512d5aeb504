/** Domains in workers of their own, over one machine memory and one run queue. */
import { performance } from 'node:perf_hooks';
import { Services, WHOLE_P2M } from '../../dom0/toolstack/index.ts';
import { WorkerRunner, type WorkerLike } from '../../dom0/index.ts';
import { type Boot, type DomainRecord, type Ending, Machine } from '../../hypervisor/index.ts';
import { MAILBOX } from '../../hypervisor/layout/index.ts';
import { createDomain } from '../../hypervisor/memory/index.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { queueClock, Scheduler, type UnitOptions } from '../../hypervisor/scheduler/index.ts';
import { Slot } from '../../hypervisor/scheduler/index.ts';
import { MachineView } from '../../hypervisor/view/index.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import { COUNT } from './guests.ts';

const GUEST_MIB = 4,
  HOST_MIB = 256;
export const sharedMs = (): number => performance.timeOrigin + performance.now();
export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
export const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** What a guest counted so far. */
export function countOf(machine: Machine, record: DomainRecord): number {
  const mfn = machine.p2m(record)[COUNT >>> 12] >>> 12;
  return machine.words[(mfn << 10) + ((COUNT & 0xfff) >>> 2)] >>> 0;
}

interface Started {
  xen?: number;
  /** Of its GUEST_MIB; what is missing is populated on demand. */
  populateMiB?: number;
  /** Called with the record before the domain is built, and before it runs. */
  prepare?(record: DomainRecord): void;
  attach?(record: DomainRecord): void;
}

export class WorkerHost {
  readonly machine = Machine.create(new SharedArrayBuffer(HOST_MIB * 2 ** 20));
  readonly queue: Scheduler;
  readonly view = new MachineView(this.machine.memory);
  private readonly folder: string | undefined;
  private readonly running: { record: DomainRecord; runner: WorkerRunner; worker: WorkerLike; ended: (then: (ending: Ending) => void) => void }[] = [];

  /** `folder`: where the worker's bundle is (beside this program's). */
  constructor(pcpus: number, folder?: string) {
    this.folder = folder;
    this.queue = new Scheduler(this.machine, queueClock(this.machine, sharedMs));
    this.queue.configure({ pcpus });
  }

  async start(name: string, boot: Boot, { xen, populateMiB = GUEST_MIB, prepare, attach, ...options }: Partial<UnitOptions> & Started = {}): Promise<DomainRecord> {
    const { machine } = this;
    const record = xen === undefined ? createDomain(machine, GUEST_MIB) : createDomain(machine, GUEST_MIB, WHOLE_P2M, { xen, populateMiB });
    prepare?.(record);
    this.queue.add(record, { ...options, doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
    const message = {
      memory: machine.memory as SharedArrayBuffer,
      slot: record.slot,
      name,
      memoryMiB: GUEST_MIB,
      boot,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      program: 'bench',
      definition: '',
    } as const;
    const failed = (what: string) => (): void => {
      throw new Error(`${name} ${what}`);
    };
    let onEnd: (ending: Ending) => void = failed('ended');
    const listener = { serial: () => {}, ended: (ending: Ending) => onEnd(ending), restarted: failed('was restarted'), problem: failed('has a problem') };
    const worker = spawnDomainWorker(this.folder);
    const runner = new WorkerRunner(worker, machine, record, message, listener, { later, hostMs: sharedMs });
    if (attach) runner.setPaused(true);
    await runner.started;
    attach?.(record);
    if (attach) runner.setPaused(false);
    const ended = (then: (ending: Ending) => void): void => {
      onEnd = then;
    };
    this.running.push({ record, runner, worker, ended });
    return record;
  }

  /** Ends a domain's worker by force, whatever it is doing; what is then said of the domain. */
  kill(record: DomainRecord): Promise<Ending> {
    const at = this.running.findIndex(each => each.record === record);
    const [{ worker, ended }] = this.running.splice(at, 1);
    return new Promise(resolve => {
      ended(resolve);
      worker.terminate();
    });
  }

  /** Domain 0 with its services: in this thread, while it holds a slot. */
  domain0(): Services {
    const { words } = this.machine;
    const services = new Services(this.machine);
    const { doorbell } = services.dom0;
    this.queue.add({ slot: DOMAIN_0, vcpus: 1 }, { doorbell });
    const slot = new Slot(this.queue, DOMAIN_0);
    const listen = (): void => {
      if (this.ended) return;
      const seen = Atomics.load(words, doorbell);
      if (services.pending && slot.enter()) {
        services.poll();
        slot.leave({ state: 'parked' });
      }
      const ring = Atomics.waitAsync(words, doorbell, seen);
      if (ring.async) void ring.value.then(listen);
      else setImmediate(listen);
    };
    listen();
    this.ring = () => services.dom0.ports.ring();
    return services;
  }

  private ended = false;
  private ring: () => void = () => {};

  async end(): Promise<void> {
    this.ended = true;
    this.ring();
    for (const { record, runner } of this.running.splice(0)) {
      await runner.destroy();
      this.queue.remove(record.slot);
    }
  }
}
