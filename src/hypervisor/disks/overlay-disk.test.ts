import fc from 'fast-check';
import { deviceOf, MemoryDisk } from '../../formats/blocks/index.ts';
import { expect, it } from 'vitest';
import { OVERLAY_BLOCK_BYTES, OverlayDisk } from './overlay-disk.ts';

it('needs no memory for whole blocks that are discarded', () => {
  const disk = new OverlayDisk(deviceOf(20 * 4096, (_at, into) => into.fill(1)));
  const sector = (number: number): number => {
    const into = new Uint8Array(512);
    disk.read(number * 512, into);
    return into[0];
  };
  disk.write(0, new Uint8Array(20 * 4096).fill(2));
  disk.discard(7 * 512, 10 * 512);
  expect([sector(7), sector(8), sector(15), sector(16), [...disk.changes()].length]).toEqual([2, 1, 1, 2, 19]);
  disk.discard(0, 160 * 512);
  expect([...disk.changes()]).toEqual([]);
});

it('keeps what the guest writes away from the medium', () => {
  const medium = Uint8Array.from({ length: 10 * 512 }, (_, i) => i >> 9);
  const disk = new OverlayDisk(new MemoryDisk(medium, { readOnly: true }));
  expect(disk.sectors).toBe(10);
  const results: boolean[] = [];
  const ask = (of: OverlayDisk, op: 'read' | 'write', sector: number, ...pieces: Uint8Array[]): void =>
    of.request({ op, at: sector * 512, pieces }, error => results.push(!error));
  // Sectors 7 and 8 lie in two blocks.
  ask(disk, 'write', 7, new Uint8Array(512).fill(0xaa), new Uint8Array(512).fill(0xbb));
  const into = [new Uint8Array(512), new Uint8Array(1536)];
  ask(disk, 'read', 6, ...into);
  expect([into[0][0], into[1][0], into[1][511], into[1][512], into[1][1024]]).toEqual([6, 0xaa, 0xaa, 0xbb, 9]);
  expect(medium[7 * 512]).toBe(7);
  ask(
    new OverlayDisk(
      deviceOf(512, () => {}),
      { readOnly: true },
    ),
    'write',
    0,
    new Uint8Array(512),
  );
  const bad = deviceOf(512, () => {
    throw new Error('A bad sector.');
  });
  ask(new OverlayDisk(bad), 'read', 0, new Uint8Array(512));
  expect(results).toEqual([true, true, false, false]);
});

it('has a last sector of zeros behind what the medium has of it, and keeps what the guest writes there', () => {
  const medium = new Uint8Array(1000).fill(7);
  const disk = new OverlayDisk(
    deviceOf(medium.length, (at, into) => {
      if (at + into.length > medium.length) throw new RangeError('There is nothing behind its end.');
      into.set(medium.subarray(at, at + into.length));
    }),
  );
  const last = new Uint8Array(512);
  const read = (): number[] => {
    disk.read(512, last);
    return [last[487], last[488], last[511]];
  };
  expect([disk.sectors, read()]).toEqual([2, [7, 0, 0]]);
  disk.write(512, last.fill(9));
  expect(read()).toEqual([9, 9, 9]);
});

it('is on another host what it is here, by what was taken while it was written and what was left', () => {
  const BLOCKS = 8;
  const medium = Uint8Array.from({ length: BLOCKS * OVERLAY_BLOCK_BYTES }, (_, i) => i >>> 9);
  const make = (): OverlayDisk => new OverlayDisk(new MemoryDisk(medium, { readOnly: true }));
  const block = fc.nat(BLOCKS - 1);
  const step = fc.oneof(
    fc.record({ op: fc.constant('write' as const), block, value: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ op: fc.constant('discard' as const), block }),
    fc.record({ op: fc.constant('back' as const), block }),
    fc.record({ op: fc.constant('take' as const), most: fc.integer({ min: 1, max: BLOCKS }) }),
  );
  const contents = (disk: OverlayDisk): Buffer => {
    const bytes = Buffer.alloc(medium.length);
    disk.read(0, bytes);
    return bytes;
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const here = make(),
        there = make();
      for (const each of steps)
        if (each.op === 'write') here.write(each.block * OVERLAY_BLOCK_BYTES + 512, Uint8Array.of(each.value));
        else if (each.op === 'discard') here.discard(each.block * OVERLAY_BLOCK_BYTES, OVERLAY_BLOCK_BYTES);
        else if (each.op === 'back') here.putBlock(each.block, undefined);
        else for (const change of here.takeChanges(each.most)) there.change(change);
      for (const change of here.changesLeft()) there.change(change);
      expect(contents(there).equals(contents(here))).toBe(true);
      // Whoever takes none has all of it.
      here.endTaking();
      const anew = make();
      for (const change of here.changesLeft()) anew.change(change);
      expect(contents(anew).equals(contents(here))).toBe(true);
    }),
  );
});

it('has what was written kept by each flush, what was discarded too, and again what could not be kept', () => {
  const disk = new OverlayDisk(new MemoryDisk(new Uint8Array(4 * 4096).fill(1), { readOnly: true }));
  const kept: [block: number, first: number | undefined][][] = [];
  let hasRoom = true;
  disk.write(0, Uint8Array.of(2));
  disk.keepBy({
    keep: changes => hasRoom && kept.push(changes.map(({ block, bytes }) => [block, bytes?.[0]])) > 0,
  });
  const flush = (of = disk): void => of.request({ op: 'flush' }, () => {});
  flush();
  flush();
  hasRoom = false;
  disk.write(3 * 4096, Uint8Array.of(3));
  flush();
  hasRoom = true;
  // A drive that stands before it writes it, too.
  const before = disk.behind((request, done) => disk.request(request, done));
  before.request({ op: 'write', at: 4096, pieces: [Uint8Array.of(4)] }, () => {});
  disk.discard(0, 4096);
  flush(before);
  expect(kept).toEqual([
    [[0, 2]],
    [
      [0, undefined],
      [1, 4],
      [3, 3],
    ],
  ]);
  disk.keepBy(undefined);
  disk.write(0, Uint8Array.of(5));
  flush();
  expect(kept).toHaveLength(2);
});
