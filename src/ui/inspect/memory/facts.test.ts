import { describe, expect, it } from 'vitest';
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { ShadowEntry } from '../../../hypervisor/view/index.ts';
import { cellsOf, type Data, kindOf } from './facts.ts';
import { columnsNamed, layoutOf, lettered, rowsNamed, runsOf, stripesOf } from './map-layout.ts';
import { partsOf, walkOf } from './walk.ts';
import { XEN } from './owners.ts';

/** The first MiB is Xen's, two and a half guest 1's; guest 2 has the last 8 frames of the fourth. */
const owners = new Int16Array(5 * 256).fill(-1);
owners
  .fill(XEN, 0, 256)
  .fill(1, 256, 256 + 640)
  .fill(2, 1016, 1024);
const { cells, counts } = cellsOf({ frames: owners.length, owners: () => owners });

describe('the map of memory', () => {
  it('gives a MiB to whoever owns most of it, and tells the others', () => {
    expect(cells.map(({ owner }) => owner)).toEqual([XEN, 1, 1, 1, -1]);
    expect(cells[3]!.parts).toEqual([
      [1, 128],
      [-1, 120],
      [2, 8],
    ]);
    expect(counts).toEqual([
      [XEN, 256],
      [1, 640],
      [2, 8],
      [-1, 376],
    ]);
  });

  it('shows a stripe of those who own most of no MiB', () => {
    expect(stripesOf(cells, 256)).toEqual([{ cell: 3, owner: 2, from: 248 / 256, part: 8 / 256 }]);
  });

  it('runs on within a row, and names an owner once', () => {
    const layout = layoutOf(cells.length, false);
    const runs = runsOf(cells, layout);
    expect(runs).toEqual([
      { from: 0, to: 0, owner: XEN },
      { from: 1, to: 3, owner: 1 },
      { from: 4, to: 4, owner: -1 },
    ]);
    expect(lettered(runs, layout, () => 1).map(({ owner }) => owner)).toEqual([XEN, 1]);
    expect(lettered(runs, layoutOf(cells.length, true), () => 1)).toEqual([]);
    expect(runsOf(Array(40).fill({ owner: 1 }), layout).map(({ from }) => from)).toEqual([0, 32]);
  });

  it('has longer rows of smaller cells where there are many, but on a phone', () => {
    expect(layoutOf(2048, false)).toMatchObject({ across: 64, side: 10, rows: 32, isLettered: false });
    expect(layoutOf(2048, true)).toMatchObject({ across: 32, rows: 64 });
    expect(layoutOf(512, false)).toMatchObject({ across: 32, side: 20, high: 16 });
  });

  it('leaves out names of rows and columns where the chosen cell has its own', () => {
    const layout = layoutOf(512, false);
    expect(columnsNamed(layout, 9)).toEqual([0, 16, 24]);
    expect(rowsNamed(layout, 64)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });
});

it('tells what a frame is by the first that holds: a page table before a granted frame', () => {
  const of = (more: object, tables: number[] = [], granted: number[] = []) =>
    kindOf({ mfn: 7, owner: 1, type: 'WRITABLE', writers: 0, code: false, ...more } as Parameters<typeof kindOf>[0], {
      tables: new Set(tables),
      granted: new Set(granted),
    } satisfies Pick<Data, 'tables' | 'granted'>);
  expect([of({}), of({ owner: -1 }), of({ code: true }), of({ writers: 1 }), of({}, [], [7])]).toEqual([
    '',
    'no',
    'cd',
    'wr',
    'gr',
  ]);
  expect([of({}, [7], [7]), of({ type: 'L1' })]).toEqual(['pt', 'pt']);
});

/** A vCPU with paging whose tables lead from `linear` by `entries` to `physical`. */
function walk(
  entries: object[],
  physical: number,
  machine: number,
  namesFrames = false,
  linear = 0xc0101234,
  shadow?: ShadowEntry[],
) {
  const regs = new Int32Array(R.STATE_WORDS);
  regs[R.CR0] = 0x8000_0001 | 0;
  regs[R.CR3] = 0x101000;
  const translated = { entries, physical, machine, secondStage: machine < 0 ? 0 : 7, error: -1 };
  return walkOf(
    { regs, translate: () => translated, shadow: () => shadow } as unknown as Parameters<typeof walkOf>[0],
    linear,
    {
      id: 1,
      name: 'web',
      vcpu: 0,
      namesFrames,
    },
  );
}

describe('the walk of an address (SDM vol. 3, 4.3)', () => {
  const pde = { level: 'PDE', physical: 0x101c00, low: 0x13d067, high: 0 };

  it('goes through directory and table to the guest frame, and through EPT to the machine’s', () => {
    const found = walk([pde, { level: 'PTE', physical: 0x13d404, low: 0x8163, high: 0 }], 0x8234, 0x1c7f1234);
    expect(found.steps.map(({ title, value }) => [title, value])).toEqual([
      ['CR3', '0x00101000'],
      ['directory [0x300]', '0x0013d067'],
      ['table [0x101]', '0x00008163'],
      ['guest-physical', 'frame 0x8'],
      ['EPT', 'rwx'],
      ['machine frame', 'frame 0x1c7f1'],
    ]);
    expect(found).toMatchObject({ mode: '2 levels', cost: '14 memory references on a TLB miss, none on a hit' });
    expect(partsOf(found)).toEqual([
      { name: 'PDE', bits: 10, value: 0x300 },
      { name: 'PTE', bits: 10, value: 0x101 },
      { name: 'offset', bits: 12, value: 0x234 },
    ]);
  });

  it('has four levels where 64-bit code runs, and names their parts of 48 bits (SDM vol. 3, 4.5)', () => {
    const levels = ['PML4E', 'PDPTE', 'PDE'].map(level => ({ level, physical: 0x101ff8, low: 0x2063, high: 0 }));
    // ffffffff8104e8cb, in a page of 2 MiB.
    const found = walk(
      [...levels.slice(0, 2), { ...levels[2]!, low: 0x10000e3 }],
      0x104e8cb,
      0x104e8cb,
      false,
      -0x7efb1735,
    );
    expect(found.steps.slice(1, 4).map(({ title }) => title)).toEqual([
      'PML4 [0x1ff]',
      'PDPT [0x1fe]',
      'directory [0x8]',
    ]);
    expect(found.steps[3]!.says).toBe('2-MiB page: the walk ends here, no page table');
    expect(found.mode).toBe('4 levels');
    expect(partsOf(found)).toEqual([
      { name: 'PML4E', bits: 9, value: 0x1ff },
      { name: 'PDPTE', bits: 9, value: 0x1fe },
      { name: 'PDE', bits: 9, value: 8 },
      { name: 'offset', bits: 21, value: 0x4e8cb },
    ]);
  });

  it('tells tables and frames above 4 GiB by their whole addresses', () => {
    const [, entry, frame] = walk([{ ...pde, physical: 0x1_0010_1c00, low: 0xe7 }], 0x1_2345_6234, 0x8234).steps;
    expect(frame!.says).toBe('address 0x123456234');
    expect(entry!.says).toContain('4-MiB page');
    const [, small] = walk([{ ...pde, physical: 0x1_0010_1c00 }], -1, -1).steps;
    expect(small!.says).toMatch(/; at 0x100101c00$/);
  });

  it('ends at a large page without a table, and at an entry that is not present', () => {
    const large = walk([{ ...pde, low: 0x4000e7 }], 0x501234, 0x501234);
    expect(large.steps[1]!.says).toBe('4-MiB page: the walk ends here, no page table');
    const fault = walk([{ ...pde, low: 0 }], -1, -1);
    expect(fault.steps.map(({ key, isFault }) => [key, isFault])).toEqual([
      ['cr3', undefined],
      ['PDE', true],
    ]);
  });

  it('ends before the machine where Xen has put no memory, and costs a paravirtual guest nothing more', () => {
    expect(walk([pde], 0xa0000, -1).steps.at(-1)).toMatchObject({ key: 'stage', isFault: true });
    expect(walk([pde], 0x1000, 0x1000, true)).toMatchObject({ cost: '' });
  });

  it('has the shadow beside it, which is all that the processor walks, as far as it is filled', () => {
    const guest = [pde, { level: 'PTE', physical: 0x13d404, low: 0x8163, high: 0 }],
      upper = (level: number): ShadowEntry => ({ level, machine: 0x1d000000 + level, low: 0x1d001007, high: 0 });
    const found = walk(guest, 0x8234, 0x1c7f1234, false, 0xc0101234, [
      upper(3),
      upper(2),
      { level: 1, machine: 0x1d001808, low: 0x1c7f1063, high: 0 },
    ]);
    expect(found.steps.at(-1)!.key).toBe(found.shadow!.at(-1)!.key);
    expect(found.shadow!.map(({ title, value }) => [title, value])).toEqual([
      ['shadow L3', '0x1d001007'],
      ['shadow L2', '0x1d001007'],
      ['shadow L1', '0x1c7f1063'],
      ['machine frame', 'frame 0x1c7f1'],
    ]);
    expect(found.cost).toBe('3 memory references on a TLB miss: those of the shadow alone');
    const empty = walk(guest, 0x8234, 0x1c7f1234, false, 0xc0101234, [upper(3), { ...upper(2), low: 0 }]).shadow!;
    expect(empty.map(({ isFault }) => isFault)).toEqual([undefined, true]);
    expect(empty[1]!.says).toContain('an access is a #PF, and an exit');
  });
});
