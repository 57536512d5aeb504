/** Direct paging: what a guest may put into its page tables (public description of Xen's page types). */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import { EINVAL, EPERM } from '../abi.ts';
import { type PageTypeHooks, PageTypes } from './page-types.ts';
import { FIRST_XEN_L2_SLOT, PAE } from './pae.ts';
import { PTE_PRESENT, PTE_WRITE } from './pte.ts';
import { XEN_PV } from '../records.ts';

function setUp() {
  const machine = Machine.create(new SharedArrayBuffer(16 << 20));
  const record = createDomain(machine, 2, machine.frames, { guest: XEN_PV });
  const other = createDomain(machine, 1, machine.frames, { guest: XEN_PV });
  const flushes: number[] = [];
  const left: number[] = [];
  const hooks: PageTypeHooks = {
    flushTlb: () => flushes.push(1),
    written: () => {},
    mapped: () => {},
    isShared: () => false,
    left: mfn => left.push(mfn),
    grantLost: () => {},
    xenEntries: () => new Int32Array(84).fill(0x123),
  };
  const types = new PageTypes(machine, record.id, hooks, PAE);
  const owned = (id: number): number[] =>
    Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(mfn => machine.ownerOf(mfn) === id);
  const set = (table: number, slot: number, mfn: number, flags: number): void => {
    machine.words[(table << 10) + 2 * slot] = (mfn << 12) | flags;
  };
  return { machine, record, types, flushes, left, mine: owned(record.id), foreign: owned(other.id)[0], set };
}

describe('page types', () => {
  it('takes an L1 table with the guest’s own frames, counting what they are used for', () => {
    const { types, mine, set } = setUp();
    const [table, data, read] = mine;
    set(table, 0, data, PTE_PRESENT | PTE_WRITE);
    set(table, 1, read, PTE_PRESENT);
    expect(types.pin(table, FRAME_TYPE.L1)).toBe(0);
    expect([types.typeOf(table), types.typeOf(data), types.typeOf(read)]).toEqual([
      FRAME_TYPE.L1,
      FRAME_TYPE.WRITABLE,
      FRAME_TYPE.NONE,
    ]);
    expect(types.pin(table, FRAME_TYPE.L1)).toBe(-EINVAL);
    expect(types.unpin(table)).toBe(0);
    expect([types.countOf(table), types.countOf(data)]).toEqual([0, 0]);
    expect(types.unpin(table)).toBe(-EINVAL);
  });

  it.each([
    ['another domain’s frame', (s: ReturnType<typeof setUp>) => s.foreign],
    ['a frame of the hypervisor', () => 1],
    ['a frame that does not exist', (s: ReturnType<typeof setUp>) => s.machine.frames + 5],
    ['a table mapped writable', (s: ReturnType<typeof setUp>) => s.mine[0]],
  ])('refuses %s, and takes nothing of the table it was in', (_what, frame) => {
    const s = setUp();
    const [table, data] = s.mine;
    s.set(table, 0, data, PTE_PRESENT | PTE_WRITE);
    s.set(table, 5, frame(s), PTE_PRESENT | PTE_WRITE);
    expect(s.types.pin(table, FRAME_TYPE.L1)).toBe(-EINVAL);
    expect([s.types.countOf(table), s.types.countOf(data), s.machine.references(data)]).toEqual([0, 0, 1]);
  });

  it('keeps a frame that was given up as long as an entry names it, and nobody reaches it afterwards', () => {
    const { machine, record, types, mine, set, left } = setUp();
    const [table, data, read] = mine;
    set(table, 0, data, PTE_PRESENT | PTE_WRITE);
    set(table, 1, read, PTE_PRESENT);
    types.pin(table, FRAME_TYPE.L1);
    for (const mfn of [data, read]) expect(machine.release(mfn)).toBe(true);
    expect([machine.ownerOf(data), machine.ownerOf(read), left]).toEqual([record.id, record.id, []]);
    types.replaceEntry(table, 0, 0, 0, false);
    expect(left).toEqual([data]);
    types.unpin(table);
    expect(left).toEqual([data, read]);
    expect([machine.references(data), machine.references(read)]).toEqual([0, 0]);
  });

  it('flushes what the TLB has of a frame that was given up before its last holder, another domain, lets it go', () => {
    const { machine, record, types, mine, set, flushes } = setUp();
    const [table, data] = mine;
    set(table, 0, data, PTE_PRESENT | PTE_WRITE);
    types.pin(table, FRAME_TYPE.L1);
    machine.takeReference(data, record.id);
    machine.release(data);
    flushes.length = 0;
    types.replaceEntry(table, 0, 0, 0, false);
    expect([flushes.length, machine.references(data)]).toEqual([1, 1]);
  });

  it('keeps a writable frame from becoming a table until its last writable mapping is gone, and flushes the TLB then', () => {
    const { types, mine, set, flushes } = setUp();
    const [l1, next] = mine;
    set(l1, 0, next, PTE_PRESENT | PTE_WRITE);
    expect(types.pin(l1, FRAME_TYPE.L1)).toBe(0);
    expect(types.pin(next, FRAME_TYPE.L1)).toBe(-EINVAL);
    expect(types.replaceEntry(l1, 0, (next << 12) | PTE_PRESENT, 0, false)).toBe(0);
    flushes.length = 0;
    expect(types.pin(next, FRAME_TYPE.L1)).toBe(0);
    expect(flushes.length).toBe(1);
    expect(types.replaceEntry(l1, 0, (next << 12) | PTE_PRESENT | PTE_WRITE, 0, false)).toBe(-EINVAL);
  });

  it('wants slot 3 of an L3 table, puts the hypervisor’s entries into its L2, and lets nobody replace either', () => {
    const { machine, types, mine, set } = setUp();
    const [l3, l2] = mine;
    expect(types.pin(l3, FRAME_TYPE.L3)).toBe(-EINVAL);
    set(l3, 3, l2, PTE_PRESENT);
    machine.words[(l3 << 10) + 100] = 77;
    expect(types.pin(l3, FRAME_TYPE.L3)).toBe(0);
    expect(types.typeOf(l2)).toBe(FRAME_TYPE.L2_XEN);
    expect(machine.words[(l2 << 10) + 2 * FIRST_XEN_L2_SLOT]).toBe(0x123);
    expect(machine.words[(l3 << 10) + 100]).toBe(0);
    expect(types.replaceEntry(l3, 3, 0, 0, false)).toBe(-EINVAL);
    expect(types.replaceEntry(l2, FIRST_XEN_L2_SLOT, 0, 0, false)).toBe(-EPERM);
    // Such a table has its one place.
    expect(types.replaceEntry(l3, 0, (l2 << 12) | PTE_PRESENT, 0, false)).toBe(-EINVAL);
  });

  it('holds for any sequence of updates: no writable mapping of a table, no frame of others, all references given back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(7), fc.nat(7), fc.nat(7)), { minLength: 1, maxLength: 60 }),
        steps => {
          const { machine, types, mine, foreign, set } = setUp();
          const pool = [...mine.slice(0, 7), foreign];
          for (const [what, a, b, slot] of steps) {
            const [to, from] = [pool[a], pool[b]];
            if (what === 0) types.pin(to, [FRAME_TYPE.L1, FRAME_TYPE.L2, FRAME_TYPE.L3][slot % 3]);
            else if (what === 1) types.unpin(to);
            else if (types.typeOf(to) === FRAME_TYPE.NONE) {
              // Memory that no table maps writable could still be written by hypercall.
              if (machine.ownerOf(to) !== machine.ownerOf(foreign))
                set(to, slot % 4, from, PTE_PRESENT | (what === 2 ? PTE_WRITE : 0));
            } else if (types.typeOf(to) !== FRAME_TYPE.WRITABLE)
              types.replaceEntry(to, slot % 4, (from << 12) | PTE_PRESENT | (what === 2 ? PTE_WRITE : 0), 0, false);
            for (const table of pool.slice(0, 7)) {
              const type = types.typeOf(table);
              if (type === FRAME_TYPE.NONE || type === FRAME_TYPE.WRITABLE) continue;
              for (let i = 0; i < 4; i++) {
                const low = machine.words[(table << 10) + 2 * i];
                if (!(low & PTE_PRESENT)) continue;
                expect(low >>> 12).not.toBe(foreign);
                if (type === FRAME_TYPE.L1 && low & PTE_WRITE)
                  expect(types.typeOf(low >>> 12)).toBe(FRAME_TYPE.WRITABLE);
              }
            }
          }
          for (const frame of pool.slice(0, 7)) types.unpin(frame);
          for (const frame of pool.slice(0, 7))
            expect([types.countOf(frame), machine.references(frame)]).toEqual([0, 1]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
