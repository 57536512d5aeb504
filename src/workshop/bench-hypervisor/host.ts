/** Small guests over the toolstack, each in a worker of its own or all on this thread, with one machine memory and one run queue. */
import { MemoryDisk } from '../../formats/blocks/index.ts';
import type { XenKind } from '../../hypervisor/kinds/index.ts';
import { newDefinition } from '../../dom0/definitions/config/index.ts';
import { inTurns, inWorkers, type WorkerLike } from '../../dom0/service/index.ts';
import {
  type DomainConsole,
  Toolstack,
  type ToolstackListener,
  type ToolstackParts,
} from '../../dom0/toolstack/index.ts';
import { type Boot, type DomainRecord, type Ending, type Machine, noMedia } from '../../hypervisor/index.ts';
import { later, sharedMs, soon } from '../../cli/node-clock.ts';
import { spawnDomainWorker } from '../../cli/node-worker.ts';
import { COUNT } from './guests.ts';

const GUEST_MIB = 4,
  HOST_MIB = 256;
export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** What a guest counted so far. */
export function countOf(machine: Machine, record: DomainRecord): number {
  const mfn = machine.secondStage(record).mfn(COUNT >>> 12);
  return machine.words[(mfn << 10) + ((COUNT & 0xfff) >>> 2)] >>> 0;
}

interface Started {
  xen?: XenKind;
  weight?: number;
  cap?: number;
  /** Of its GUEST_MIB; what is missing is populated on demand. */
  populateMiB?: number;
  /** The first IDE disk's bytes. */
  disk?: Uint8Array;
  modelInDomain0?: boolean;
  /** Called once the domain is built, before it runs. */
  attach?(record: DomainRecord): void;
}

export class BenchHost {
  readonly toolstack: Toolstack;
  /** Who waits for the end of a domain. */
  private readonly endings = new Map<DomainRecord, (ending: Ending) => void>();

  constructor(pcpus: number, runners: ToolstackParts['runners']) {
    const failed =
      (what: string) =>
      ({ name }: { name: string }): void => {
        throw new Error(`${name} ${what}`);
      };
    const listener: ToolstackListener<DomainConsole> = {
      console: () => ({ print: () => {}, close: () => {} }),
      listed: () => {},
      ended: (member, ending) => (this.endings.get(member.record) ?? failed('ended').bind(null, member))(ending),
      restarted: failed('was restarted'),
      rebuildFailed: failed('was to be restarted'),
      problem: (member, sentence) => failed(`has a problem: ${sentence}`)(member ?? { name: 'Domain-0' }),
    };
    const memory = new SharedArrayBuffer(HOST_MIB * 2 ** 20);
    this.toolstack = new Toolstack(
      {
        version: 'bench',
        memory,
        pcpus,
        runners,
        soon,
        later,
        hostMs: sharedMs,
        epochMs: () => 0,
        openMedium: noMedia,
        tripleFaultEnds: true,
      },
      listener,
    );
  }

  get machine(): Machine {
    return this.toolstack.machine;
  }

  async start(
    name: string,
    boot: Boot,
    { xen, weight, cap, populateMiB = GUEST_MIB, disk, modelInDomain0, attach }: Started = {},
  ): Promise<DomainRecord> {
    const { toolstack } = this;
    const member = await toolstack.build(
      {
        definition: {
          ...newDefinition(),
          name,
          kind: xen ?? 'pc',
          memoryMiB: populateMiB,
          maxMemoryMiB: GUEST_MIB,
          onPoweroff: 'preserve',
          onReboot: 'preserve',
          onCrash: 'preserve',
          ...(weight === undefined ? {} : { weight }),
          ...(cap === undefined ? {} : { cap }),
          ...(modelInDomain0 ? { modelInDomain0 } : {}),
        },
        boot,
        ...(xen ? { xen } : {}),
        ...(disk
          ? { drives: [{ place: 0, kind: 'disk', readOnly: false, medium: { name, disk: new MemoryDisk(disk) } }] }
          : {}),
        text: '',
        startEpochMs: 0,
      },
      { paused: attach !== undefined },
    );
    attach?.(member.record);
    if (attach) toolstack.setPaused(member, false);
    return member.record;
  }

  /** How a domain ends. */
  protected ending(record: DomainRecord): Promise<Ending> {
    return new Promise(resolve => this.endings.set(record, resolve));
  }

  /** Gives back all that a domain had. */
  async remove({ id }: DomainRecord): Promise<void> {
    await this.toolstack.remove(this.toolstack.member(id));
  }

  /** Ends every domain, and Domain 0. */
  async end(): Promise<void> {
    for (const { record } of [...this.toolstack.members.values()]) await this.remove(record);
    this.toolstack.close();
  }
}

/** Each domain in a worker. */
export class WorkerHost extends BenchHost {
  private readonly workers: WorkerLike[];
  private readonly workerOf = new Map<DomainRecord, WorkerLike>();

  /** `folder`: where the worker's bundle is (next to this program's). */
  constructor(pcpus: number, folder?: string) {
    const workers: WorkerLike[] = [];
    const spawn = (): WorkerLike => {
      const worker = spawnDomainWorker(folder);
      workers.push(worker);
      return worker;
    };
    super(pcpus, inWorkers({ spawn, later, hostMs: sharedMs }));
    this.workers = workers;
  }

  override async start(...what: Parameters<BenchHost['start']>): Promise<DomainRecord> {
    const started = super.start(...what);
    const at = this.workers.length - 1;
    const record = await started;
    this.workerOf.set(record, this.workers[at]);
    return record;
  }

  /** Ends a domain's worker by force, whatever it is doing; what is then said of the domain. */
  kill(record: DomainRecord): Promise<Ending> {
    const ending = this.ending(record);
    this.workerOf.get(record)!.terminate();
    return ending;
  }
}

/** All domains and Domain 0 interleaved on this thread. */
export const turnsHost = (): BenchHost => new BenchHost(1, inTurns({ soon, later, hostMs: sharedMs }));
