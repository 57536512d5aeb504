import { expect, it } from 'vitest';
import { OverlayDisk } from './overlay-disk.ts';

it('needs no memory for whole blocks that are discarded', () => {
  const disk = new OverlayDisk({ bytes: 20 * 4096, read: (_at, into) => (into.fill(1), true) });
  const sector = (number: number): number => {
    const into = new Uint8Array(512);
    disk.read(number, [into], () => {});
    return into[0];
  };
  let answered = 0;
  const done = (ok: boolean): void => void (answered += Number(ok));
  disk.write(0, [new Uint8Array(20 * 4096).fill(2)], done);
  disk.discard(7, 10, done);
  expect([sector(7), sector(8), sector(15), sector(16), [...disk.changes()].length]).toEqual([2, 1, 1, 2, 19]);
  disk.discard(0, 160, done);
  expect([[...disk.changes()].length, answered]).toEqual([0, 3]);
});

it('keeps what the guest writes away from the medium', () => {
  const medium = Uint8Array.from({ length: 10 * 512 }, (_, i) => i >> 9);
  const disk = new OverlayDisk({
    bytes: medium.length,
    read: (at, into) => {
      into.set(medium.subarray(at, at + into.length));
      return true;
    },
  });
  expect(disk.sectors).toBe(10);
  const results: boolean[] = [];
  // Sectors 7 and 8 lie in two blocks.
  disk.write(7, [new Uint8Array(512).fill(0xaa), new Uint8Array(512).fill(0xbb)], ok => results.push(ok));
  const into = [new Uint8Array(512), new Uint8Array(1536)];
  disk.read(6, into, ok => results.push(ok));
  expect([into[0][0], into[1][0], into[1][511], into[1][512], into[1][1024]]).toEqual([6, 0xaa, 0xaa, 0xbb, 9]);
  expect(medium[7 * 512]).toBe(7);
  new OverlayDisk({ bytes: 512, read: () => true }, { readOnly: true }).write(0, [new Uint8Array(512)], ok =>
    results.push(ok),
  );
  new OverlayDisk({ bytes: 512, read: () => false }).read(0, [new Uint8Array(512)], ok => results.push(ok));
  expect(results).toEqual([true, true, false, false]);
});

it('has a last sector of zeros behind what the medium has of it, and keeps what the guest writes there', () => {
  const medium = new Uint8Array(1000).fill(7);
  const disk = new OverlayDisk({
    bytes: medium.length,
    read: (at, into) => (into.set(medium.subarray(at, at + into.length)), at + into.length <= medium.length),
  });
  const last = new Uint8Array(512);
  const read = (): number[] => {
    let good = false;
    disk.read(1, [last], ok => (good = ok));
    return [Number(good), last[487], last[488], last[511]];
  };
  expect([disk.sectors, read()]).toEqual([2, [1, 7, 0, 0]]);
  disk.write(1, [last.fill(9)], () => {});
  expect(read()).toEqual([1, 9, 9, 9]);
});
