import { describe, expect, it, vi } from 'vitest';
import { P2M_WRITE } from '../../cpu/architecture/index.ts';
import { GuestMemory } from './guest-memory.ts';
import { DOMID_XEN } from '../layout/layout.ts';
import { createDomain, destroyDomain, machineBytesFor } from './domain-table.ts';
import { FRAME_BYTES, HostError, Machine } from './machine.ts';
import { XEN_HVM } from '../interfaces/xen/records.ts';

const MIB = 2 ** 20;
const make = (mib: number): Machine => Machine.create(new SharedArrayBuffer(mib * MIB));

describe('machine memory', () => {
  it('owns its own tables and counts the rest as free', () => {
    const machine = make(4);
    expect(machine.frames).toBe(1024);
    expect(machine.ownerOf(0)).toBe(DOMID_XEN);
    expect(machine.ownerOf(1023)).toBe(-1);
    let free = 0;
    for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.ownerOf(mfn) < 0) free++;
    expect(machine.freeFrames).toBe(free);
  });

  it('is one and the same for every worker that looks at it', () => {
    const machine = make(4),
      other = new Machine(machine.memory);
    const frames = machine.allocate(3, 7)!;
    expect([...frames].map(mfn => other.ownerOf(mfn))).toEqual([7, 7, 7]);
    expect(other.freeFrames).toBe(machine.freeFrames);
  });

  it('gives nothing when there is too little', () => {
    const machine = make(1),
      free = machine.freeFrames;
    expect(machine.allocate(free + 1, 1)).toBeNull();
    expect(machine.allocateRun(free + 1, 1)).toBe(-1);
    expect(machine.freeFrames).toBe(free);
    expect(machine.allocate(free, 1)).toHaveLength(free);
    expect(machine.freeFrames).toBe(0);
  });

  it('finds a run around frames that are taken', () => {
    const machine = make(1);
    const all = machine.allocate(machine.freeFrames, 1)!;
    for (const i of [3, 5, 6, 7, 9]) machine.release(all[i]);
    expect(machine.allocateRun(3, 2)).toBe(all[5]);
    expect(machine.freeFrames).toBe(2);
  });

  it('scrubs a frame before it is free', () => {
    const machine = make(1),
      [mfn] = machine.allocate(1, 1)!;
    machine.bytes[mfn * FRAME_BYTES + 5] = 9;
    machine.release(mfn);
    expect(machine.ownerOf(mfn)).toBe(-1);
    expect(machine.bytes[mfn * FRAME_BYTES + 5]).toBe(0);
  });

  it('does not write a frame to scrub it where it is all zero', () => {
    const machine = make(1),
      [untouched, written] = machine.allocate(2, 1)!;
    machine.bytes[written * FRAME_BYTES + FRAME_BYTES - 1] = 9;
    const writes = vi.spyOn(machine.bytes, 'set');
    for (const mfn of [untouched, written]) machine.release(mfn);
    expect(writes.mock.calls.map(([, offset]) => offset)).toEqual([written * FRAME_BYTES]);
    expect(machine.bytes[written * FRAME_BYTES + FRAME_BYTES - 1]).toBe(0);
  });

  it('gives out frames that were used before any that nobody had yet, so that guests that come and go need no more than those that were there at once', () => {
    const machine = make(64);
    const highest = (): number => {
      let mfn = machine.frames - 1;
      while (machine.ownerOf(mfn) < 0) mfn--;
      return mfn;
    };
    const three = [8, 4, 8].map(mib => createDomain(machine, mib, 0x100000, { guest: XEN_HVM }));
    const most = highest();
    for (let round = 0; round < 20; round++) {
      // Another of the same size each time, the smaller one in between.
      const [old] = three.splice(round % 3 === 1 ? 1 : 0, 1);
      destroyDomain(machine, old);
      three.splice(
        round % 3 === 1 ? 1 : 2,
        0,
        createDomain(machine, old.ramFrames >>> 8, 0x100000, { guest: XEN_HVM }),
      );
      expect(highest()).toBe(most);
    }
    for (const record of three) destroyDomain(machine, record);
    expect(createDomain(machine, 8).p2mOffset).toBeLessThan(most * FRAME_BYTES);
    expect(highest()).toBeLessThan(most);
  });

  it('gives the lowest free frames, whatever came back in what order', () => {
    const machine = make(24),
      isFree = Array.from({ length: machine.frames }, (_, mfn) => machine.ownerOf(mfn) < 0),
      held: number[] = [];
    let seed = 1;
    const random = (below: number): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below;
    for (let step = 0; step < 400; step++) {
      if (random(5) < 2) {
        const count = 1 + random(random(4) === 0 ? 1500 : 8);
        const lowest = isFree.flatMap((free, mfn) => (free ? [mfn] : [])).slice(0, count);
        const taken = machine.allocate(count, 1);
        if (lowest.length < count) expect(taken).toBeNull();
        else expect([...taken!]).toEqual(lowest);
        for (const mfn of taken ?? []) isFree[mfn] = false;
        held.push(...(taken ?? []));
      } else if (random(8) === 0) {
        const count = 2 + random(40);
        const first = isFree.findIndex(
          (_, mfn) => mfn + count <= isFree.length && isFree.slice(mfn, mfn + count).every(Boolean),
        );
        expect(machine.allocateRun(count, 1)).toBe(first);
        for (let mfn = first; first >= 0 && mfn < first + count; mfn++) {
          isFree[mfn] = false;
          held.push(mfn);
        }
      } else
        for (let times = random(600); times > 0 && held.length > 0; times--) {
          const [mfn] = held.splice(random(held.length), 1);
          machine.release(mfn);
          isFree[mfn] = true;
        }
      expect(machine.freeFrames).toBe(isFree.filter(Boolean).length);
    }
  });

  it("keeps a frame for whoever holds a reference, in its owner's name, and scrubs it with the last one", () => {
    const machine = make(1),
      free = machine.freeFrames,
      [mfn] = machine.allocate(1, 1)!;
    machine.bytes[mfn * FRAME_BYTES] = 9;
    expect(machine.takeReference(mfn, 2)).toBe(false);
    expect(machine.takeReference(mfn, 1)).toBe(true);
    expect(machine.references(mfn)).toBe(2);
    expect([machine.release(mfn), machine.release(mfn)]).toEqual([true, false]);
    expect([machine.ownerOf(mfn), machine.bytes[mfn * FRAME_BYTES]]).toEqual([1, 9]);
    machine.dropReference(mfn);
    expect([machine.ownerOf(mfn), machine.bytes[mfn * FRAME_BYTES], machine.freeFrames]).toEqual([-1, 0, free]);
    expect(machine.takeReference(mfn, 1)).toBe(false);
    expect(machine.takeReference(machine.frames, 1)).toBe(false);
    expect(machine.takeReference(-1, -1)).toBe(false);
  });

  it('refuses a reference more than can be counted', () => {
    const machine = make(1),
      [mfn] = machine.allocate(1, 5)!;
    let taken = 1;
    while (machine.takeReference(mfn, 5)) taken++;
    expect([taken, machine.references(mfn), machine.ownerOf(mfn)]).toEqual([0x1ffff, 0x1ffff, 5]);
  });

  it('lists a dying domain until the last mapping of its frames is gone', () => {
    const machine = make(8),
      free = machine.freeFrames,
      record = createDomain(machine, 2);
    const mfn = machine.secondStage(record).mfn(5);
    machine.takeReference(mfn, record.id);
    expect(destroyDomain(machine, record)).toBe(false);
    expect([machine.domain(record.index).id, machine.ownerOf(mfn)]).toEqual([record.id, record.id]);
    machine.dropReference(mfn);
    expect(destroyDomain(machine, record)).toBe(true);
    expect(machine.freeFrames).toBe(free);
  });

  it('gives a domain RAM with the hole of a PC, and takes all of it back', () => {
    const machine = make(8),
      free = machine.freeFrames;
    const record = createDomain(machine, 2);
    const stage = machine.secondStage(record);
    expect(stage.frames).toBe(512);
    expect(stage.rights(0x9f)).toBe(7);
    expect([stage.entry(0xa0), stage.entry(0xbf)]).toEqual([0, 0]);
    expect(machine.ownerOf(stage.mfn(0xc0))).toBe(record.id);
    destroyDomain(machine, record);
    expect(machine.freeFrames).toBe(free);
    expect(createDomain(machine, 2).id).toBe(record.id + 1);
  });

  it('refuses a domain that does not fit and makes nothing', () => {
    const machine = make(4),
      free = machine.freeFrames;
    expect(() => createDomain(machine, 4)).toThrow(HostError);
    expect(() => createDomain(machine, 4)).toThrow(/has 3 MiB free and the guest wants 4/);
    expect(machine.freeFrames).toBe(free);
  });

  it('is large enough for one guest when made with bytesFor', () => {
    for (const mib of [1, 16, 100]) {
      const machine = Machine.create(new SharedArrayBuffer(machineBytesFor(mib)));
      expect(createDomain(machine, mib).ramFrames).toBe(mib * 256);
    }
    const machine = Machine.create(new SharedArrayBuffer(machineBytesFor(1, 0x100000)));
    expect(createDomain(machine, 1, 0x100000).p2mFrames).toBe(0x100000);
  });
});

describe('guest memory', () => {
  it('reads and writes across frames, drops what leaves RAM, and reports written frames', () => {
    const machine = make(4),
      record = createDomain(machine, 1);
    const memory = new GuestMemory(machine.bytes, machine.secondStage(record));
    const written: number[] = [];
    memory.onWrite = mfn => written.push(mfn);
    memory.write(0x1ffe, Uint8Array.of(1, 2, 3, 4));
    expect(written).toEqual([machine.secondStage(record).mfn(1), machine.secondStage(record).mfn(2)]);
    const back = new Uint8Array(6);
    memory.read(0x1ffd, back);
    expect([...back]).toEqual([0, 1, 2, 3, 4, 0]);
    memory.write(0x9fffe, Uint8Array.of(1, 2, 3, 4));
    memory.read(0x9fffe, back);
    expect([...back]).toEqual([1, 2, 255, 255, 255, 255]);
    memory.write(0xfffff000, Uint8Array.of(1));
    memory.fill(0x2000, 3, 7);
    memory.read(0x1ffe, back);
    expect([...back]).toEqual([1, 2, 7, 7, 7, 0]);
  });

  it('shows itself in as few pieces as it lies in, whole or not at all, and reports frames that are to be written', () => {
    const machine = make(4),
      record = createDomain(machine, 1),
      stage = machine.secondStage(record);
    const memory = new GuestMemory(machine.bytes, stage);
    const written: number[] = [];
    memory.onWrite = mfn => written.push(mfn);
    const [second, third] = [stage.entry(2), stage.entry(3)];
    const lengths = (forWriting = false): number[] | undefined =>
      memory.views(0x1ffe, 0x2004, forWriting)?.map(({ length }) => length);
    expect([lengths(), written]).toEqual([[0x2004], []]);
    stage.put(2, third);
    stage.put(3, second);
    expect(lengths()).toEqual([2, 0x1000, 0x1000, 2]);
    memory.views(0x1ffe, 0x2004, true)?.forEach((piece, i) => piece.fill(i + 1));
    expect(written).toEqual([1, 2, 3, 4].map(gfn => stage.mfn(gfn)));
    const back = new Uint8Array(0x2004);
    memory.read(0x1ffe, back);
    expect([back[1], back[2], back[0x1001], back[0x1002], back[0x2003]]).toEqual([1, 2, 2, 3, 4]);
    expect(memory.views(0x9fffe, 4, false)).toBe(null);
    stage.deny(0xf0, P2M_WRITE);
    expect([memory.views(0xf0000, 4, true), memory.views(0xf0000, 4, false)?.length]).toEqual([null, 1]);
  });
});
