/**
 * How control goes from the interpreter into regions, from region to region, and back. Wide code does little else: a shell goes from one to the next every fifty
 * instructions. So this is one closure over what it needs, which V8 takes for constants where there is one processor in a worker: as fields of an object each of the
 * tables cost five loads and a check, again after each call.
 */
import { EIP } from '../architecture/registers.ts';
import type { Cpu } from '../cpu.ts';
import { META, META_LENGTH, OP } from '../record.ts';
import type { Op } from '../ops/context.ts';
import { OP_ENTRY } from '../record-writer.ts';
import { GO, JUMP, S_BUDGET, S_LOST, S_PAGE_EIP, S_STOP, S_USER, STALE } from '../scratch.ts';

/** Word of a record behind META: which region it leads to. */
export const REGION = META + 1;
/** Places that regions led to lately, by a hash of their linear address. */
const LATELY = 2048;

/** A region that can be entered. */
export interface Enterable {
  /** False: it is gone. */
  live: boolean;
  /** The record's own op. */
  own: Op;
}

/** What its owner does when control came back. */
export interface Back<Region extends Enterable> {
  /** The record `p` led into the region; this many instructions ran until control came back, in other regions too. */
  visited(p: number, region: Region, ran: number): void;
  /** A region led to record `q`, which leads to none. Null: it is gone. */
  left(q: number, region: Region | null): void;
  /** Region `index` was entered, and did nothing. */
  didNothing(index: number): void;
}

/** The regions by number, and what entering them needs. */
export class RegionTable<Region extends Enterable> {
  readonly regions: (Region | null)[];
  readonly functions: (() => void)[];
  /** Most instructions up to the first test of the budget behind the entry. */
  readonly longest: Int32Array;
  /** Instructions that each ran since the epoch began. */
  readonly recent: Int32Array;
  /** Where in the tables of records those begin that followed another lately, and their numbers: these tables are large, and a look-up there waits for memory. */
  readonly lately = new Int32Array(2 * LATELY).fill(-1);
  /** A region went: perhaps the one that runs. */
  changed = false;
  private readonly free: number[] = [];

  /** `most`: regions at once. */
  constructor(most: number) {
    this.regions = new Array<Region | null>(most).fill(null);
    this.functions = new Array<() => void>(most).fill(() => {});
    this.longest = new Int32Array(most);
    this.recent = new Int32Array(most);
    for (let index = most - 1; index >= 0; index--) this.free.push(index);
  }

  /** A number that no region has. There is one. */
  take(): number {
    return this.free.pop()!;
  }
  /** It is not used after all, or no more. */
  give(index: number): void {
    const { lately } = this;
    this.regions[index] = null;
    for (let slot = 0; slot < 2 * LATELY; slot += 2)
      if (lately[slot + 1] === index) lately[slot] = lately[slot + 1] = -1;
    this.free.push(index);
  }
}

/** The op of records that lead to regions, which counts what they retire: runs the record `p`, of which one instruction was taken from the budget, and whatever regions follow. */
export function createEntry<Region extends Enterable>(
  cpu: Cpu,
  table: RegionTable<Region>,
  statistics: { retired: number },
  back: Back<Region>,
): Op {
  const {
      A,
      R,
      S,
      mode,
      tlb: { CP },
      code: { PM },
    } = cpu,
    { regions, functions, longest, recent, lately } = table;
  return function enterRegion(_, p) {
    const first = A[p + REGION]!,
      region = regions[first]!;
    let index = first,
      left = S[S_BUDGET]! + 1,
      ran = 0;
    while (left >= longest[index]!) {
      S[S_BUDGET] = left;
      functions[index]!();
      const done = left - S[S_BUDGET]! - S[S_LOST]!;
      S[S_LOST] = 0;
      recent[index]! += done;
      ran += done;
      if (done === 0) {
        back.didNothing(index);
        break;
      }
      left = S[S_BUDGET]!;
      if (S[S_STOP] !== GO) {
        if (S[S_STOP] !== JUMP) {
          statistics.retired += ran;
          return;
        }
        S[S_STOP] = GO;
      }
      const eip = R[EIP]!,
        linear = (eip + mode.csBase) | 0,
        at = linear & 4095;
      const place = CP[(linear >>> 12) + S[S_USER]!]! + at,
        slot = ((linear ^ (linear >>> 11)) & (LATELY - 1)) << 1;
      if (lately[slot] === place && eip >>> 0 <= mode.csLimit) index = lately[slot + 1]!;
      else {
        const q = PM[place]!;
        if (q === 0 || A[q + OP] !== OP_ENTRY || eip >>> 0 > mode.csLimit) {
          S[S_STOP] = JUMP;
          back.visited(p, region, ran);
          if (q !== 0) back.left(q, regions[index] ?? null);
          return;
        }
        index = A[q + REGION]!;
        lately[slot] = place;
        lately[slot + 1] = index;
      }
      S[S_PAGE_EIP] = (eip - at) | 0;
    }
    back.visited(p, region, ran);
    if (index !== first || left === 0 || !region.live) {
      // An op may run only from its own record, and while the budget lasts.
      S[S_BUDGET] = left;
      S[S_STOP] = JUMP;
      return;
    }
    S[S_BUDGET] = left - 1;
    region.own(cpu, p);
  };
}

/**
 * What runs the record `p` for a region, which has put everything in the state. True: the region is to be left, EIP says where to; S_STOP says if the interpreter
 * is to be left too.
 */
export function createCall(cpu: Cpu, table: { changed: boolean }): (p: number) => boolean {
  const {
    A,
    R,
    S,
    tlb,
    writer: { functions },
  } = cpu;
  return function call(p) {
    const budget = S[S_BUDGET]!,
      { changes } = tlb;
    table.changed = false;
    functions[A[p + OP]!]!(cpu, p);
    const stop = S[S_STOP]!;
    if (stop === GO && S[S_BUDGET] === budget && !table.changed && tlb.changes === changes) return false;
    S[S_LOST] = budget - S[S_BUDGET]!;
    if (stop === GO || stop === STALE) {
      S[S_STOP] = GO;
      R[EIP] = (R[EIP]! + ((A[p + META]! >>> META_LENGTH) & 15)) | 0;
    }
    return true;
  };
}
