/** What is seen of the frame table, the part of it that is shown, and what was chosen. */

import type { FrameState, MachineView } from '../../../hypervisor/view/index.ts';
import type { Shown } from '../inspector.ts';
import { XEN } from './owners.ts';
import type { Step, Walk } from './walk.ts';
import { words } from './words.ts';

/** Of a MiB. */
export const FRAMES = 256;

/** What the map shows of each MiB: whose it is, or how many of its frames are so. */
export type View = keyof typeof words.views;
export interface Cell {
  owner: number;
  parts?: [owner: number, frames: number][];
}
export interface Data {
  /** Who owns most of each MiB, and where it has several owners what each has of it. */
  cells: Cell[];
  counts: [owner: number, frames: number][];
  /** Frames that a domain lets others map, and of these what is mapped now. */
  grants: ReadonlyMap<number, { granted: number; used: number }>;
  frames: number;
  walk: Walk | undefined;
  /** Machine frames of the guest's page tables, and of what domains let others map. */
  tables: ReadonlySet<number>;
  granted: ReadonlySet<number>;
  machine: MachineView;
  /** The guest that is looked at: it is highlighted. */
  guest: number | undefined;
}

type Choice = Pick<Shown<Data>, 'data' | 'chosen'>;

/** One pass over the frame table. */
export function cellsOf(machine: Pick<MachineView, 'frames' | 'owners'>): Pick<Data, 'cells' | 'counts' | 'frames'> {
  const { frames } = machine,
    owners = machine.owners();
  const all = new Map<number, number>();
  const cells = Array.from({ length: Math.ceil(frames / FRAMES) }, (_, i) => {
    const here = new Map<number, number>();
    for (const owner of owners.subarray(i * FRAMES, (i + 1) * FRAMES)) here.set(owner, (here.get(owner) ?? 0) + 1);
    for (const [owner, count] of here) all.set(owner, (all.get(owner) ?? 0) + count);
    const parts = [...here],
      [owner] = parts.reduce((most, each) => (each[1] > most[1] ? each : most));
    return { owner, ...(parts.length > 1 ? { parts } : {}) };
  });
  return {
    frames,
    cells,
    counts: [...all].sort(([a], [b]) => (a === XEN ? -1 : b === XEN ? 1 : a < 0 ? 1 : b < 0 ? -1 : a - b)),
  };
}

/** The step of the walk that was chosen. */
export const shownStep = ({ data, chosen }: Choice): Step | undefined =>
  [...(data.walk?.steps ?? []), ...(data.walk?.shadow ?? [])].find(({ key }) => key === chosen);

/** The frame that was chosen. */
export const frameOf = ({ data, chosen }: Choice): FrameState | undefined =>
  /^f\d+$/.test(chosen) ? data.machine.frame(Number(chosen.slice(1))) : undefined;

/** The chosen MiB: a key is `m` and its number, `f` and a frame's, or a step's. */
export function chosenCell({ chosen, data }: Choice): number {
  if (/^m\d+$/.test(chosen)) return Number(chosen.slice(1));
  const mfn = /^f\d+$/.test(chosen) ? Number(chosen.slice(1)) : Number(data.walk?.steps.at(-1)?.key.slice(1));
  return Number.isNaN(mfn) ? 0 : mfn >> 8;
}

/** Of each MiB the frames that the map's view is about. */
export function countsOf(
  {
    machine,
    frames,
    tables,
    granted,
  }: Pick<Data, 'frames' | 'tables' | 'granted'> & {
    machine: Pick<MachineView, 'marks'>;
  },
  what: Exclude<View, 'owner'>,
): Uint16Array {
  const counts = new Uint16Array(Math.ceil(frames / FRAMES));
  if (what === 'tables' || what === 'granted')
    for (const mfn of what === 'tables' ? tables : granted) {
      if (mfn >= 0) counts[mfn >> 8]!++;
    }
  else
    machine.marks()[what].forEach((is, mfn) => {
      counts[mfn >> 8]! += is;
    });
  return counts;
}

/** What a frame is seen to be; the first that holds. */
export type Kind = 'pt' | 'gr' | 'wr' | 'cd' | 'no' | '';
export const kindOf = (
  { mfn, owner, type, writers, code }: FrameState,
  { tables, granted }: Pick<Data, 'tables' | 'granted'>,
): Kind =>
  owner < 0
    ? 'no'
    : tables.has(mfn) || /^L\d|DESCRIPTORS/.test(type)
      ? 'pt'
      : granted.has(mfn)
        ? 'gr'
        : writers > 0
          ? 'wr'
          : code
            ? 'cd'
            : '';
export const KINDS: readonly (readonly [Kind, string])[] = [
  ['', words.plain],
  ['cd', words.translated],
  ['pt', words.table],
  ['gr', words.lent],
  ['wr', words.granted],
  ['no', words.free],
];
