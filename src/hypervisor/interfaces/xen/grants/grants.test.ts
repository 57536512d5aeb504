import { beforeEach, describe, expect, it } from 'vitest';
import { GuestMemory } from '../../../memory/guest-memory.ts';
import { createDomain, destroyDomain } from '../../../memory/domain-table.ts';
import { type DomainRecord, FRAME_BYTES, Machine } from '../../../memory/machine.ts';
import type { SecondStage } from '../../../memory/second-stage.ts';
import { DOMID_SELF, EBUSY, EFAULT, EINVAL, ENOSYS } from '../abi.ts';
import { Dom0 } from '../dom0-access.ts';
import { type GrantCaller, GNTTABOP, grantTableOp } from './grant-op.ts';
import { GNTMAP, GNTST, GrantTable, GTF, type Granted } from './grants.ts';
import { Ports } from '../events/ports.ts';
import { XEN_PVH } from '../records.ts';

/** Where a test puts the structures it passes, in guest-physical memory; linear addresses are the same. */
const ARGS = 0x10000,
  LIST = 0x11000;

class Guest implements GrantCaller {
  readonly machine: Machine;
  readonly record: DomainRecord;
  readonly table: GrantTable;
  readonly memory: GuestMemory;
  readonly stage: SecondStage;
  readonly translated = true;
  readonly width = 32;
  private readonly hidden = new Map<number, number>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.record = createDomain(machine, 1, 512, { guest: XEN_PVH });
    this.table = new GrantTable(new Ports(machine, this.record));
    this.table.grow(1);
    this.stage = machine.secondStage(this.record);
    this.memory = new GuestMemory(machine.bytes, this.stage);
  }

  read(address: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    if (address >= 0x100000) return undefined;
    const into = new Uint8Array(length);
    this.memory.read(address, into);
    return into;
  }

  write(address: number, from: Uint8Array): boolean {
    if (address >= 0x100000) return false;
    this.memory.write(address, from);
    return true;
  }

  mapHost(place: number, mfn: number, flags: number): number {
    const gfn = place >>> 12;
    if ((place & 0xfff) !== 0 || gfn >= this.stage.frames) return GNTST.GENERAL_ERROR;
    this.hidden.set(gfn, this.stage.entry(gfn));
    this.stage.map(gfn, mfn, flags & GNTMAP.READONLY ? 5 : 7);
    return GNTST.OKAY;
  }

  unmapHost(place: number, mfn: number): number {
    const gfn = place >>> 12;
    if (this.stage.mfn(gfn) !== mfn) return GNTST.GENERAL_ERROR;
    this.stage.unmap(gfn);
    return GNTST.OKAY;
  }

  get domid(): number {
    return this.record.id;
  }

  /** A word of entry `ref` as the guest sees its table (version 1). */
  private at(ref: number): number {
    return (this.table.sharedFrame(0) * FRAME_BYTES) / 4 + ref * 2;
  }

  put(ref: number, flags: number, domid: number, gfn: number): void {
    this.machine.words[this.at(ref)] = flags | (domid << 16);
    this.machine.words[this.at(ref) + 1] = gfn;
  }

  flags(ref: number): number {
    return this.machine.words[this.at(ref)] & 0xffff;
  }

  /** Calls with one structure of 32-bit words; the answer and the structure afterwards. */
  call(op: number, words: number[], count = 1): { result: number; out: DataView } {
    this.memory.write(ARGS, new Uint8Array(Uint32Array.from(words).buffer));
    const result = grantTableOp(this, op, ARGS, count) as number;
    const bytes = new Uint8Array(words.length * 4);
    this.memory.read(ARGS, bytes);
    return { result, out: new DataView(bytes.buffer) };
  }

  map(ref: number, granter: Guest, place: number, flags: number = GNTMAP.HOST): { status: number; handle: number } {
    const { out } = this.call(GNTTABOP.MAP_GRANT_REF, [place, 0, flags, ref, granter.domid, 0, 0, 0]);
    return { status: out.getInt16(18, true), handle: out.getUint32(20, true) };
  }

  unmap(handle: number, place: number): number {
    return this.call(GNTTABOP.UNMAP_GRANT_REF, [place, 0, 0, 0, handle, 0]).out.getInt16(20, true);
  }

  /** COPY of `length` bytes; ends are [ref or frame, domid, offset]. */
  copy(from: number[], to: number[], length: number, flags: number): number {
    const { out } = this.call(GNTTABOP.COPY, [
      from[0],
      from[1] | (from[2] << 16),
      to[0],
      to[1] | (to[2] << 16),
      length | (flags << 16),
      0,
    ]);
    return out.getInt16(20, true);
  }
}

let machine: Machine, a: Guest, b: Guest, free: number;

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  free = machine.freeFrames;
  a = new Guest(machine);
  b = new Guest(machine);
});

describe('mapping a grant (grant_table.h, version 1)', () => {
  it("shows the granter's frame, and says in the entry that it is read and written", () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    a.memory.write(0x5000, Uint8Array.of(1, 2, 3));
    const { status, handle } = b.map(8, a, 0x180000);
    expect(status).toBe(GNTST.OKAY);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS | GTF.READING | GTF.WRITING);
    const seen = new Uint8Array(3);
    b.memory.read(0x180000, seen);
    expect([...seen]).toEqual([1, 2, 3]);
    expect(machine.references(a.stage.mfn(5))).toBe(2);
    expect(b.unmap(handle, 0x180000)).toBe(GNTST.OKAY);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS);
    expect(machine.references(a.stage.mfn(5))).toBe(1);
    expect(b.unmap(handle, 0x180000)).toBe(GNTST.BAD_HANDLE);
  });

  it('finds nothing in the first frame of who never used a grant: Xen gives that frame with the domain', () => {
    const fresh = new Guest(machine);
    expect(b.map(8, fresh, 0x180000).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.map(512, fresh, 0x180000).status).toBe(GNTST.BAD_GNTREF);
  });

  it('clears writing with the last writable mapping and reading with the last of all', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const reader = b.map(8, a, 0x180000, GNTMAP.HOST | GNTMAP.READONLY);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS | GTF.READING);
    const writer = b.map(8, a, 0x181000);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS | GTF.READING | GTF.WRITING);
    b.unmap(writer.handle, 0x181000);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS | GTF.READING);
    b.unmap(reader.handle, 0x180000);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS);
  });

  it('refuses with the status that says why', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    a.put(9, GTF.PERMIT_ACCESS | GTF.READONLY, b.domid, 5);
    a.put(10, GTF.PERMIT_ACCESS, b.domid + 5, 5);
    a.put(11, GTF.PERMIT_ACCESS, b.domid, 0x1ff);
    a.put(12, GTF.INVALID, b.domid, 5);
    const place = 0x180000;
    expect(b.map(8, a, place, 0).status).toBe(GNTST.BAD_GNTREF);
    expect(b.map(8, a, place, GNTMAP.DEVICE).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.map(512, a, place).status).toBe(GNTST.BAD_GNTREF);
    expect(b.map(9, a, place).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.map(9, a, place, GNTMAP.HOST | GNTMAP.READONLY).status).toBe(GNTST.OKAY);
    expect(b.map(10, a, place).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.map(11, a, place).status).toBe(GNTST.BAD_PAGE);
    expect(b.map(12, a, place).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.call(GNTTABOP.MAP_GRANT_REF, [place, 0, 2, 8, 77, 0, 0, 0]).out.getInt16(18, true)).toBe(GNTST.BAD_DOMAIN);
    expect(b.map(8, a, place + 4).status).toBe(GNTST.GENERAL_ERROR);
    // A failed call leaves the entry as it was.
    expect([8, 10, 11, 12].map(ref => a.flags(ref) & (GTF.READING | GTF.WRITING))).toEqual([0, 0, 0, 0]);
    expect(machine.references(a.stage.mfn(5))).toBe(2);
  });

  it('unmaps only where it was mapped', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const { handle } = b.map(8, a, 0x180000);
    expect(b.unmap(handle, 0x181000)).toBe(GNTST.GENERAL_ERROR);
    // No address: nothing to do, and it stays mapped.
    expect(b.unmap(handle, 0)).toBe(GNTST.OKAY);
    expect(b.unmap(handle + 1, 0x180000)).toBe(GNTST.BAD_HANDLE);
    expect(b.unmap(0xffffffff, 0x180000)).toBe(GNTST.BAD_HANDLE);
    expect(b.unmap(handle, 0x180000)).toBe(GNTST.OKAY);
  });

  it('ends the parts of a mapping one by one (XSA-224)', () => {
    Object.assign(b, { translated: false });
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const { status, handle } = b.map(8, a, 0x180000, GNTMAP.HOST | GNTMAP.DEVICE);
    const mfn = a.stage.mfn(5);
    expect([status, machine.references(mfn)]).toEqual([GNTST.OKAY, 3]);
    expect(b.unmap(handle, 0x180000)).toBe(GNTST.OKAY);
    expect([machine.references(mfn), a.flags(8)]).toEqual([2, GTF.PERMIT_ACCESS | GTF.READING | GTF.WRITING]);
    const device = (bus: number): number =>
      b.call(GNTTABOP.UNMAP_GRANT_REF, [0, 0, bus, 0, handle, 0]).out.getInt16(20, true);
    expect(device((mfn + 1) << 12)).toBe(GNTST.GENERAL_ERROR);
    expect(device(mfn << 12)).toBe(GNTST.OKAY);
    expect([machine.references(mfn), a.flags(8), device(mfn << 12)]).toEqual([1, GTF.PERMIT_ACCESS, GNTST.BAD_HANDLE]);
  });

  it('keeps to the frame of the first mapping while the entry is in use', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    b.map(8, a, 0x180000);
    a.put(8, GTF.PERMIT_ACCESS | GTF.READING | GTF.WRITING, b.domid, 6);
    b.map(8, a, 0x181000);
    expect(b.stage.mfn(0x181)).toBe(a.stage.mfn(5));
  });

  it('gives handles as far as there are any, and remembers each', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const handles = Array.from({ length: 600 }, () => b.map(8, a, 0x180000, GNTMAP.HOST | GNTMAP.READONLY).handle);
    expect(new Set(handles).size).toBe(600);
    expect(machine.references(a.stage.mfn(5))).toBe(601);
    for (const handle of handles) {
      b.stage.put(0x180, a.stage.entry(5));
      expect(b.unmap(handle, 0x180000)).toBe(GNTST.OKAY);
    }
    expect(machine.references(a.stage.mfn(5))).toBe(1);
  });

  it("handles arrays, and stops where the guest's memory does", () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    expect(grantTableOp(b, GNTTABOP.MAP_GRANT_REF, 0x100000, 1)).toBe(-EFAULT);
    expect(grantTableOp(b, GNTTABOP.MAP_GRANT_REF, ARGS, 0)).toBe(0);
    expect(grantTableOp(b, GNTTABOP.COPY, LIST, 200)).toEqual({ done: 64, at: LIST + 64 * 24 });
  });
});

describe('Domain 0', () => {
  it('maps what is granted to it, in use until it unmaps', () => {
    const dom0 = new Dom0(machine);
    a.table.grant(1, 0, 9);
    const mapping = dom0.mapGrant(a.domid, 1, false);
    a.memory.write(0x9000, Uint8Array.of(5));
    expect([mapping.bytes[0], a.flags(1)]).toEqual([5, GTF.PERMIT_ACCESS | GTF.READING | GTF.WRITING]);
    mapping.unmap();
    mapping.unmap();
    expect(a.flags(1)).toBe(GTF.PERMIT_ACCESS);
    expect(() => dom0.mapGrant(a.domid, 8, true)).toThrow(/does not grant Domain 0 its entry 8/);
  });
});

describe('a domain that dies', () => {
  it('stays while others map its frames, and takes its own mappings with it', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    b.put(8, GTF.PERMIT_ACCESS, a.domid, 6);
    a.memory.write(0x5000, Uint8Array.of(7));
    const { handle } = b.map(8, a, 0x180000);
    a.map(8, b, 0x180000);
    const mfn = a.stage.mfn(5);
    expect(destroyDomain(machine, a.record)).toBe(false);
    expect(b.flags(8)).toBe(GTF.PERMIT_ACCESS);
    expect([machine.ownerOf(mfn), machine.bytes[mfn * FRAME_BYTES]]).toEqual([a.domid, 7]);
    // No new mapping of what is his.
    expect(b.map(8, a, 0x181000).status).toBe(GNTST.BAD_DOMAIN);
    expect(b.unmap(handle, 0x180000)).toBe(GNTST.OKAY);
    expect(destroyDomain(machine, a.record)).toBe(true);
    expect(destroyDomain(machine, b.record)).toBe(true);
    expect(machine.freeFrames).toBe(free);
  });
});

describe('copying', () => {
  const SOURCE = 1,
    DEST = 2;

  it('moves bytes between grants and own frames', () => {
    a.put(8, GTF.PERMIT_ACCESS | GTF.READONLY, b.domid, 5);
    a.put(9, GTF.PERMIT_ACCESS, b.domid, 6);
    a.memory.write(0x5010, Uint8Array.of(1, 2, 3, 4));
    expect(b.copy([8, a.domid, 0x10], [7, DOMID_SELF, 0x20], 4, SOURCE)).toBe(GNTST.OKAY);
    expect(b.copy([7, DOMID_SELF, 0x20], [9, a.domid, 0], 3, DEST)).toBe(GNTST.OKAY);
    const out = new Uint8Array(4);
    a.memory.read(0x6000, out);
    expect([...out]).toEqual([1, 2, 3, 0]);
    expect([a.flags(8), a.flags(9)]).toEqual([GTF.PERMIT_ACCESS | GTF.READONLY, GTF.PERMIT_ACCESS]);
  });

  it('refuses with the status that says why', () => {
    a.put(8, GTF.PERMIT_ACCESS | GTF.READONLY, b.domid, 5);
    const mine = [7, DOMID_SELF, 0];
    expect(b.copy([8, a.domid, 4000], mine, 97, SOURCE)).toBe(GNTST.BAD_COPY_ARG);
    expect(b.copy([8, a.domid, 0], mine, 4096, SOURCE)).toBe(GNTST.OKAY);
    expect(b.copy(mine, [8, a.domid, 0], 1, DEST)).toBe(GNTST.GENERAL_ERROR);
    expect(b.copy([5, a.domid, 0], mine, 1, 0)).toBe(GNTST.PERMISSION_DENIED);
    expect(b.copy([8, 99, 0], mine, 1, SOURCE)).toBe(GNTST.BAD_DOMAIN);
    expect(b.copy([9999, a.domid, 0], mine, 1, SOURCE)).toBe(GNTST.BAD_GNTREF);
    expect(b.copy([8, a.domid, 0], [0x1ff, DOMID_SELF, 0], 1, SOURCE)).toBe(GNTST.BAD_PAGE);
    expect(a.flags(8)).toBe(GTF.PERMIT_ACCESS | GTF.READONLY);
    expect(machine.references(a.stage.mfn(5))).toBe(1);
  });
});

describe('the table', () => {
  it('grows to its limit and says how large it is', () => {
    const size = (): number[] => {
      const { out } = a.call(GNTTABOP.QUERY_SIZE, [DOMID_SELF, 0, 0, 0]);
      return [out.getUint32(4, true), out.getUint32(8, true), out.getInt16(12, true)];
    };
    expect(size()).toEqual([1, 64, 0]);
    const setup = (frames: number): number =>
      a.call(GNTTABOP.SETUP_TABLE, [DOMID_SELF, frames, 0, LIST]).out.getInt16(8, true);
    expect(setup(4)).toBe(GNTST.OKAY);
    expect(setup(65)).toBe(GNTST.GENERAL_ERROR);
    expect(size()).toEqual([4, 64, 0]);
    expect(a.table.entries).toBe(2048);
    expect(a.call(GNTTABOP.SETUP_TABLE, [b.domid, 1, 0, LIST]).out.getInt16(8, true)).toBe(GNTST.PERMISSION_DENIED);
    expect(a.call(GNTTABOP.SETUP_TABLE, [99, 1, 0, LIST]).out.getInt16(8, true)).toBe(GNTST.BAD_DOMAIN);
    expect(a.call(GNTTABOP.SETUP_TABLE, [DOMID_SELF, 1, 0, 0x200000]).out.getInt16(8, true)).toBe(GNTST.BAD_VIRT_ADDR);
    expect(a.call(GNTTABOP.SETUP_TABLE, [DOMID_SELF, 1, 0, LIST], 2).result).toBe(-EINVAL);
  });

  it('gives its frames to add_to_physmap, growing as far as it may', () => {
    expect(a.table.frameAt(2, false)).toBe(a.table.sharedFrame(2));
    expect(a.table.frames).toBe(3);
    expect(a.table.frameAt(64, false)).toBe(-EINVAL);
    expect(a.table.frameAt(0, true)).toBe(-EINVAL);
    destroyDomain(machine, a.record);
    destroyDomain(machine, b.record);
    expect(machine.freeFrames).toBe(free);
  });

  it('offers HVM domains what Xen offers them', () => {
    for (const op of [3, 4, 7, 9, 12, 13]) expect([op, grantTableOp(a, op, ARGS, 1)]).toEqual([op, -ENOSYS]);
  });

  it('swaps entries that are not in use', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    expect(a.call(GNTTABOP.SWAP_GRANT_REF, [8, 9, 0]).out.getInt16(8, true)).toBe(GNTST.OKAY);
    expect([a.flags(8), a.flags(9)]).toEqual([0, GTF.PERMIT_ACCESS]);
    b.map(9, a, 0x180000);
    expect(a.call(GNTTABOP.SWAP_GRANT_REF, [8, 9, 0]).out.getInt16(8, true)).toBe(GNTST.GENERAL_ERROR);
    expect(a.call(GNTTABOP.SWAP_GRANT_REF, [8, 512, 0]).out.getInt16(8, true)).toBe(GNTST.BAD_GNTREF);
  });
});

describe('version 2', () => {
  const entry = (guest: Guest, ref: number, words: number[]): void => {
    machine.words.set(words, (guest.table.sharedFrame(0) * FRAME_BYTES) / 4 + ref * 4);
  };
  const status = (guest: Guest, ref: number): number =>
    new Uint16Array(machine.memory, guest.table.statusFrame(0) * FRAME_BYTES)[ref];
  const use = (granted: Granted | number): Granted => {
    if (typeof granted === 'number') throw new Error(`status ${granted}`);
    return granted;
  };

  it("keeps the toolstack's entries, drops the others, and halves what a frame holds", () => {
    a.table.grant(1, 0, 9);
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const { out, result } = a.call(GNTTABOP.SET_VERSION, [2]);
    expect([result, out.getUint32(0, true), a.table.entries]).toEqual([0, 2, 256]);
    expect([
      ...machine.words.subarray(
        (a.table.sharedFrame(0) * FRAME_BYTES) / 4 + 4,
        (a.table.sharedFrame(0) * FRAME_BYTES) / 4 + 8,
      ),
    ]).toEqual([GTF.PERMIT_ACCESS, 0, 9, 0]);
    expect(a.table.acquire(8, b.domid, true, true)).toBe(GNTST.GENERAL_ERROR);
    expect(a.call(GNTTABOP.SET_VERSION, [1]).result).toBe(0);
    expect(a.flags(1)).toBe(GTF.PERMIT_ACCESS);
    expect(a.call(GNTTABOP.GET_VERSION, [DOMID_SELF, 0]).out.getUint32(4, true)).toBe(1);
    expect(a.call(GNTTABOP.SET_VERSION, [3]).result).toBe(-EINVAL);
    a.table.limit(64, 1);
    expect(a.call(GNTTABOP.SET_VERSION, [2]).result).toBe(-ENOSYS);
  });

  it('is not left while somebody has a status frame mapped', () => {
    a.table.setVersion(2);
    const mfn = a.table.statusFrame(0);
    machine.takeReference(mfn, a.domid);
    expect(a.call(GNTTABOP.SET_VERSION, [1]).result).toBe(-EBUSY);
    machine.dropReference(mfn);
    const before = machine.freeFrames;
    expect(a.call(GNTTABOP.SET_VERSION, [1]).result).toBe(0);
    expect([a.table.statusFrames, machine.freeFrames]).toEqual([0, before + 1]);
  });

  it('is not changed while grants are in use, but for the reserved ones', () => {
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const { handle } = b.map(8, a, 0x180000);
    expect(a.call(GNTTABOP.SET_VERSION, [2]).result).toBe(-EBUSY);
    b.unmap(handle, 0x180000);
    a.table.grant(1, 0, 9);
    const store = use(a.table.acquire(1, 0, false, true));
    expect(a.call(GNTTABOP.SET_VERSION, [2]).result).toBe(0);
    expect(status(a, 1)).toBe(GTF.READING | GTF.WRITING);
    store.release();
    expect(status(a, 1)).toBe(0);
  });

  it('has its status bits in words of their own', () => {
    a.table.setVersion(2);
    entry(a, 9, [GTF.PERMIT_ACCESS | (b.domid << 16), 0, 5, 0]);
    const granted = use(a.table.acquire(9, b.domid, false, true));
    expect(status(a, 9)).toBe(GTF.READING | GTF.WRITING);
    expect(machine.words[(a.table.sharedFrame(0) * FRAME_BYTES) / 4 + 36] & 0xffff).toBe(GTF.PERMIT_ACCESS);
    granted.release();
    expect(status(a, 9)).toBe(0);
  });

  it('grants parts of a page for copies only', () => {
    a.table.setVersion(2);
    entry(a, 9, [GTF.PERMIT_ACCESS | GTF.SUB_PAGE | (b.domid << 16), 0x100 | (0x80 << 16), 5, 0]);
    expect(b.map(9, a, 0x180000).status).toBe(GNTST.GENERAL_ERROR);
    const mine = [7, DOMID_SELF, 0];
    expect(b.copy([9, a.domid, 0x100], mine, 0x80, 1)).toBe(GNTST.OKAY);
    expect(b.copy([9, a.domid, 0xff], mine, 1, 1)).toBe(GNTST.GENERAL_ERROR);
    expect(b.copy([9, a.domid, 0x100], mine, 0x81, 1)).toBe(GNTST.GENERAL_ERROR);
  });

  it('hands a grant on for copies: transitive', () => {
    const c = new Guest(machine);
    c.put(8, GTF.PERMIT_ACCESS, a.domid, 5);
    c.memory.write(0x5000, Uint8Array.of(42));
    a.table.setVersion(2);
    entry(a, 9, [GTF.TRANSITIVE | (b.domid << 16), c.domid, 8, 0]);
    entry(a, 10, [GTF.TRANSITIVE | (b.domid << 16), a.domid, 9, 0]);
    expect(b.copy([9, a.domid, 0], [7, DOMID_SELF, 0], 1, 1)).toBe(GNTST.OKAY);
    const out = new Uint8Array(1);
    b.memory.read(0x7000, out);
    expect(out[0]).toBe(42);
    expect([c.flags(8), status(a, 9)]).toEqual([GTF.PERMIT_ACCESS, 0]);
    expect(b.map(9, a, 0x180000).status).toBe(GNTST.GENERAL_ERROR);
    expect(b.copy([10, a.domid, 0], [7, DOMID_SELF, 0], 1, 1)).toBe(GNTST.GENERAL_ERROR);
    // Not handed on twice.
    c.table.setVersion(2);
    entry(c, 9, [GTF.TRANSITIVE | (a.domid << 16), b.domid, 8, 0]);
    entry(a, 11, [GTF.TRANSITIVE | (b.domid << 16), c.domid, 9, 0]);
    expect(b.copy([11, a.domid, 0], [7, DOMID_SELF, 0], 1, 1)).toBe(GNTST.GENERAL_ERROR);
  });
});

describe('a granter that changes its entries while they are looked at', () => {
  it('finds an entry that it revoked unused, or in use and not revoked (version 1)', () => {
    // The guest revokes with a compare-and-swap of flags and domain: whoever comes second sees the first.
    a.put(8, GTF.PERMIT_ACCESS, b.domid, 5);
    const at = (a.table.sharedFrame(0) * FRAME_BYTES) / 4 + 16;
    const before = Atomics.load(machine.words, at);
    const granted = a.table.acquire(8, b.domid, true, true) as Granted;
    expect(Atomics.compareExchange(machine.words, at, before, 0)).not.toBe(before);
    granted.release();
    expect(Atomics.compareExchange(machine.words, at, before, 0)).toBe(before);
    expect(a.table.acquire(8, b.domid, true, true)).toBe(GNTST.GENERAL_ERROR);
  });
});
