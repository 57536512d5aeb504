/**
 * The row `ioreq`: what an access to an emulated device costs, by where its device model runs: next to the processor (the stub domain), in Domain 0 on the
 * same thread (the single-threaded host, which takes turns), and in Domain 0 on a thread of its own, through ioreq page and event channel.
 */
import { performance } from 'node:perf_hooks';
import type { Boot } from '../../hypervisor/index.ts';
import { countMemory, countPort, countSectors } from './guests.ts';
import { type BenchHost, countOf, sleep, turnsHost, WorkerHost } from './host.ts';

const WARM_UP_MS = 1000;
const ACCESSES: Record<string, () => Boot> = { port: countPort, memory: countMemory, sector: countSectors };
/** What its guests read. */
export const SECTORS = new Uint8Array(64 * 512).fill(0x5a);

type Times = { stub: number; turns: number; dom0: number };

/** Microseconds of one count of a guest that runs until the time is over; best of the quarters. */
async function timed(host: BenchHost, boot: Boot, modelInDomain0: boolean, seconds: number): Promise<number> {
  const { machine } = host;
  const record = await host.start('guest', boot, { xen: 'hvm', modelInDomain0, disk: SECTORS });
  host.toolstack.runners.go();
  await sleep(WARM_UP_MS);
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    const before = countOf(machine, record),
      start = performance.now();
    await sleep(seconds * 250);
    best = Math.min(best, ((performance.now() - start) * 1000) / ((countOf(machine, record) - before) >>> 0));
  }
  await host.end();
  return best;
}

export async function ioreq({
  seconds,
}: {
  seconds: number;
}): Promise<{ row: string; text: string; values: Record<string, number> }> {
  const values: Record<string, number> = {};
  const parts: string[] = [];
  for (const [name, guest] of Object.entries(ACCESSES)) {
    const times: Times = {
      stub: await timed(turnsHost(), guest(), false, seconds),
      turns: await timed(turnsHost(), guest(), true, seconds),
      dom0: await timed(new WorkerHost(2), guest(), true, seconds),
    };
    for (const [where, us] of Object.entries(times)) values[`${name}_${where}_us`] = us;
    parts.push(`${name} ${times.stub.toFixed(2)} / ${times.turns.toFixed(1)} / ${times.dom0.toFixed(1)}`);
  }
  return {
    row: 'ioreq',
    text: `µs in the guest's worker / Domain 0 on the same thread / Domain 0 in its thread:  ${parts.join('; ')}`,
    values,
  };
}
