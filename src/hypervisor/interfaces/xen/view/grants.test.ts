/** Grant tables as readers have them, against what was granted, mapped and ended through them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../memory/domain-table.ts';
import { type DomainRecord, Machine } from '../../../memory/machine.ts';
import { GNTMAP, type Granted, GrantTable, GTF } from '../grants/grants.ts';
import { Ports } from '../events/ports.ts';
import type { GrantsView } from './grants.ts';
import { MachineView } from '../../../view/machine-view.ts';
import { XEN_PVH } from '../records.ts';
import { grantsOf } from './grants.ts';

let machine: Machine, a: DomainRecord, b: DomainRecord, granter: GrantTable, user: GrantTable;
const seen = (record: DomainRecord): GrantsView => grantsOf(new MachineView(machine.memory).domain(record.id))!;
const mfnOf = (gfn: number): number => machine.secondStage(a).mfn(gfn);

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
  [a, b] = [1, 2].map(() => createDomain(machine, 1, 256, { guest: XEN_PVH }));
  [granter, user] = [a, b].map(record => new GrantTable(new Ports(machine, record)));
  granter.grow(1);
});

describe('a grant table', () => {
  it('has its size, and nothing else while nothing is granted', () => {
    expect(seen(a)).toEqual({ version: 1, frames: 1, maxFrames: 64, entries: [], mappings: [], torn: false });
    expect(seen(b)).toMatchObject({ frames: 0, entries: [] });
    granter.limit(5, 1);
    expect(granter.grow(3)).toBe(true);
    expect(seen(a)).toMatchObject({ frames: 3, maxFrames: 5 });
  });

  it('has what is granted, who uses it, and what the user has mapped', () => {
    const last = granter.entries - 1;
    granter.grant(8, b.id, 0x40);
    granter.grant(last, b.id, 0x41);
    machine.words[granter.entryAt(last)] |= GTF.READONLY;
    const plain = { type: 'access', domid: b.id, readonly: false, reading: false, writing: false };
    expect(seen(a).entries).toEqual([
      { ...plain, ref: 8, frame: 0x40 },
      { ...plain, ref: last, frame: 0x41, readonly: true },
    ]);
    const use = granter.acquire(8, b.id, false, true) as Granted;
    const again = granter.acquire(8, b.id, true, true) as Granted;
    const handle = user.track(GNTMAP.HOST | GNTMAP.READONLY, 8, a.id, 0x77);
    expect(seen(a).entries[0]).toEqual({
      ...plain,
      ref: 8,
      frame: 0x40,
      reading: true,
      writing: true,
      use: { user: b.id, readers: 1, writers: 1, mfn: mfnOf(0x40), start: 0, length: 4096 },
    });
    expect(seen(a).entries.flatMap(({ ref, use }) => (use ? [[ref, use.mfn]] : []))).toEqual(
      [...granter.uses()].map(({ ref, mfn }) => [ref, mfn]),
    );
    expect(seen(b).mappings).toEqual([
      { handle, domid: a.id, ref: 8, host: true, device: false, readonly: true, gfn: 0x77 },
    ]);
    expect(seen(b).mappings.map(mapping => mapping.handle)).toEqual(
      [...user.mappings()].map(mapping => mapping.handle),
    );
    use.release();
    expect(seen(a).entries[0]).toMatchObject({ reading: true, writing: false, use: { readers: 1, writers: 0 } });
    again.release();
    expect(seen(a).entries[0]).toEqual({ ...plain, ref: 8, frame: 0x40 });
    // Revoked while it is used: the user is still there to be seen.
    granter.acquire(last, b.id, true, true);
    machine.words[granter.entryAt(last)] = 0;
    expect(seen(a).entries[1]).toMatchObject({ ref: last, type: 'other', use: { user: b.id, readers: 1 } });
  });

  it('of version 2 has parts of pages, transitive grants, and its status elsewhere', () => {
    expect(granter.setVersion(2)).toBe(0);
    granter.grow(2);
    const put = (ref: number, flags: number, ...words: number[]): void =>
      machine.words.set([flags | (b.id << 16), ...words], granter.entryAt(ref));
    put(300, GTF.PERMIT_ACCESS | GTF.SUB_PAGE, 16 | (100 << 16), 0x42, 0);
    put(301, GTF.TRANSITIVE, 7, 9, 0);
    const use = granter.acquire(300, b.id, true, false) as Granted;
    expect(seen(a)).toMatchObject({ version: 2, frames: 2, torn: false });
    expect(seen(a).entries).toEqual([
      {
        ref: 300,
        type: 'access',
        domid: b.id,
        frame: 0x42,
        readonly: false,
        reading: true,
        writing: false,
        use: { user: b.id, readers: 1, writers: 0, mfn: mfnOf(0x42), start: 16, length: 100 },
      },
      {
        ref: 301,
        type: 'transitive',
        domid: b.id,
        frame: 9,
        behind: 7,
        readonly: false,
        reading: false,
        writing: false,
      },
    ]);
    use.release();
    expect(seen(a).entries[0].reading).toBe(false);
  });
});
