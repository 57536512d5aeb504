/**
 * The row `ioreq`: what an access to an emulated device costs, by where its device model runs: beside the processor (the stub domain), in Domain 0 on the
 * same thread (the single-threaded host, which takes turns), and in Domain 0 on a thread of its own, through ioreq page and event channel.
 */
import { performance } from 'node:perf_hooks';
import { createDomain } from '../../hypervisor/memory/index.ts';
import { MemoryDisk } from '../../devices/index.ts';
import { hostTime } from '../../dom0/device-model/index.ts';
import { Services, WHOLE_P2M } from '../../dom0/toolstack/index.ts';
import { assembleDomain } from '../../hypervisor/domain/index.ts';
import { type Boot, type Domain, type DomainRecord, Machine } from '../../hypervisor/index.ts';
import { XEN_TYPE } from '../../hypervisor/layout/index.ts';
import { countMemory, countPort, countSectors } from './guests.ts';
import { countOf, later, sleep, WorkerHost } from './host.ts';

const GUEST_MIB = 4;
const WARM_UP_MS = 1000;
const UUID = '00000000-0000-0000-0000-000000000000';
const ACCESSES: Record<string, () => Boot> = { port: countPort, memory: countMemory, sector: countSectors };
const drives = (): ConstructorParameters<typeof MemoryDisk>[0] => new Uint8Array(64 * 512).fill(0x5a);

type Times = { stub: number; turns: number; dom0: number };

/** Microseconds of one count of a guest that runs until the time is over; best of the quarters. */
function onThisThread(boot: Boot, inDomain0: boolean, seconds: number): number {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const services = new Services(machine);
  const record = createDomain(machine, GUEST_MIB, WHOLE_P2M, { xen: XEN_TYPE.HVM });
  services.prepare(record, UUID, inDomain0);
  const hostMs = (): number => performance.now();
  const ide = [{ place: 0, kind: 'disk' as const, disk: new MemoryDisk(drives()) }];
  const domain = assembleDomain({ machine, record, memoryMiB: GUEST_MIB, boot, startEpochMs: 0, onReset: 'end', onTripleFault: 'end', hostMs, serial: () => {}, ide });
  if (inDomain0) attach(services, domain, record, boot);
  const runFor = (ms: number): void => {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      domain.runSlice();
      services.poll();
    }
  };
  runFor(WARM_UP_MS);
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    const before = countOf(machine, record),
      start = performance.now();
    runFor(seconds * 250);
    best = Math.min(best, ((performance.now() - start) * 1000) / ((countOf(machine, record) - before) >>> 0));
  }
  services.detach(record.id);
  return best;
}

function attach(services: Services, domain: Domain, record: DomainRecord, boot: Boot): void {
  const alarm = domain.timers.create('device-model', () => domain.stopSlice());
  services.attachModel({
    record,
    memoryMiB: GUEST_MIB,
    boot,
    ide: [{ place: 0, kind: 'disk', disk: new MemoryDisk(drives()) }],
    clock: domain.clock,
    wakeAt: ns => alarm.set(ns),
    serial: () => {},
    failed: sentence => {
      throw new Error(sentence);
    },
  });
}

/** The same with the guest in a worker of its own and Domain 0 here. */
async function acrossThreads(boot: Boot, seconds: number): Promise<number> {
  const host = new WorkerHost(2);
  const services = host.domain0();
  const record = await startWithModel(host, services, boot);
  await sleep(WARM_UP_MS);
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    const before = countOf(host.machine, record),
      start = performance.now();
    await sleep(seconds * 250);
    best = Math.min(best, ((performance.now() - start) * 1000) / ((countOf(host.machine, record) - before) >>> 0));
  }
  await host.end();
  services.detach(record.id);
  return best;
}

/** A guest in a worker with its device model in Domain 0. */
export function startWithModel(host: WorkerHost, services: Services, boot: Boot): Promise<DomainRecord> {
  return host.start('guest', boot, {
    xen: XEN_TYPE.HVM,
    prepare: record => services.prepare(record, UUID, true),
    attach: record =>
      void services.attachModel({
        record,
        memoryMiB: GUEST_MIB,
        boot,
        ide: [{ place: 0, kind: 'disk', disk: new MemoryDisk(drives()) }],
        ...hostTime(() => performance.now(), later, () => services.dom0.ports.ring()),
        serial: () => {},
        failed: sentence => {
          throw new Error(sentence);
        },
      }),
  });
}

export async function ioreq({ seconds }: { seconds: number }): Promise<{ row: string; text: string; values: Record<string, number> }> {
  const values: Record<string, number> = {};
  const parts: string[] = [];
  for (const [name, guest] of Object.entries(ACCESSES)) {
    const times: Times = { stub: onThisThread(guest(), false, seconds), turns: onThisThread(guest(), true, seconds), dom0: await acrossThreads(guest(), seconds) };
    for (const [where, us] of Object.entries(times)) values[`${name}_${where}_us`] = us;
    parts.push(`${name} ${times.stub.toFixed(2)} / ${times.turns.toFixed(1)} / ${times.dom0.toFixed(1)}`);
  }
  return { row: 'ioreq', text: `µs beside the processor / Domain 0 in turns / Domain 0 in its thread: ${parts.join('; ')}`, values };
}
