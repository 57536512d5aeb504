/**
 * Windows: pages that registers point into from the moment control enters a region. Most of what compiled code reads and writes lies at a constant distance from
 * ESP, from a frame or from a structure. So a region asks the TLB once, at its entry, for the page that such a register points into; an access that lies there
 * is then a load or a store of machine memory without look-up, and without a way out of the region, which would keep registers and flags alive.
 *
 * What makes that right: nothing inside a region takes an entry from the TLB, but for what it calls, and behind that the region is left (`call` in tier.ts).
 */
import { EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP } from '../architecture/registers.ts';
import { memoryOf } from '../gen/emitter.ts';
import { isBasedOperand, operandBits, operandRegister } from '../table/operands.ts';
import type { EntryState } from '../architecture/regions.ts';
import type { Block, Instruction, Region } from './region.ts';
import { number } from './text.ts';
import { NO_FORM } from './units.ts';

/** A register's value when control entered, and this many bytes behind that. */
interface Place {
  register: number;
  distance: number;
}
/** Of each register where it is in terms of the entry's registers; null: nobody knows. */
type State = (Place | null)[];

interface Access extends Place {
  bytes: number;
  writes: boolean;
  weight: number;
}
/** Where an instruction's memory operand and its slot of the stack lie. */
interface Accesses {
  memory: Access | null;
  stack: Access | null;
}

/** An access in a loop counts as this many; a window is worth its look-up for this many accesses. */
const IN_LOOP = 4,
  WORTH = 3;

/** Ops that may have no description here (a prefix, an operand), and the registers that each sets next to its explicit operands. */
const STRING = [ECX, ESI, EDI],
  ACCUMULATOR = [EAX, EDX],
  NO_MORE: readonly number[] = [];
const SETS: Record<string, readonly number[]> = {
  div: ACCUMULATOR,
  idiv: ACCUMULATOR,
  cmpxchg: ACCUMULATOR,
  cmpxchg8b: ACCUMULATOR,
  rdtsc: ACCUMULATOR,
  rdtscp: [...ACCUMULATOR, ECX],
  cpuid: [...ACCUMULATOR, ECX, EBX],
  movs: STRING,
  stos: STRING,
  cmps: STRING,
  scas: STRING,
  lods: [...STRING, EAX],
};
for (const op of 'xadd add or adc sbb and sub xor cmp test inc dec neg not bt bts btr btc xchg shld shrd mov movzx movsx invlpg mfence lfence sfence pause prefetch clflush cli sti'.split(
  ' ',
))
  SETS[op] = NO_MORE;
/** Of what CPUID has a feature for: FNSTSW AX, PCMPESTRI, XGETBV. */
const UNITS = [EAX, ECX, EDX];

const moved = (place: Place | null, by: number): Place | null =>
  place === null ? null : { register: place.register, distance: (place.distance + by) | 0 };
const same = (a: Place | null, b: Place | null): boolean =>
  a === b || (a !== null && b !== null && a.register === b.register && a.distance === b.distance);

/** What an instruction does to a register: it has what `from` had before, and `by` more; nobody knows what where `from` is NOWHERE. */
interface Effect {
  register: number;
  from: number;
  by: number;
}
const NOWHERE = -1,
  NOTHING: readonly Effect[] = [],
  PUSHES: readonly Effect[] = [{ register: ESP, from: ESP, by: -4 }],
  ALL: readonly Effect[] = [0, 1, 2, 3, 4, 5, 6, 7].map(register => ({ register, from: NOWHERE, by: 0 }));

/** In the order in which they are; a later one to the same register counts. */
function effectsOf({ form, decoded }: Instruction): readonly Effect[] {
  const { op, uses, places, bits } = form;
  const named = (operand: number): number => operandRegister(decoded.row!.operands[operand]!, decoded);
  const found: Effect[] = [];
  const set = (register: number, size: number, from = NOWHERE, by = 0): void => {
    found.push(
      size === 32 ? { register, from, by } : { register: size === 8 ? register & 3 : register, from: NOWHERE, by: 0 },
    );
  };
  if (form === NO_FORM) {
    const { op: name, feature, operands } = decoded.row!;
    if (name === 'pushf' && decoded.operandSize === 32) return PUSHES;
    const sets = SETS[name] ?? (feature !== undefined || name.startsWith('f') ? UNITS : null);
    if (sets === null) return ALL;
    for (const register of sets) set(register, 32);
    operands.forEach((code, operand) => {
      if (/^([GRZE]|AL|rAX)/.test(code)) set(named(operand), operandBits(code, 32));
    });
    return found;
  }
  if (uses.pushes) set(ESP, 32, ESP, -4);
  if (uses.drops) set(ESP, 32, op === 'leave' ? EBP : ESP, op === 'ret' ? 4 + decoded.immediate : 4);
  for (const [register, size] of uses.sets) set(register, size);
  for (const operand of uses.writes) {
    if (places[operand] !== 'r') continue;
    const register = named(operand),
      size = operand === 1 ? form.bits1 : bits,
      { immediate, base, index, displacement } = decoded;
    if (op === 'mov' && places === 'rr') set(register, size, named(1));
    else if (op === 'lea' && base >= 0 && index < 0) set(register, size, base, displacement);
    else if ((op === 'add' || op === 'sub') && places === 'ri')
      set(register, size, register, op === 'add' ? immediate : -immediate);
    else if (op === 'inc' || op === 'dec') set(register, size, register, op === 'inc' ? 1 : -1);
    else set(register, size);
  }
  return found.length === 0 ? NOTHING : found;
}

/** The registers behind an instruction of such effects. */
function behind(state: State, effects: readonly Effect[]): State {
  if (effects.length === 0) return state;
  const after = state.slice();
  for (const { register, from, by } of effects) after[register] = from === NOWHERE ? null : moved(state[from]!, by);
  return after;
}

/** The registers at the beginning of each block: what all ways there agree on. */
function states(
  { entry, blocks }: Region,
  effects: ReadonlyMap<Block, readonly (readonly Effect[])[]>,
): Map<Block, State> {
  const before = new Map<Block, State>([
    [entry, [0, 1, 2, 3, 4, 5, 6, 7].map(register => ({ register, distance: 0 }))],
  ]);
  const changed = new Set([entry]);
  while (changed.size > 0) {
    for (const block of blocks) {
      if (!changed.delete(block)) continue;
      const after = effects.get(block)!.reduce(behind, before.get(block)!);
      for (const to of block.successors.values()) {
        const known = before.get(to),
          merged = known === undefined ? after : known.map((place, i) => (same(place, after[i]!) ? place : null));
        if (known !== undefined && merged.every((place, i) => same(place, known[i]!))) continue;
        before.set(to, merged);
        if (effects.has(to)) changed.add(to);
      }
    }
  }
  return before;
}

/** What an instruction reads and writes at a constant distance from a register of the entry. */
function accesses(state: State, { form, decoded }: Instruction, weight: number): Accesses {
  const access = (place: Place | null, bytes: number, writes: boolean): Access | null =>
    place === null ? null : { register: place.register, distance: place.distance, bytes, writes, weight };
  const operand = memoryOf(form),
    { base, index, displacement } = decoded,
    { op, uses } = form;
  const memory =
    operand === null || (!operand.reads && !operand.writes) || base < 0 || index >= 0 || isBasedOperand(decoded)
      ? null
      : access(moved(state[base]!, displacement), operand.bits / 8, operand.writes);
  const stack = !uses.stack
    ? null
    : access(uses.pushes ? moved(state[ESP]!, -4) : state[op === 'leave' ? EBP : ESP]!, 4, uses.pushes);
  return { memory, stack };
}

/** Machine addresses, as text, of an instruction's memory operand and of its slot of the stack; null: the TLB is to be asked. */
export interface Reached {
  memory: string | null;
  stack: string | null;
}
const NOT_REACHED: Reached = { memory: null, stack: null };

/** The local that holds the machine address of what a register pointed to at the entry. */
const local = (register: number): string => `w${register}`;

/** The accesses of a region that go through windows, and the text that opens these where control enters. */
export class Windows {
  /** Names of the locals that `text` sets. */
  readonly locals: string[] = [];
  /** It leaves, with nothing done, where a register points to another place in its page than it may, or the TLB does not know that. '': there is none. */
  readonly text: string = '';
  private readonly reached = new Map<Block, Reached[]>();

  /** `entry`: the processor as it is, with control where the region begins; null: nobody knows, and there are no windows. */
  constructor(region: Region, entry: EntryState | null) {
    if (entry === null) return;
    const effects = new Map(region.blocks.map(block => [block, block.instructions.map(effectsOf)]));
    const before = states(region, effects),
      all = new Map<Block, Accesses[]>();
    // Nearly right where loops overlap, and no more than a weight.
    const loops = region.blocks.flatMap(block =>
      [...block.successors.values()].filter(to => to.order <= block.order).map(to => [to.order, block.order] as const),
    );
    for (const block of region.blocks) {
      const weight = loops.some(([first, last]) => first <= block.order && block.order <= last) ? IN_LOOP : 1;
      // Ways to it may have been cut (x87.ts).
      let state = before.get(block) ?? new Array<null>(8).fill(null);
      const own = effects.get(block)!;
      all.set(
        block,
        block.instructions.map((at, i) => {
          const found = accesses(state, at, weight);
          state = behind(state, own[i]!);
          return found;
        }),
      );
    }
    const by: Access[][] = [[], [], [], [], [], [], [], []],
      taken = new Set<Access>();
    for (const list of all.values()) {
      for (const { memory, stack } of list) {
        if (memory !== null) by[memory.register]!.push(memory);
        if (stack !== null) by[stack.register]!.push(stack);
      }
    }
    for (let register = 0; register < 8; register++) {
      if (by[register]!.length === 0) continue;
      const window = choose(by[register]!, entry.registers[register]!, entry);
      if (window === null) continue;
      for (const access of window.accesses) taken.add(access);
      this.locals.push(local(register));
      this.text += window.text;
    }
    if (taken.size === 0) return;
    const address = (access: Access | null): string | null =>
      access !== null && taken.has(access) ? `${local(access.register)} + ${number(access.distance)}` : null;
    for (const [block, list] of all)
      this.reached.set(
        block,
        list.map(({ memory, stack }) => ({ memory: address(memory), stack: address(stack) })),
      );
  }

  /** Of a block's instruction. */
  of(block: Block, index: number): Reached {
    return this.reached.get(block)?.[index] ?? NOT_REACHED;
  }
}

/** The accesses that lie in the page which most of a register's accesses lie in, and are aligned there, if they are worth a window; and the text that opens it. */
function choose(
  accesses: readonly Access[],
  value: number,
  { reads, writes }: EntryState,
): { accesses: readonly Access[]; text: string } | null {
  const aligned = accesses.filter(({ distance, bytes }) => ((value + distance) & (bytes - 1)) === 0);
  const pageOf = ({ distance }: Access): number => (value + distance) >>> 12,
    weights = new Map<number, number>();
  for (const access of aligned) weights.set(pageOf(access), (weights.get(pageOf(access)) ?? 0) + access.weight);
  const [page, weight] = [...weights].sort((a, b) => b[1] - a[1])[0] ?? [0, 0];
  if (weight < WORTH) return null;
  const inside = aligned.filter(access => pageOf(access) === page),
    stores = inside.some(access => access.writes);
  if (!(stores ? writes(page) : reads(page))) return null;
  const { register } = inside[0]!,
    w = local(register),
    r = `r${register}`,
    mask = Math.max(...inside.map(({ bytes }) => bytes)) - 1;
  const first = number(Math.min(...inside.map(({ distance }) => distance))),
    last = number(Math.max(...inside.map(({ distance, bytes }) => distance + bytes - 1)));
  const phase = mask === 0 ? '' : ` | ${(value & mask) === 0 ? r : `(${r} ^ ${value & mask})`} & ${mask}`;
  return {
    accesses: inside,
    text: `${w} = ${stores ? 'TW' : 'TR'}[((${r} + ${first}) >>> 12) + u]; if (((${w} & 3)${phase} | (${r} + ${first} ^ ${r} + ${last}) & -4096) !== 0) return; ${w} = (${w} ^ (${r} + ${first})) - ${first} | 0;
`,
  };
}
