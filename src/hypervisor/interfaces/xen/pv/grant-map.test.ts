import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import type { SecondStage } from '../../../memory/second-stage.ts';
import { EINVAL } from '../abi.ts';
import { GNTMAP, GNTST } from '../grants/grants.ts';
import { GrantMap } from './grant-map.ts';
import type { PvMemory } from './memory.ts';
import { PageTypes } from './page-types.ts';
import { PTE_PRESENT, PTE_WRITE } from './pte.ts';
import { XEN_PV } from '../records.ts';
import { PAE } from './pae.ts';

/** Guest-linear addresses of these tests: slot n of one L1 table at n * 4096. */
const PLACE_A = 0x1000,
  PLACE_B = 0x2000;

let machine: Machine,
  types: PageTypes,
  grants: GrantMap,
  table: number,
  frame1: number,
  frame2: number,
  lost: number,
  foreign: number,
  stage: SecondStage;
const entry = (slot: number): number => machine.words[(table << 10) + 2 * slot];

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(16 << 20));
  const record = createDomain(machine, 2, machine.frames, { guest: XEN_PV });
  const other = createDomain(machine, 1, machine.frames, { guest: XEN_PV });
  const owned = (id: number): number[] =>
    Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(mfn => machine.ownerOf(mfn) === id);
  lost = 0;
  const hooks = {
    flushTlb() {},
    written() {},
    mapped() {},
    isShared: () => false,
    left() {},
    grantLost: () => void lost++,
    xenEntries: () => new Int32Array(84),
  };
  types = new PageTypes(machine, record.id, hooks, PAE);
  [table, frame1, frame2] = owned(record.id);
  [foreign] = owned(other.id);
  expect(types.pin(table, FRAME_TYPE.L1)).toBe(0);
  stage = machine.secondStage(record);
  const memory = {
    walk: (linear: number) => ({
      table,
      slot: (linear >>> 12) & 511,
      low: entry((linear >>> 12) & 511),
      high: 0,
      write: true,
      user: false,
    }),
  };
  grants = new GrantMap({
    words: machine.words,
    stage,
    memory: memory as unknown as PvMemory,
    types,
    ownerOf: mfn => machine.ownerOf(mfn),
    domid: record.id,
  });
});

describe('frames that a guest granted to itself', () => {
  it('are counted by their entries like any other, so that they may be overwritten', () => {
    expect(grants.map(PLACE_A, frame1, GNTMAP.HOST)).toBe(GNTST.OKAY);
    expect([machine.references(frame1), types.typeOf(frame1), types.countOf(frame1)]).toEqual([
      2,
      FRAME_TYPE.WRITABLE,
      1,
    ]);
    expect(types.replaceEntry(table, 1, 0, 0, false)).toBe(0);
    expect([machine.references(frame1), types.countOf(frame1), lost]).toEqual([1, 0, 0]);
    expect(grants.unmap(PLACE_A, frame1, GNTMAP.HOST, 0)).toBe(GNTST.GENERAL_ERROR);
  });

  it('keep their type when a writable mapping is to be ended by a read-only entry (XSA-234)', () => {
    // The grant of frame1 has a use of its own.
    expect(types.get(frame1, FRAME_TYPE.WRITABLE)).toBe(0);
    expect(grants.map(PLACE_A, frame1, GNTMAP.HOST)).toBe(GNTST.OKAY);
    expect(grants.map(PLACE_B, frame2, GNTMAP.HOST | GNTMAP.READONLY)).toBe(GNTST.OKAY);
    expect(grants.unmap(PLACE_B, frame2, GNTMAP.HOST | GNTMAP.READONLY, PLACE_A)).toBe(GNTST.OKAY);
    expect([entry(1), entry(2) >>> 12, machine.references(frame2)]).toEqual([0, frame1, 1]);
    expect(types.replaceEntry(table, 1, (frame1 << 12) | PTE_PRESENT, 0, false)).toBe(0);
    expect(grants.unmap(PLACE_A, frame1, GNTMAP.HOST, 0)).toBe(GNTST.GENERAL_ERROR);
    expect(types.pin(frame1, FRAME_TYPE.L1)).toBe(-EINVAL);
    // Two writable uses: the entry that moved, and the grant.
    expect(types.countOf(frame1)).toBe(2);
  });
});

describe('unmap and replace', () => {
  it('takes no entry in place of itself', () => {
    grants.map(PLACE_A, frame1, GNTMAP.HOST);
    expect(grants.unmap(PLACE_A, frame1, GNTMAP.HOST, PLACE_A)).toBe(GNTST.GENERAL_ERROR);
    expect([entry(1) >>> 12, types.countOf(frame1)]).toEqual([frame1, 1]);
  });
});

describe('frames of other domains', () => {
  it('come by the call alone, and are not executed', () => {
    expect(types.replaceEntry(table, 1, (foreign << 12) | PTE_PRESENT, 0, false)).toBe(-EINVAL);
    expect(grants.map(PLACE_A, foreign, GNTMAP.HOST)).toBe(GNTST.OKAY);
    expect([entry(1) & (PTE_PRESENT | PTE_WRITE), stage.rights(foreign)]).toEqual([3, 3]);
    expect(grants.unmap(PLACE_A, foreign, GNTMAP.HOST | GNTMAP.READONLY, 0)).toBe(GNTST.GENERAL_ERROR);
    expect(grants.unmap(PLACE_A, foreign, GNTMAP.HOST, 0)).toBe(GNTST.OKAY);
    expect([entry(1), stage.entry(foreign), lost]).toEqual([0, 0, 0]);
  });

  it('cannot be overwritten: the domain is told on', () => {
    grants.map(PLACE_A, foreign, GNTMAP.HOST);
    types.replaceEntry(table, 1, 0, 0, false);
    expect(lost).toBe(1);
  });
});
