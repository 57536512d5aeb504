/** The log of written frames against the truth, a comparison of all memory: guests of each kind compute, change page tables, use disks and cards. */
import { expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { MemoryStore, Storage } from '../src/dom0/host/storage/index.ts';
import { testFile, testHost } from '../src/dom0/service/host.test-support.ts';
import {
  DirtyLog,
  type DomainRecord,
  flushDomain,
  FRAME_BYTES,
  FRAME_SHIFT,
  Machine,
} from '../src/hypervisor/memory/index.ts';
import { ownWrites } from '../src/hypervisor/interfaces/xen/own-writes.ts';
import { file } from './support/needs.ts';

const COMMANDS = [
  'fill xvda 0 200 1; sum xvda 0 400; dirty 20 5; tables 10; writer xvda 8 2; dhcp; ping 10.0.2.2 3',
  'balloon 100; balloon -100; events 20; write data/a b; dirty 200 3; fill xvda 300 300 7; sum xvda 0 700',
].join('; ');
/** Frames that must have changed before the log is judged, and the rounds that a machine under load may take for them. */
const CHANGED_FRAMES = 50,
  LEAST_ROUNDS = 25,
  MOST_ROUNDS = 500;

/** Frames of the domain's own RAM: guest frame to machine frame. */
function* ramOf(machine: Machine, record: DomainRecord): Generator<[gfn: number, mfn: number]> {
  for (const [gfn, entry] of machine.secondStage(record).entries()) {
    const mfn = entry >>> FRAME_SHIFT;
    if (mfn !== 0 && machine.ownerOf(mfn) === record.id && !machine.isDeviceFrame(mfn) && !machine.isXenFrame(mfn))
      yield [gfn, mfn];
  }
}

it.each(['pv', 'pvh', 'hvm'])('has each frame that a guest of %s has changed, and not all that it has', async type => {
  const storage = await Storage.open({ store: new MemoryStore(), epochMs: () => 0, random: () => 0 });
  storage.createVolume('disk', 2 ** 20);
  const memory = new ArrayBuffer(64 * 2 ** 20);
  const host = testHost({ memory, storage: async () => storage });
  const { id } = await host.create([
    testFile(
      'a.cfg',
      `name = "a"\ntype = "${type}"\nmemory = 16\nkernel = "minipv.elf"\nextra = "${COMMANDS}; ${COMMANDS}"\ndisk = ["phy:/dev/vg0/disk,${type === 'hvm' ? 'hda' : 'xvda'},w"]\nvif = [""]\n`,
    ),
    testFile('minipv.elf', readFileSync(file('guests/minipv/minipv.elf'))),
  ]);
  const machine = new Machine(memory),
    record = machine.find(id)!,
    bytes = new Uint8Array(memory);
  const log = new DirtyLog({
    machine,
    record,
    flush: () => flushDomain(machine, record),
    ownWrites: () => ownWrites(machine, record),
  });
  /** The domain's frames as they were when the log was cleaned. Few differ from those of the round before: comparing takes less than copying. */
  const known = bytes.slice();
  const frame = (mfn: number, of = bytes): Uint8Array => of.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES);
  const missed: string[] = [];
  let changed = 0,
    least = Infinity;
  for (let round = 0; round < LEAST_ROUNDS || (changed <= CHANGED_FRAMES && round < MOST_ROUNDS); round++) {
    log.clean();
    const before = new Map(ramOf(machine, record));
    for (const mfn of before.values())
      if (Buffer.compare(frame(mfn, known), frame(mfn)) !== 0) frame(mfn, known).set(frame(mfn));
    await new Promise(resolve => setTimeout(resolve, 10));
    const written = log.peek();
    let count = 0;
    for (const [gfn, mfn] of ramOf(machine, record)) {
      const isWritten = (written[gfn >>> 3]! & (1 << (gfn & 7))) !== 0;
      if (isWritten) count++;
      const was = before.get(gfn);
      if (was !== undefined && Buffer.compare(frame(was, known), frame(mfn)) === 0) continue;
      changed++;
      if (!isWritten)
        missed.push(`round ${round}: guest frame 0x${gfn.toString(16)}, machine frame 0x${mfn.toString(16)}`);
    }
    least = Math.min(least, count);
  }
  log.end();
  expect(missed).toEqual([]);
  expect(changed).toBeGreaterThan(CHANGED_FRAMES);
  expect(least).toBeLessThan(400);
  await host.destroy(id);
});
