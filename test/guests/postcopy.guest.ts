/** Guests that go on at another host before their memory is there, with workers that wait for it. */
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../src/workshop/bench-migration/guest.ts';
import { HostSide } from '../../src/workshop/bench-migration/side.ts';
import { FIRST_GFN } from '../../src/workshop/bench-migration/writer.ts';
import { later, sharedMs } from '../../src/cli/node-clock.ts';
import { spawnDomainWorker } from '../../src/cli/node-worker.ts';
import { MESSAGE } from '../../src/dom0/pool/migration/messages.ts';
import { Cable } from '../../src/dom0/pool/migration/pair.test-support.ts';
import { createHost } from '../../src/dom0/service/create-host.ts';
import type { Host } from '../../src/dom0/service/host.ts';
import { startPostcopy } from '../../src/dom0/toolstack/domains/postcopy.ts';
import { inWorkers } from '../../src/dom0/toolstack/runners/in-workers.ts';
import type { MoveWish } from '../../src/dom0/toolstack/index.ts';
import { file } from '../support/needs.ts';

let folder: string;
beforeAll(async () => {
  const { buildProgram } = (await import(file('scripts/build.mjs'))) as { buildProgram(name: string): Promise<string> };
  folder = dirname(await buildProgram('bench-hypervisor'));
}, 300_000);

const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await what()); tries++) {
    if (tries === 3000) throw new Error('It does not come.');
    await pause(10);
  }
}

function pair(): { a: Host; b: Host; cable: Cable } {
  const cable = new Cable();
  const make = (name: string): Host =>
    createHost({
      version: 'test',
      memory: new SharedArrayBuffer(64 * 2 ** 20),
      pcpus: 2,
      runners: inWorkers({ spawn: () => spawnDomainWorker(folder), later, hostMs: sharedMs }),
      soon: callback => setImmediate(callback),
      later,
      hostMs: sharedMs,
      epochMs: () => Date.now(),
      neighbours: cable.of(name),
    });
  return { a: make('a'), b: make('b'), cable };
}

const FRAMES = 1500;
const ROW: Row = { name: 'w', mib: 16, dial: { frames: FRAMES, spins: 20 } };

/** What lies in the guest's memory but for where it writes, by guest frames from 2 MiB on, as one number. */
function restOf(host: Host): number {
  const [{ record }] = [...host.toolstack.members.values()];
  const { machine } = host.toolstack;
  const stage = machine.secondStage(record!);
  let sum = 0;
  for (let gfn = FIRST_GFN + FRAMES; gfn < 0x1000; gfn++)
    for (const word of machine.words.subarray((stage.entry(gfn) >>> 12) << 10, ((stage.entry(gfn) >>> 12) + 1) << 10))
      sum = (Math.imul(sum, 31) + word) | 0;
  return sum;
}

/** What the guest has found since it is there: in each round it looks for what it wrote in the one before. */
async function problemOf(side: HostSide): Promise<string | undefined> {
  const round = await side.round();
  await until(async () => (await side.round()) >= round + 2);
  return side.problem();
}

const message = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);

/** A guest that writes all the time, and has a pattern in the rest of its memory. */
async function start(): Promise<{ a: Host; b: Host; cable: Cable; sides: [HostSide, HostSide] }> {
  const { a, b, cable } = pair();
  const sides: [HostSide, HostSide] = [new HostSide(a, ROW, pause), new HostSide(b, ROW, pause)];
  await sides[1].arrives(await sides[0].create(ROW));
  await until(async () => (await sides[0].round()) > 2);
  const [{ record }] = [...a.toolstack.members.values()];
  const { machine } = a.toolstack;
  for (let gfn = FIRST_GFN + FRAMES; gfn < 0x1000; gfn += 3)
    machine.words.fill(
      gfn,
      machine.secondStage(record!).mfn(gfn) << 10,
      (machine.secondStage(record!).mfn(gfn) << 10) + 1024,
    );
  return { a, b, cable, sides };
}

const moved = (host: Host, wish: MoveWish) => host.migrate([...host.toolstack.members.keys()][0]!, 'b', wish);
const close = (...hosts: Host[]): void => {
  for (const { toolstack } of hosts) toolstack.close();
};

describe('a guest that goes on before its memory is there', () => {
  it('finds every page as it was, and stands for those that it uses', async () => {
    const { a, b, cable, sides } = await start();
    const before = restOf(a);
    // Its memory is slower than it is.
    const coming = () => [...b.toolstack.members.values()][0]?.postcopy;
    cable.holds = (from, bytes) => from === 'a' && message(bytes) === MESSAGE.FRAMES && coming()?.faults === 0;
    const move = moved(a, { postcopy: 'after-precopy' });
    await until(() => (coming()?.faults ?? 0) > 0);
    cable.letGo();
    const { leftBehind = 0, rounds } = await move;
    const [guest] = [...b.toolstack.members.values()];
    expect([rounds.length, leftBehind > 0, guest!.postcopy!.came]).toEqual([1, true, guest!.postcopy!.frames]);
    expect([await problemOf(sides[1]), restOf(b)]).toEqual([undefined, before]);
    expect(await a.list()).toEqual([]);
    close(a, b);
  }, 60_000);

  it('stands still where the link breaks in the middle, and goes on when it is there again', async () => {
    const { a, b, cable, sides } = await start();
    const before = restOf(a);
    let frames = 0,
      isCut = true;
    cable.passes = (from, bytes) => from !== 'a' || message(bytes) !== MESSAGE.FRAMES || ++frames !== 5;
    const { connect } = cable.of('a');
    cable.mute('a', () => frames >= 5 && isCut);
    expect(connect).toBeDefined();
    let name = '';
    const job = moved(a, {
      postcopy: 'when-asked',
      progress: () => {
        if (name) return;
        name = 'w';
        startPostcopy(a.toolstack.jobs, name);
      },
    });
    await until(() =>
      [...b.toolstack.members.values()].some(({ why, paused }) => paused && why.paused === 'post-copy failed'),
    );
    const [guest] = [...b.toolstack.members.values()];
    expect(guest!.postcopy!.came).toBeLessThan(guest!.postcopy!.frames);
    expect(() => a.toolstack.jobs.abort('w')).toThrow(
      'Requested operation is not valid: cannot abort migration in post-copy mode',
    );
    // Neither runs.
    const [round] = [await sides[1].round().catch(() => -1)];
    await pause(100);
    expect(await sides[1].round().catch(() => -1)).toBe(round);
    isCut = false;
    await job;
    expect([guest!.paused, guest!.why.running, guest!.postcopy!.came]).toEqual([
      false,
      'migrated',
      guest!.postcopy!.frames,
    ]);
    expect([await problemOf(sides[1]), restOf(b)]).toEqual([undefined, before]);
    expect(await a.list()).toEqual([]);
    close(a, b);
  }, 60_000);

  it('is destroyed where it runs, and the rest of it where it was', async () => {
    const { a, b, cable } = await start();
    const free = a.machine.freeFrames;
    let frames = 0;
    cable.passes = (from, bytes) => {
      if (from === 'a' && message(bytes) === MESSAGE.FRAMES && ++frames === 3)
        void b.destroy([...b.toolstack.members.keys()][0]!);
      return true;
    };
    await expect(moved(a, { postcopy: 'after-precopy' })).rejects.toThrow(
      'w has ended here before all of its memory had come. What of it was left here is gone, too.',
    );
    expect([await a.list(), await b.list()]).toEqual([[], []]);
    expect(a.machine.freeFrames).toBeGreaterThan(free);
    close(a, b);
  }, 60_000);
});
