/** The way of a linear address: through the guest's tables to a guest frame, and through the hypervisor's second stage to the machine's. */

import {
  registers as R,
  SHADOW_DEVICE_HIGH,
  SHADOW_LARGE,
  SHADOW_WRITE_IS_OURS,
  wideOf,
} from '../../../cpu/architecture/index.ts';
import type { VcpuState } from '../../../hypervisor/view/index.ts';
import { ownerClass } from '../../owners.ts';
import { hypervisorWords, words } from './words.ts';

/** What the tables are, from the top. */
export const TABLES: Readonly<Record<string, string>> = {
  PML4E: 'PML4',
  PDPTE: 'PDPT',
  PDE: 'directory',
  PTE: 'table',
};
const isLevel = (key: string): boolean => Object.hasOwn(TABLES, key);

type Mode = 'two' | 'pae' | 'four';
/** Which bits of a linear address choose a table's entry: from which on, and how many (SDM vol. 3, 4.3 to 4.5). */
const FIELDS: Readonly<Record<Mode, Readonly<Record<string, readonly [from: number, bits: number]>>>> = {
  two: { PDE: [22, 10], PTE: [12, 10] },
  pae: { PDPTE: [30, 2], PDE: [21, 9], PTE: [12, 9] },
  four: { PML4E: [39, 9], PDPTE: [30, 9], PDE: [21, 9], PTE: [12, 9] },
};
const PAGE_BITS = 12,
  MIB = 2 ** 20;
/** The level at the top tells the mode. */
const modeOf = (top: string | undefined): Mode => (top === 'PML4E' ? 'four' : top === 'PDPTE' ? 'pae' : 'two');

/** Bits of an address from `from` on. */
function field(linear: number, from: number, bits: number): number {
  const rest = Math.floor(linear / 2 ** from) % 2 ** bits;
  return rest < 0 ? rest + 2 ** bits : rest;
}

/** A word of an entry, which may have a sign, or a guest-physical address of up to 36 bits. */
const hex = (value: number, digits = 8): string => (value < 0 ? value >>> 0 : value).toString(16).padStart(digits, '0');

export interface Step {
  key: string;
  title: string;
  value: string;
  says: string;
  owner: string;
  bits: readonly (readonly [string, string, string])[];
  isFault?: true;
}
/** The way of `linear`, an address of vCPU `vcpu` of the guest `name`. */
export interface Walk {
  name: string;
  vcpu: number;
  linear: number;
  mode: string;
  steps: Step[];
  /** Of a guest with shadow page tables: what the processor walks in their place. */
  shadow?: Step[];
  /** The guest's page tables name machine frames. */
  namesFrames: boolean;
  cost: string;
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

/** Bit 0 of an entry. */
const PRESENT = 1;
/** Bit 63, in an entry's upper half. */
const NX = 1 << 31;
/** A page of a directory's entry, with no table below it: bit 7 is in force (SDM vol. 3, 4.3 and 4.4). */
const LARGE = 128;

/** What a walk needs of a vCPU. */
type Walked = Pick<VcpuState, 'regs' | 'translate' | 'shadow'>;
type Translated = ReturnType<VcpuState['translate']>;

export function walkOf(
  state: Walked,
  linear: number,
  { id, name, vcpu, namesFrames }: { id: number; name: string; vcpu: number; namesFrames: boolean },
): Walk {
  const shadow = state.shadow(linear),
    steps = stepsOf(
      state,
      linear,
      id,
      namesFrames ? hypervisorWords().p2m : shadow ? words.steps.secondStage : words.steps.stage,
    ),
    isPaging = state.regs[R.CR0]! < 0;
  // Each entry in memory is reached by a guest-physical address, and so is what they lead to.
  const read = steps.filter(({ key, says }) => isLevel(key) && says !== words.inRegister).length;
  return {
    name,
    vcpu,
    linear,
    mode: words.paging[isPaging ? modeOf(steps[1]!.key) : 'off'],
    steps,
    ...(shadow ? { shadow: shadowSteps(shadow) } : {}),
    namesFrames,
    cost: namesFrames ? '' : shadow ? words.shadowCost(shadow.length) : words.cost(read, read + 1),
  };
}

/** The processor's way: entries with PAE's format in machine frames, whatever the guest's tables are. */
function shadowSteps(entries: ReturnType<VcpuState['shadow']> & object): Step[] {
  const steps = entries.map(({ level, machine, low, high }): Step => {
    const isThere = (low & PRESENT) !== 0,
      isLeaf = level === 1;
    return {
      key: `s${level}`,
      title: words.shadowLevels[level - 1]!,
      value: `0x${high === 0 ? '' : hex(high, 1)}${hex(low)}`,
      says: `${isThere ? (isLeaf ? shadowLeaf(low, high) : words.shadowTable) : words.shadowEmpty}; at 0x${hex(machine)}`,
      owner: 'c-hv',
      bits: entryBits(low),
      ...(isThere ? {} : { isFault: true as const }),
    };
  });
  const leaf = entries.at(-1);
  if (leaf?.level !== 1 || (leaf.low & PRESENT) === 0 || (leaf.high & SHADOW_DEVICE_HIGH) !== 0) return steps;
  const mfn = leaf.low >>> PAGE_BITS;
  return [
    ...steps,
    {
      key: `f${mfn}`,
      title: words.steps.machine,
      value: `frame 0x${mfn.toString(16)}`,
      says: words.shadowEnds,
      owner: 'c-hw',
      bits: [],
    },
  ];
}

/** What the rights of a leaf are, and what of them are the hypervisor's own. */
const shadowLeaf = (low: number, high: number): string =>
  [
    (high & SHADOW_DEVICE_HIGH) !== 0 ? words.shadowDevice : entryWords(low),
    low & SHADOW_WRITE_IS_OURS ? words.shadowReadOnly : '',
    low & SHADOW_LARGE ? words.shadowLarge : '',
    high & NX ? 'no execute' : '',
  ]
    .filter(Boolean)
    .join(', ');

/** `stage`: what is between the guest's frames and the machine's. */
function stepsOf(state: Walked, linear: number, id: number, stage: string): Step[] {
  const { regs } = state,
    translated = state.translate(linear),
    { entries, physical, error } = translated,
    owner = ownerClass(id),
    isPaging = regs[R.CR0]! < 0;
  return [
    {
      key: 'cr3',
      title: words.steps.cr3,
      value: isPaging ? `0x${hex(wideOf(regs, R.CR3))}` : '–',
      says: isPaging ? 'points to the top level' : words.paging.off,
      owner,
      bits: [],
    },
    ...entries.map(entry => ({ ...entryStep(entry, linear, translated), owner })),
    ...(physical < 0
      ? []
      : [
          {
            key: 'physical',
            title: words.steps.physical,
            value: `frame 0x${Math.floor(physical / 4096).toString(16)}`,
            says: `address 0x${hex(physical)}${error >= 0 ? `; a read now: #PF ${error}` : ''}`,
            owner,
            bits: [],
          },
          ...secondStageSteps(translated, stage),
        ]),
  ];
}

/** One entry of the guest's own tables. */
function entryStep(
  { level, physical: at, low, high }: Translated['entries'][number],
  linear: number,
  { entries, physical }: Translated,
): Omit<Step, 'owner'> {
  const [from, bits] = FIELDS[modeOf(entries[0]!.level)][level]!,
    isLarge = from > PAGE_BITS && (low & LARGE) !== 0 && entries.at(-1)!.level === level && physical >= 0;
  return {
    key: level,
    title: `${TABLES[level]} [0x${field(linear, from, bits).toString(16)}]`,
    value: `0x${high & ~NX ? hex(high & ~NX, 1) : ''}${hex(low)}`,
    says:
      at < 0
        ? words.inRegister
        : isLarge
          ? words.large(2 ** from / MIB)
          : `${entryWords(low)}${high & NX ? ', no execute' : ''}; at 0x${hex(at)}`,
    bits: [...(high & NX ? [['63', '1', 'XD: not executed'] as const] : []), ...entryBits(low)],
    ...((low & 1) === 0 ? { isFault: true as const } : {}),
  };
}

/** From the guest's frame to the machine's, as the hypervisor has it. */
function secondStageSteps({ physical, secondStage, machine }: Translated, title: string): Step[] {
  const rights = `${secondStage & 1 ? 'r' : '-'}${secondStage & 2 ? 'w' : '-'}${secondStage & 4 ? 'x' : '-'}`,
    frame = `0x${(machine >>> 12).toString(16)}`;
  const stage: Step = {
    key: 'stage',
    title,
    value: machine < 0 ? '–' : rights,
    says:
      machine < 0
        ? secondStage === 0
          ? 'no memory there: an exit'
          : 'is populated on demand'
        : `0x${Math.floor(physical / 4096).toString(16)} → ${frame}`,
    owner: 'c-hv',
    bits: [
      ['0', String(secondStage & 1), 'read'],
      ['1', String((secondStage >>> 1) & 1), 'write'],
      ['2', String((secondStage >>> 2) & 1), 'execute'],
    ],
    ...(machine < 0 ? { isFault: true as const } : {}),
  };
  if (machine < 0) return [stage];
  return [
    stage,
    {
      key: `f${machine >>> 12}`,
      title: words.steps.machine,
      value: `frame ${frame}`,
      says: `address 0x${hex(machine)}`,
      owner: 'c-hw',
      bits: [],
    },
  ];
}

/** The parts of a linear address by the step that each leads: as many bits as its table has entries for, the rest within the page. */
export function partsOf({
  linear,
  steps,
}: Pick<Walk, 'linear' | 'steps'>): { name: string; bits: number; value: number }[] {
  const levels = steps.map(({ key }) => key).filter(isLevel),
    fields = FIELDS[modeOf(levels[0])],
    left = levels.length === 0 ? 32 : fields[levels.at(-1)!]![0];
  const parts = levels.map(name => {
    const [from, bits] = fields[name]!;
    return { name, bits, value: field(linear, from, bits) };
  });
  return [
    ...parts,
    {
      name: levels.length === 0 ? words.linearBits : words.offset,
      bits: left,
      value: field(linear, 0, left),
    },
  ];
}
