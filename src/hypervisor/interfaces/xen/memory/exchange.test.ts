/** XENMEM_exchange and extents of several frames, as xen/include/public/memory.h describes them: a PV domain of 4 MiB, called as its kernel would. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { XEN, XEN_TYPE } from '../layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { type DomainRecord, Machine } from '../../../memory/machine.ts';
import { DOMID_SELF, EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, EPERM, ESRCH, XENMEM } from '../abi.ts';
import type { HypercallContext } from '../hypercalls.ts';
import { memoryOp } from './memory-op.ts';
import { GuestFrames } from './guest-frames.ts';
import { Ports } from '../events/ports.ts';
import type { PvDomain } from '../pv/pv-domain.ts';
import { SHARED_INFO } from '../shared.ts';
import { XEN_PV } from '../records.ts';

const ARGS = 0x1000,
  IN = 0x2000,
  OUT = 0x3000,
  NOWHERE = 0x40000;

let machine: Machine;
let record: DomainRecord;
let xen: HypercallContext;
/** What the guest has at linear addresses below NOWHERE. */
let memory: Int32Array;

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(24 * 2 ** 20));
  record = createDomain(machine, 4, machine.frames, { guest: XEN_PV });
  memory = new Int32Array(NOWHERE / 4);
  const { xenBlock } = new Ports(machine, record);
  machine.words[xenBlock + XEN.MAX_FRAMES] = record.ramFrames;
  const inside = (address: number, bytes: number): boolean => address + bytes <= NOWHERE;
  const access = {
    read: (at: number, bytes: number) =>
      inside(at, bytes) ? new Uint8Array(memory.buffer.slice(at, at + bytes)) : undefined,
    write: (at: number, from: Uint8Array) => {
      new Uint8Array(memory.buffer).set(from, at);
      return true;
    },
  };
  const parts = { processor: { flushTlb() {} }, written() {} };
  xen = {
    machine,
    record,
    words: machine.words,
    xenBlock,
    type: XEN_TYPE.PV,
    isHvm: false,
    width: 32,
    ports: new Ports(machine, record),
    access,
    parts,
  } as unknown as HypercallContext;
  Object.assign(xen, { frames: new GuestFrames(xen) });
});

const owned = (): number[] =>
  Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(mfn => machine.ownerOf(mfn) === record.id);
const put = (at: number, ...words: number[]): void => words.forEach((word, i) => (memory[(at >>> 2) + i] = word));
const pv = {
  types: {
    noteStale() {},
    drop: (mfn: number) => {
      if (machine.dropReference(mfn)) machine.words[xen.xenBlock + XEN.CURRENT_FRAMES]--;
    },
  },
} as unknown as PvDomain;
const call = (op: number, start = 0): number => memoryOp({ ...xen, pv }, [op | (start << 6), ARGS, 0, 0, 0]);
const reservation = (list: number, extents: number, order: number, flags = 0, domid: number = DOMID_SELF): number[] => [
  list,
  extents,
  order,
  flags,
  domid,
];
const exchange = (given: number[], wanted: number[], exchanged = 0): number => {
  put(ARGS, ...given, ...wanted, exchanged);
  return call(XENMEM.EXCHANGE);
};
const exchanged = (): number => memory[(ARGS + 40) >>> 2];

describe('XENMEM_exchange', () => {
  it('makes frames that lie side by side of others, under the names that the guest gives them', () => {
    const before = owned();
    const given = [before[3], before[9], before[5], before[7]];
    put(IN, ...given);
    put(OUT, 0x123);
    expect(exchange(reservation(IN, 4, 0), reservation(OUT, 1, 2))).toBe(0);
    const [mfn] = memory.subarray(OUT >>> 2);
    expect([exchanged(), mfn % 4]).toEqual([4, 0]);
    for (let n = 0; n < 4; n++)
      expect([machine.ownerOf(mfn + n), machine.words[machine.m2p + mfn + n]]).toEqual([record.id, 0x123 + n]);
    expect(owned()).toHaveLength(before.length);
    for (const old of given)
      if (old < mfn || old >= mfn + 4)
        expect([machine.ownerOf(old), machine.words[machine.m2p + old]]).toEqual([-1, -1]);
    // And back: one extent of four for four of one.
    put(IN, mfn);
    put(OUT, 1, 2, 3, 4);
    expect(exchange(reservation(IN, 1, 2), reservation(OUT, 4, 0))).toBe(0);
    expect(exchanged()).toBe(1);
    expect([...memory.subarray(OUT >>> 2, (OUT >>> 2) + 4)].map(each => machine.words[machine.m2p + each])).toEqual([
      1, 2, 3, 4,
    ]);
    expect(machine.words[xen.xenBlock + XEN.CURRENT_FRAMES]).toBe(owned().length);
  });

  it('does a chunk or nothing of it, and says how far it came', () => {
    const before = owned();
    // The third one is mapped somewhere: it has a reference more.
    machine.takeReference(before[2], record.id);
    put(IN, before[0], before[1], before[2], before[3]);
    put(OUT, 10, 11, 12, 13);
    expect(exchange(reservation(IN, 4, 0), reservation(OUT, 2, 1))).toBe(-EINVAL);
    expect([exchanged(), memory[OUT >>> 2] === 10, memory[(OUT >>> 2) + 1]]).toEqual([2, false, 11]);
    expect([machine.ownerOf(before[3]), owned().length]).toEqual([record.id, before.length]);
    machine.dropReference(before[2]);
    // It goes on where it stopped.
    expect(exchange(reservation(IN, 4, 0), reservation(OUT, 2, 1), 2)).toBe(0);
    expect([exchanged(), machine.ownerOf(before[0]) === record.id && machine.ownerOf(before[1]) === record.id]).toEqual(
      [4, expect.any(Boolean)],
    );
    expect(owned()).toHaveLength(before.length);
  });

  it('takes nothing twice, nothing of others, and not what it shares with Xen', () => {
    const [first] = owned();
    const shared = machine.words[xen.xenBlock + XEN.SHARED_INFO];
    for (const list of [
      [first, first],
      [0, first],
      [machine.frames, first],
      [shared, first],
    ]) {
      put(IN, ...list);
      put(OUT, 1, 2);
      expect(exchange(reservation(IN, 2, 0), reservation(OUT, 1, 1))).toBe(-EINVAL);
      expect(exchanged()).toBe(0);
    }
    expect(owned()).toContain(first);
  });

  it('answers arguments that make no sense with their errno, and counts nothing', () => {
    const count = owned().length;
    const [first] = owned();
    put(IN, first);
    put(OUT, 1);
    expect(exchange(reservation(IN, 1, 10), reservation(OUT, 1, 10))).toBe(-EPERM);
    expect(exchange(reservation(IN, 1, 0), reservation(OUT, 2, 0))).toBe(-EINVAL);
    expect(exchange(reservation(IN, 1, 0), reservation(OUT, 1, 0), 2)).toBe(-EINVAL);
    expect(exchange(reservation(IN, 1, 0), reservation(OUT, 1, 0, 0, 5))).toBe(-EINVAL);
    expect(exchange(reservation(IN, 1, 0, 0, 0x55), reservation(OUT, 1, 0, 0, 0x55))).toBe(-ESRCH);
    expect(exchange(reservation(NOWHERE, 1, 0), reservation(OUT, 1, 0))).toBe(-EFAULT);
    // Below 1 MiB all frames are the hypervisor's.
    expect(exchange(reservation(IN, 1, 0), reservation(OUT, 1, 0, 16))).toBe(-ENOMEM);
    expect(owned()).toHaveLength(count);
    expect(exchange(reservation(IN, 1, 0), reservation(NOWHERE, 1, 0))).toBe(-EFAULT);
    expect(owned()).toHaveLength(count);
    expect(call(XENMEM.EXCHANGE, 1)).toBe(-EINVAL);
    expect(memoryOp({ ...xen, pv }, [XENMEM.EXCHANGE, NOWHERE, 0, 0, 0])).toBe(-EFAULT);
  });

  it('is nothing for a translated domain, whose frames have no numbers', () => {
    put(ARGS, ...reservation(IN, 1, 0), ...reservation(OUT, 1, 0), 0);
    put(IN, owned()[0]);
    expect(memoryOp({ ...xen, type: XEN_TYPE.PVH, isHvm: true }, [XENMEM.EXCHANGE, ARGS, 0, 0, 0])).toBe(-EOPNOTSUPP);
    put(ARGS, ...reservation(IN, 0, 0), ...reservation(OUT, 0, 0), 0);
    expect(memoryOp({ ...xen, type: XEN_TYPE.PVH, isHvm: true }, [XENMEM.EXCHANGE, ARGS, 0, 0, 0])).toBe(0);
  });
});

describe('a frame that was given back', () => {
  it('may be the next that the domain gets: its processor drops what it knew of the code there', () => {
    const [mfn] = owned();
    put(IN, mfn);
    put(ARGS, ...reservation(IN, 1, 0));
    expect(call(XENMEM.DECREASE_RESERVATION)).toBe(1);
    put(OUT, 0x77);
    put(ARGS, ...reservation(OUT, 1, 0));
    const written = vi.spyOn(xen.parts, 'written');
    expect(call(XENMEM.POPULATE_PHYSMAP)).toBe(1);
    expect(memory[OUT >>> 2]).toBe(mfn);
    expect(written).toHaveBeenCalledWith(mfn);
  });
});

describe('extents of several frames', () => {
  it('are given and taken as a whole, side by side', () => {
    const before = owned();
    put(IN, before[0], before[1], before[2], before[3]);
    put(ARGS, ...reservation(IN, 4, 0));
    expect(call(XENMEM.DECREASE_RESERVATION)).toBe(4);
    put(OUT, 0x77, 0x99);
    // Two MFNs of two frames: as many as it may have, and no more.
    put(ARGS, ...reservation(OUT, 3, 1));
    expect(call(XENMEM.POPULATE_PHYSMAP)).toBe(2);
    const [first, second] = memory.subarray(OUT >>> 2);
    expect([
      first % 2,
      second % 2,
      machine.words[machine.m2p + first + 1],
      machine.words[machine.m2p + second],
    ]).toEqual([0, 0, 0x78, 0x99]);
    put(IN, first, second);
    put(ARGS, ...reservation(IN, 2, 1));
    expect(call(XENMEM.DECREASE_RESERVATION)).toBe(2);
    // Of an extent that is not the guest's as a whole, what was is gone, and it does not count.
    const rest = owned();
    put(IN, rest.find(mfn => mfn % 2 === 0 && rest.includes(mfn + 1))!, machine.frames - 1);
    expect(call(XENMEM.DECREASE_RESERVATION)).toBe(1);
  });

  it('are refused past 2 MiB, of others, and populated on demand', () => {
    put(IN, owned()[0]);
    for (const [order, flags, domid] of [
      [10, 0, DOMID_SELF],
      [0, 0, 9],
      [0, 12, DOMID_SELF],
    ]) {
      put(ARGS, ...reservation(IN, 1, order, flags, domid));
      for (const op of [XENMEM.DECREASE_RESERVATION, XENMEM.POPULATE_PHYSMAP, XENMEM.INCREASE_RESERVATION])
        expect(call(op)).toBe(0);
    }
    put(ARGS, ...reservation(IN, 1, 0, 1 << 16));
    expect(call(XENMEM.POPULATE_PHYSMAP)).toBe(0);
    expect(memoryOp({ ...xen, pv }, [XENMEM.POPULATE_PHYSMAP, NOWHERE, 0, 0, 0])).toBe(0);
  });
});

describe('XENMEM_maximum_gpfn', () => {
  it('is the last of the frames that a PV guest says its list has (arch.max_pfn), 0 before it does', () => {
    put(ARGS, DOMID_SELF);
    expect(call(XENMEM.MAXIMUM_GPFN)).toBe(0);
    const page = machine.words[xen.xenBlock + XEN.SHARED_INFO] * 1024;
    machine.words[page + SHARED_INFO[32].max_pfn / 4] = 0x400;
    expect(call(XENMEM.MAXIMUM_GPFN)).toBe(0x3ff);
    expect(call(XENMEM.MAXIMUM_GPFN, 1)).toBe(-EINVAL);
    put(ARGS, 9);
    expect(call(XENMEM.MAXIMUM_GPFN)).toBe(-ESRCH);
    expect(memoryOp({ ...xen, pv }, [XENMEM.MAXIMUM_GPFN, NOWHERE, 0, 0, 0])).toBe(-EFAULT);
  });
});
