/** Machine memory: who owns which frame, and where an address leads: linear, guest-physical, machine. */

import { signal, useSignal } from '@preact/signals';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { FrameState, MachineView, VcpuState } from '../../hypervisor/view/index.ts';
import { nameOf } from '../host.ts';
import { mediaSignal, PHONE } from '../media.ts';
import { ownerClass } from '../parts/marks.tsx';
import { TypedInput } from '../parts/typed.tsx';
import { followed } from './followed.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { grantsOf } from '../../hypervisor/interfaces/xen/view/index.ts';

const words = {
  nothing: 'There is no machine.',
  caption: 'A cell is 1 MiB of whoever owns most of it. Granted: frames that others may map; mapped: that they do.',
  owner: 'Owner',
  columns: ['Owner', 'MiB', 'Granted', 'Mapped'],
  frameCount: 'Frames',
  xen: 'Xen',
  free: 'free',
  who: 'Who owns what',
  dom0: 'shared',
  dom0Hint: 'Domain-0 is a worker of the browser: of its memory only what it shares with Xen lies here.',
  map: 'Machine memory by owner; arrow keys choose a MiB',
  frames: (from: number) => `Frames 0x${from.toString(16)} to 0x${(from + 255).toString(16)}`,
  frame: (mfn: number) => `Frame 0x${mfn.toString(16)}`,
  walk: 'Address walk',
  linear: 'linear address',
  of: (name: string, vcpu: number) => `of ${name} v${vcpu}`,
  paging: { off: 'paging off', two: '2 levels', pae: 'PAE, 3 levels' },
  after: { hvm: ', then EPT, 4 levels', pv: ', checked by Xen' },
  large: (mib: number) => `${mib}-MiB page: the walk ends here, no page table`,
  cost: (entries: number, looks: number) =>
    `${entries + EPT_LEVELS * looks} memory references on a TLB miss, none on a hit`,
  views: { owner: 'Owner', tables: 'Tables', granted: 'Granted', code: 'Code', referred: 'Shared' },
  show: 'Show on the map',
  counted: {
    tables: (name: string) => `page tables of ${name}, from its CR3`,
    granted: 'frames that others may map',
    code: 'frames with translated code',
    referred: 'frames with more than one reference',
  },
  shade: (what: string, frames: number, most: number) => `${what}: ${frames} in all, at most ${most} in a MiB.`,
  plain: 'writable',
  table: 'page table',
  lent: 'granted to a domain',
  granted: 'written by others',
  translated: 'code that ran',
  ends: 'walk ends',
  device: 'device',
  code: 'translated code',
  notThere: 'not present',
  noGuest: 'Boot a guest: its addresses can be followed here.',
  wrong: 'Write a linear address in hexadecimal, c0100000 say.',
  eip: 'at EIP',
  esp: 'at ESP',
  steps: { cr3: 'CR3', physical: 'guest-physical', stage: 'EPT', p2m: 'Xen’s check', machine: 'machine frame' },
  references: 'references',
  type: 'type',
  uses: 'uses as that',
  m2p: 'known to its owner as',
  flags: 'flags',
  offset: 'offset',
  linearBits: 'linear, as it is',
  bits: (n: number) => `${n} bits`,
};
const EVERY_MS = 1000,
  FRAMES = 256,
  /** More MiB than these stand in longer rows of smaller cells. */
  FEW = 1024,
  /** More rows than these are lower ones. */
  FEW_ROWS = 16,
  /** Of the map's names of rows beside it and of columns above it, and of the lines below it that lead to a cell's frames. */
  LEFT = 52,
  HEAD = 17,
  ZOOM = 16,
  /** Between cells: there the lines run, so that they cross none. */
  GAP = 2,
  /** No letter is read in a cell that is narrower. */
  LETTER = 16;
const XEN = 0x7ff2;
/** As a processor has them; Ringside's own second stage is flat. */
const EPT_LEVELS = 4;
/** What the tables are, from the top. */
const TABLES: Readonly<Record<string, string>> = { PDPTE: 'PDPT', PDE: 'directory', PTE: 'table' };
const narrow = mediaSignal(PHONE);
const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

/** What the map shows of each MiB: whose it is, or how many of its frames are so. */
type View = keyof typeof words.views;
const view = signal<View>('owner');

interface Step {
  key: string;
  title: string;
  value: string;
  says: string;
  owner: string;
  bits: readonly (readonly [string, string, string])[];
  isFault?: true;
}
interface Data {
  /** Who owns most of each MiB, and where it has several owners what each has of it. */
  cells: { owner: number; parts?: [owner: number, frames: number][] }[];
  counts: [owner: number, frames: number][];
  /** Frames that a domain lets others map, and of these what is mapped now. */
  grants: ReadonlyMap<number, { granted: number; used: number }>;
  frames: number;
  walk:
    | { name: string; vcpu: number; linear: number; mode: string; steps: Step[]; isPv: boolean; cost: string }
    | undefined;
  /** Machine frames of the guest's page tables, and of what domains let others map. */
  tables: ReadonlySet<number>;
  granted: ReadonlySet<number>;
  machine: MachineView;
  /** The guest that `mark` names stands out. */
  guest: number | undefined;
}

const ownerName = (id: number): string => (id === XEN ? words.xen : id < 0 ? words.free : nameOf(id));
const classOf = (owner: number): string => (owner === XEN ? 'c-hv' : owner < 0 ? 'c-free' : ownerClass(owner));
/** A second mark beside the hue: lines in one of five directions through a tile, guests in turn. */
const HATCHES: readonly ((w: number, h: number) => string)[] = [
  (w, h) => `M0 ${h / 2}h${w}`,
  (w, h) => `M${w / 2} 0v${h}`,
  (w, h) => `M${-w / 2} ${h}L${w} ${-h / 2}M0 ${1.5 * h}L${1.5 * w} 0`,
  (w, h) => `M${-w / 2} 0L${w} ${1.5 * h}M0 ${-h / 2}L${1.5 * w} ${h}`,
  (w, h) => `M0 ${h / 2}h${w}M${w / 2} 0v${h}`,
];
const plateOf = (owner: number): string => (owner === XEN ? 'X' : owner < 0 ? '' : String(owner));

/** One pass over the frame table. */
function cellsOf(machine: MachineView): Pick<Data, 'cells' | 'counts' | 'frames'> {
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

const ENTRY_BITS: readonly (readonly [bit: number, name: string, says: string])[] = [
  [0, 'P', 'present'],
  [1, 'R/W', 'may be written'],
  [2, 'U/S', 'the user’s'],
  [3, 'PWT', 'write-through'],
  [4, 'PCD', 'not cached'],
  [5, 'A', 'accessed'],
  [6, 'D', 'dirty'],
  [7, 'PS/PAT', 'large page, or PAT'],
  [8, 'G', 'global'],
];
const entryBits = (low: number) =>
  ENTRY_BITS.map(([bit, name, says]) => [String(bit), String((low >>> bit) & 1), `${name}: ${says}`] as const);
const entryWords = (low: number): string =>
  (low & 1) === 0
    ? words.notThere
    : [low & 2 ? 'write' : 'read', low & 4 ? 'user' : 'kernel', low & 64 ? 'dirty' : low & 32 ? 'accessed' : '']
        .filter(Boolean)
        .join(', ');

/** Bit 63, in an entry's upper half. */
const NX = 1 << 31;
/** A page of a directory's entry, with no table below it: bit 7 is in force (SDM vol. 3, 4.3 and 4.4). */
const LARGE = 128;

function walkOf(state: VcpuState, linear: number, id: number, isPv: boolean): Step[] {
  const { regs } = state,
    { entries, physical, secondStage, machine, error } = state.translate(linear),
    own = ownerClass(id);
  const paging = regs[R.CR0]! < 0;
  const steps: Step[] = [
    {
      key: 'cr3',
      title: words.steps.cr3,
      value: paging ? `0x${hex(regs[R.CR3]!)}` : '–',
      says: paging ? 'points to the top level' : words.paging.off,
      owner: own,
      bits: [],
    },
  ];
  for (const { level, physical: at, low, high } of entries) {
    const index =
      level === 'PDPTE'
        ? linear >>> 30
        : level === 'PDE'
          ? entries[0]?.level === 'PDPTE'
            ? (linear >>> 21) & 511
            : linear >>> 22
          : entries[0]?.level === 'PDPTE'
            ? (linear >>> 12) & 511
            : (linear >>> 12) & 1023;
    steps.push({
      key: level,
      title: `${TABLES[level]} [0x${index.toString(16)}]`,
      value: `0x${high & ~NX ? hex(high & ~NX, 1) : ''}${hex(low)}`,
      says:
        at < 0
          ? 'in a register'
          : level === 'PDE' && low & LARGE && entries.at(-1)!.level === 'PDE' && physical >= 0
            ? words.large(entries[0]!.level === 'PDPTE' ? 2 : 4)
            : `${entryWords(low)}${high & NX ? ', no execute' : ''}; at 0x${hex(at)}`,
      owner: own,
      bits: [...(high & NX ? [['63', '1', 'XD: not executed'] as const] : []), ...entryBits(low)],
      ...((low & 1) === 0 ? { isFault: true as const } : {}),
    });
  }
  if (physical < 0) return steps;
  steps.push({
    key: 'physical',
    title: words.steps.physical,
    value: `frame 0x${(physical >>> 12).toString(16)}`,
    says: `address 0x${hex(physical)}${error >= 0 ? `; a read now: #PF ${error}` : ''}`,
    owner: own,
    bits: [],
  });
  const rights = `${secondStage & 1 ? 'r' : '-'}${secondStage & 2 ? 'w' : '-'}${secondStage & 4 ? 'x' : '-'}`;
  steps.push({
    key: 'stage',
    title: isPv ? words.steps.p2m : words.steps.stage,
    value: machine < 0 ? '–' : rights,
    says:
      machine < 0
        ? secondStage === 0
          ? 'no memory there: an exit'
          : 'is populated on demand'
        : `0x${(physical >>> 12).toString(16)} → 0x${(machine >>> 12).toString(16)}`,
    owner: 'c-hv',
    bits: [
      ['0', String(secondStage & 1), 'read'],
      ['1', String((secondStage >>> 1) & 1), 'write'],
      ['2', String((secondStage >>> 2) & 1), 'execute'],
    ],
    ...(machine < 0 ? { isFault: true as const } : {}),
  });
  if (machine >= 0)
    steps.push({
      key: `f${machine >>> 12}`,
      title: words.steps.machine,
      value: `frame 0x${(machine >>> 12).toString(16)}`,
      says: `address 0x${hex(machine)}`,
      owner: 'c-hw',
      bits: [],
    });
  return steps;
}

/** The parts of a linear address by the step that each leads: as many bits as its table has entries for, the rest within the page. */
function partsOf({ linear, steps }: NonNullable<Data['walk']>): { name: string; bits: number; value: number }[] {
  const levels = steps.map(({ key }) => key).filter(key => /^(PDPTE|PDE|PTE)$/.test(key)),
    isPae = levels[0] === 'PDPTE';
  const parts: { name: string; bits: number; value: number }[] = [];
  let left = 32;
  for (const name of levels) {
    const bits = name === 'PDPTE' ? 2 : isPae ? 9 : 10;
    left -= bits;
    parts.push({ name, bits, value: (linear >>> left) & ((1 << bits) - 1) });
  }
  return [
    ...parts,
    {
      name: levels.length === 0 ? words.linearBits : words.offset,
      bits: left,
      value: left === 32 ? linear : linear & ((1 << left) - 1),
    },
  ];
}

const shownStep = ({ data, chosen }: Shown<Data>): Step | undefined =>
  data.walk?.steps.find(({ key }) => key === chosen);

function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const guest = session?.id ?? machine.domains().find(({ id }) => id > 0)?.id;
      const domain = guest === undefined ? undefined : machine.domain(guest);
      const vcpu = domain?.vcpus().find(({ isCurrent }) => isCurrent) ?? domain?.vcpus()[0];
      const state = vcpu?.look();
      let walk: Data['walk'];
      if (state && vcpu && guest !== undefined) {
        const typed = Number.parseInt(followed.value.replace(/^0x/i, ''), 16),
          linear = Number.isNaN(typed) ? state.linear(R.CS, state.regs[R.EIP]!) : typed >>> 0;
        const paging = state.regs[R.CR0]! < 0,
          isPv = domain!.type === 'pv',
          steps = walkOf(state, linear, guest, isPv);
        // Each entry in memory is reached by a guest-physical address, and so is what they lead to.
        const read = steps.filter(({ key, says }) => /^(PDE|PTE)$/.test(key) && says !== 'in a register').length;
        walk = {
          name: ownerName(guest),
          vcpu: vcpu.id,
          linear,
          mode: !paging
            ? words.paging.off
            : steps.some(({ key }) => key === 'PDPTE')
              ? words.paging.pae
              : words.paging.two,
          steps,
          isPv,
          cost: isPv ? '' : words.cost(read, read + 1),
        };
      }
      const grants = new Map(
        machine.domains().flatMap(({ id }) => {
          const table = grantsOf(machine.domain(id));
          return table
            ? [[id, { granted: table.entries.length, used: table.entries.filter(({ use }) => use).length }] as const]
            : [];
        }),
      );
      const granted = new Set(
        machine.domains().flatMap(({ id }) => {
          const its = machine.domain(id);
          const entries = (its && grantsOf(its)?.entries) ?? [];
          return entries.flatMap(({ type, frame }) => (type === 'access' ? [its?.p2m(frame)?.mfn ?? -1] : []));
        }),
      );
      return {
        ...cellsOf(machine),
        grants,
        walk,
        machine,
        guest,
        granted,
        tables: state?.tables() ?? new Set<number>(),
      };
    },
  };
}

/** The chosen MiB: a key is `m` and its number, `f` and a frame's, or a step's. */
function chosenCell({ chosen, data }: Shown<Data>): number {
  if (/^m\d+$/.test(chosen)) return Number(chosen.slice(1));
  const mfn = /^f\d+$/.test(chosen) ? Number(chosen.slice(1)) : Number(data.walk?.steps.at(-1)?.key.slice(1));
  return Number.isNaN(mfn) ? 0 : mfn >> 8;
}

/** Of each MiB the frames that the map's view is about. */
function countsOf({ machine, frames, tables, granted }: Data, what: Exclude<View, 'owner'>): Uint16Array {
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

/** The map: a cell a MiB, and from the chosen one lines between the cells to its frames below. */
function MemoryMap(shown: Shown<Data> & { cell: number; counts: Uint16Array | undefined }) {
  const {
      data: { cells },
      choose,
      cell,
      counts,
    } = shown,
    top = counts ? Math.max(1, ...counts) : 1,
    isPhone = narrow.value;
  const across = cells.length > FEW && !isPhone ? 64 : 32,
    side = across === 64 || isPhone ? 10 : 20,
    rows = Math.ceil(cells.length / across),
    high = side < LETTER ? side : rows > FEW_ROWS ? 12 : 16;
  const wide = across * side - GAP,
    tall = rows * high,
    labelled = Math.max(1, Math.ceil(16 / high)),
    tiles = side < LETTER ? 2 : 3,
    column = cell % across,
    row = Math.floor(cell / across);
  const x = (i: number): number => (i % across) * side,
    y = (i: number): number => Math.floor(i / across) * high + GAP / 2;
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowRight: cell + 1, ArrowLeft: cell - 1, ArrowDown: cell + across, ArrowUp: cell - across }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    choose(`m${Math.max(0, Math.min(cells.length - 1, to))}`);
  };
  const onClick = (event: MouseEvent): void => {
    const box = (event.currentTarget as SVGSVGElement).getBoundingClientRect(),
      scale = (LEFT + wide) / box.width;
    const at = Math.floor(((event.clientX - box.left) * scale - LEFT) / side),
      line = Math.floor(((event.clientY - box.top) * scale - HEAD) / high);
    if (at >= 0 && at < across && line >= 0 && line * across + at < cells.length) choose(`m${line * across + at}`);
  };
  const runs: { from: number; to: number; owner: number }[] = [];
  cells.forEach(({ owner }, i) => {
    const last = runs.at(-1);
    if (last && last.owner === owner && i % across !== 0) last.to = i;
    else runs.push({ from: i, to: i, owner });
  });
  // Who owns most of no cell would not be seen at all: a stripe of theirs is.
  const large = new Set(cells.map(({ owner }) => owner)),
    small = new Set(
      cells.flatMap(({ parts = [] }) => parts.map(([owner]) => owner)).filter(owner => owner >= 0 && !large.has(owner)),
    );
  /** A row's short run between others has its colour alone, unless its owner has no longer one. */
  const named = new Set(runs.filter(({ from, to }) => to - from > 1).map(({ owner }) => owner));
  const Fill = ({ owner, from, width }: { owner: number; from: [x: number, y: number]; width: number }) => (
    <g class={classOf(owner)}>
      <rect x={from[0]} y={from[1]} width={width} height={high - GAP} class="own" />
      {owner >= 0 && owner !== XEN && (
        <rect x={from[0]} y={from[1]} width={width} height={high - GAP} fill={`url(#own-${owner % HATCHES.length})`} />
      )}
    </g>
  );
  return (
    <svg
      viewBox={`${-LEFT} ${-HEAD} ${LEFT + wide} ${HEAD + tall + ZOOM}`}
      class={`memsvg${counts ? ' faded' : ''}`}
      tabIndex={0}
      role="img"
      aria-label={`${words.map}. MiB ${cell}: ${ownerName(cells[cell]!.owner)}`}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <defs>
        {HATCHES.map((lines, i) => (
          <pattern
            key={i}
            id={`own-${i}`}
            x={-GAP / 2}
            width={side / tiles}
            height={high / tiles}
            patternUnits="userSpaceOnUse"
          >
            <path d={lines(side / tiles, high / tiles)} class="hatch" />
          </pattern>
        ))}
      </defs>
      {[0, 8, 16, 24].map(
        mib =>
          Math.abs((mib * across) / 32 - column) * side > 50 && (
            <text key={mib} x={(mib * wide) / 32 + 1} y="-5" class="m">
              +{(mib * across) / 32}
            </text>
          ),
      )}
      {Array.from(
        { length: rows },
        (_, each) =>
          each % labelled === 0 &&
          Math.abs(each - row) * high > 14 && (
            <text key={each} x="-9" y={each * high + high / 2 + 4} text-anchor="end" class="m">
              {each * across} M
            </text>
          ),
      )}
      {runs.map(({ from, to, owner }) => (
        <Fill key={from} owner={owner} from={[x(from), y(from)]} width={(to - from + 1) * side - GAP} />
      ))}
      {cells.map(({ parts }, i) => {
        let before = 0;
        return parts?.map(([owner, frames]) => {
          const at = before;
          before += frames;
          return !small.has(owner) ? undefined : (
            <Fill
              key={`${i}.${owner}`}
              owner={owner}
              from={[x(i) + (at / FRAMES) * (side - GAP), y(i)]}
              width={Math.max(1.2, (frames / FRAMES) * (side - GAP))}
            />
          );
        });
      })}
      {counts &&
        cells.map(
          ({ owner }, i) =>
            counts[i]! > 0 && (
              <rect
                key={i}
                x={x(i)}
                y={y(i)}
                width={side - GAP}
                height={high - GAP}
                class={`cnt ${classOf(owner)}`}
                fill-opacity={0.25 + 0.75 * Math.sqrt(counts[i]! / top)}
              />
            ),
        )}
      <path
        d={Array.from({ length: across - 1 }, (_, i) => `M${(i + 1) * side - GAP / 2} 0v${rows * high}`).join('')}
        stroke="var(--bg)"
        stroke-width={GAP}
      />
      {runs.map(
        ({ from, to, owner }) =>
          owner >= 0 &&
          side >= LETTER &&
          (to - from > 1 || !named.has(owner)) &&
          (to - from + 1) * side > plateOf(owner).length * 7 + 8 && (
            <g key={from} class={classOf(owner)}>
              <rect
                x={x(from) + 2.5}
                y={y(from) + (high - GAP) / 2 - 5.5}
                width={plateOf(owner).length * 7 + 5}
                height="11"
                rx="2"
                class="plate"
              />
              <text x={x(from) + 5} y={y(from) + (high - GAP) / 2 + 3.7} class="m pl">
                {plateOf(owner)}
              </text>
            </g>
          ),
      )}
      <g class="lead">
        <path
          d={`M${column * side - GAP / 2} ${tall}L0 ${tall + ZOOM}H${wide}L${(column + 1) * side - GAP / 2} ${tall}z`}
          class="fan"
        />
        <path
          d={`M${column * side - GAP / 2} ${(row + 1) * high}V${tall}L0 ${tall + ZOOM}M${(column + 1) * side - GAP / 2} ${(row + 1) * high}V${tall}L${wide} ${tall + ZOOM}`}
        />
      </g>
      <rect x={column * side - GAP / 2} y={row * high} width={side} height={high} rx="1.5" class="here" />
      <g class="at">
        <text x="-9" y={y(cell) + (high - GAP) / 2 + 4} text-anchor="end" class="m">
          {row * across} M
        </text>
        <text x={x(cell) + (side - GAP) / 2} y="-5" text-anchor="middle" class="m">
          +{column}
        </text>
      </g>
    </svg>
  );
}

/** What a frame is seen to be; the first that holds. */
type Kind = 'pt' | 'gr' | 'wr' | 'cd' | 'no' | '';
const kindOf = ({ mfn, owner, type, writers, code }: FrameState, { tables, granted }: Data): Kind =>
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
const KINDS: readonly (readonly [Kind, string])[] = [
  ['', words.plain],
  ['cd', words.translated],
  ['pt', words.table],
  ['gr', words.lent],
  ['wr', words.granted],
  ['no', words.free],
];

function Figure(shown: Shown<Data>) {
  const { data, choose, chosen } = shown,
    { machine, walk } = data,
    cell = Math.min(chosenCell(shown), data.cells.length - 1),
    end = walk?.steps.at(-1)?.key,
    shownKey = shownStep(shown)?.key;
  const problem = useSignal('');
  const frames = Array.from({ length: FRAMES }, (_, i) => machine.frame(cell * FRAMES + i)).filter(
    (each): each is FrameState => each !== undefined,
  );
  const kinds = frames.map(frame => kindOf(frame, data)),
    counts = view.value === 'owner' ? undefined : countsOf(data, view.value);
  const follow = (text: string): void => {
    if (text.trim() !== '' && !/^(0x)?[0-9a-f]{1,8}$/i.test(text.trim())) {
      problem.value = words.wrong;
      return;
    }
    problem.value = '';
    followed.value = text.trim();
  };
  return (
    <div class="mem">
      <div class="memw">
        <MemoryMap {...shown} cell={cell} counts={counts} />
        <div class="strip-f">
          <b class="m">{cell} M</b>
          <div class="frames" role="group" aria-label={words.frames(cell * FRAMES)}>
            {frames.map((frame, i) => (
              <button
                key={frame.mfn}
                tabIndex={-1}
                class={`fr ${kinds[i]} ${classOf(frame.owner)}${`f${frame.mfn}` === end ? ' end' : ''}${`f${frame.mfn}` === chosen ? ' on' : ''}`}
                aria-label={`${words.frame(frame.mfn)}, ${ownerName(frame.owner)}`}
                onClick={() => choose(`f${frame.mfn}`)}
              />
            ))}
          </div>
        </div>
        <div class="legend">
          <span>{words.frames(cell * FRAMES)}</span>
          {KINDS.filter(([kind]) => kinds.includes(kind)).map(([kind, name]) => (
            <span key={name}>
              <i class={`fr ${kind} ${classOf(data.cells[cell]!.owner)}`} />
              {name}
            </span>
          ))}
          {[...new Set(frames.map(({ owner }) => owner))]
            .filter(owner => owner !== data.cells[cell]!.owner)
            .map(owner => (
              <span key={owner}>
                <i class={`fr ${classOf(owner)}`} />
                {ownerName(owner)}
              </span>
            ))}
          {frames.some(({ mfn }) => `f${mfn}` === end) && (
            <span>
              <i class="fr end" />
              {words.ends}
            </span>
          )}
          {counts && (
            <span class="b">
              {words.shade(
                view.value === 'tables' ? words.counted.tables(walk?.name ?? '–') : words.counted[view.value as 'code'],
                counts.reduce((sum, n) => sum + n, 0),
                Math.max(...counts),
              )}
            </span>
          )}
        </div>
      </div>
      <div class="idet">
        <Detail {...shown} />
      </div>
      <section class="walkp">
        <div class="row wrap">
          <h3>{words.walk}</h3>
          {walk ? (
            <>
              <label class="in s">
                <TypedInput
                  type="text"
                  aria-label={words.linear}
                  placeholder={hex(walk.linear)}
                  value={followed.value}
                  commit={follow}
                />
                <span class="u">
                  {words.linear} {words.of(walk.name, walk.vcpu)}
                </span>
              </label>
              <span class="sec">
                {walk.mode}
                {walk.mode === words.paging.off ? '' : walk.isPv ? words.after.pv : words.after.hvm}
              </span>
              <span class="grow" />
              <span class="sec">{walk.cost}</span>
            </>
          ) : (
            <span class="sec">{words.noGuest}</span>
          )}
          {problem.value && (
            <span class="tag bad" role="alert">
              {problem.value}
            </span>
          )}
        </div>
        {walk && (
          <ol class={`split ${walk.steps[0]!.owner}`} aria-label={words.linear}>
            {partsOf(walk).map(({ name, bits, value }) => (
              <li key={name} style={`flex:${bits} 1 0`}>
                <b>0x{value.toString(16).padStart(Math.ceil(bits / 4), '0')}</b>{' '}
                <span>
                  {TABLES[name] ?? name}, {words.bits(bits)}
                </span>
              </li>
            ))}
          </ol>
        )}
        {walk && (
          <ol class="walk">
            {walk.steps.map((step, i) => (
              <li
                key={step.key}
                class={`${step.owner}${step.isFault ? ' fault' : ''}${i === walk.steps.length - 1 && !step.isFault ? ' last' : ''}${shownKey === step.key ? ' on' : ''}`}
              >
                <button class="pickrow" aria-pressed={shownKey === step.key} onClick={() => choose(step.key)}>
                  <small>{step.title}</small>
                  <b>{step.value}</b>
                  <span>{step.says}</span>
                </button>
              </li>
            ))}
          </ol>
        )}
      </section>
    </div>
  );
}

/** Who owns how much of the machine, and below it what was chosen. */
function Detail(shown: Shown<Data>) {
  const { data, chosen, choose } = shown;
  const step = shownStep(shown),
    frame = /^f\d+$/.test(chosen) ? data.machine.frame(Number(chosen.slice(1))) : undefined;
  const flags =
    frame &&
    [
      frame.device && words.device,
      frame.code && words.code,
      frame.xen && words.xen,
      frame.pinned && 'pinned',
      frame.validated && 'validated',
    ]
      .filter(Boolean)
      .join(', ');
  return (
    <>
      <div class="seg views" role="group" aria-label={words.show}>
        {(Object.keys(words.views) as View[]).map(each => (
          <button
            key={each}
            aria-pressed={view.value === each}
            onClick={() => {
              view.value = each;
            }}
          >
            {words.views[each]}
          </button>
        ))}
      </div>
      <section>
        <h3>{words.who}</h3>
        <table class="owns">
          <thead>
            <tr>
              {words.columns.map((name, i) => (
                <th key={name} class={i > 0 ? 'num' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.counts.map(([owner, count]) => (
              <tr key={owner} class={owner === data.guest ? 'b sel' : ''}>
                <td class={classOf(owner)}>
                  <i class={`m own-id${owner < 0 ? ' chip' : ''}`}>{plateOf(owner)}</i>
                  {ownerName(owner)}
                  {owner === 0 && (
                    <span class="sec" title={words.dom0Hint}>
                      {' '}
                      {words.dom0}
                    </span>
                  )}
                </td>
                <td class="m num">{(count / FRAMES).toFixed(1)}</td>
                <td class="m num">{data.grants.get(owner)?.granted}</td>
                <td class="m num">{data.grants.get(owner)?.used}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {frame ? (
        <section>
          <h3>{words.frame(frame.mfn)}</h3>
          <dl class="kv">
            <dt>{words.owner}</dt>
            <dd class="plain">
              <i class={`chip ${classOf(frame.owner)}`} /> {ownerName(frame.owner)}
            </dd>
            <dt>{words.references}</dt>
            <dd>{frame.references}</dd>
            <dt>{words.type}</dt>
            <dd>{frame.type}</dd>
            <dt>{words.uses}</dt>
            <dd>{frame.uses}</dd>
            <dt>{words.granted}</dt>
            <dd>{frame.writers}</dd>
            {frame.m2p >= 0 && (
              <>
                <dt>{words.m2p}</dt>
                <dd>0x{frame.m2p.toString(16)}</dd>
              </>
            )}
            {flags && (
              <>
                <dt>{words.flags}</dt>
                <dd class="plain">{flags}</dd>
              </>
            )}
          </dl>
        </section>
      ) : step ? (
        <section>
          <h3>{step.title}</h3>
          <p>
            <span class="m">{step.value}</span> <span class="sec">{step.says}</span>
          </p>
          {step.bits.length > 0 && (
            <table class="bitst">
              <tbody>
                {step.bits.map(([bit, value, says]) => (
                  <tr key={bit} class={value === '0' ? 'out' : ''}>
                    <td class="m">{bit}</td>
                    <td class="m b">{value}</td>
                    <td class="sec">{says}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {step.key === 'stage' && data.walk?.steps.at(-1)?.key.startsWith('f') && (
            <button class="btn sm" onClick={() => choose(data.walk!.steps.at(-1)!.key)}>
              {words.steps.machine}
            </button>
          )}
        </section>
      ) : (
        <p class="cap-t">{words.caption}</p>
      )}
    </>
  );
}

function why({ data, chosen }: Shown<Data>): Why {
  const frame = /^f\d+$/.test(chosen) ? data.machine.frame(Number(chosen.slice(1))) : undefined;
  const walk = data.walk,
    fault = walk?.steps.find(({ isFault }) => isFault);
  if (frame && frame.owner >= 0)
    return frame.type !== 'NONE' && frame.type !== 'WRITABLE' && frame.uses > 0
      ? {
          question: 'Why may its owner not write it?',
          answer: `The frame is in use as ${frame.type}, so Xen lets nobody write it directly: else a paravirtual guest could map a frame that is not its own.`,
          source: 'xen/include/asm-x86/mm.h, PGT_*',
        }
      : {
          question: 'Why do references count?',
          answer: `A frame goes back to the allocator when its last reference has gone; one is its owner’s, and each mapping by another domain holds one more. This one has ${frame.references}.`,
          source: 'xen/include/asm-x86/mm.h, PGC_count_mask',
        };
  if (fault)
    return {
      question: 'Why does it end there?',
      answer:
        fault.key === 'stage'
          ? 'The guest’s own tables lead to a guest frame behind which Xen has put no memory: an access exits, and a device or Xen answers.'
          : 'This entry is not present: an access there is a page fault, which the guest’s own kernel handles.',
      source: 'Intel SDM vol. 3, 4.7',
    };
  if (walk && walk.mode === words.paging.off)
    return {
      question: 'Why so few steps?',
      answer:
        'The guest has paging off, so a linear address is a guest-physical one. Xen’s second stage is there all the same: it alone knows the machine frame.',
      source: 'Intel SDM vol. 3, 28.3',
    };
  if (walk?.isPv)
    return {
      question: 'Why the same frame?',
      answer:
        'A paravirtual guest’s page tables name machine frames themselves: Xen has checked each entry before it was used. The last look only asks whether the guest may have the frame.',
      source: 'xen/include/public/xen.h, mmu_update',
    };
  return {
    question: 'Why two walks?',
    answer:
      'The guest’s own tables end in a guest frame. Only Xen’s second stage knows which machine frame stands behind it, so each of the guest’s steps is looked up there, too.',
    source: 'Intel SDM vol. 3, 28.3',
  };
}

export const Memory = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  why,
  tables: ({ counts, cells, grants, walk }) => [
    {
      name: words.who,
      columns: [words.owner, words.frameCount, ...words.columns.slice(1)],
      rows: counts.map(([owner, count]) => [
        ownerName(owner),
        count,
        count / FRAMES,
        grants.get(owner)?.granted ?? 0,
        grants.get(owner)?.used ?? 0,
      ]),
    },
    {
      name: words.walk,
      columns: ['Step', 'Value', 'What it says'],
      rows: walk?.steps.map(({ title, value, says }) => [title, value, says]) ?? [],
    },
    {
      name: 'MiB by owner',
      columns: ['MiB', 'Most of it', 'Several owners'],
      rows: cells.map(({ owner, parts }, i) => [i, ownerName(owner), parts ? 'yes' : 'no']),
    },
  ],
});
