/**
 * Which instructions make a region: blocks found breadth first from an entry along direct jumps and calls, without what only the interpreter runs; and their
 * order for structured code: reverse postorder, dominators, loops. A retreating edge whose target does not dominate its source is cut into an exit.
 */
import { formOf } from '../gen/forms.ts';
import type { Form } from '../gen/emitter.ts';
import type { Features } from '../architecture/cpuid.ts';
import { type CodeKind, type FindPage, isLinear, type RegionPage, type Seen } from '../architecture/regions.ts';
import {
  decode,
  DECODED,
  type Decoded,
  isBasedOperand,
  isFlatOperand,
  MORE_BYTES,
  newDecoded,
  type Row,
} from '../table/index.ts';
import { isAlsoCallable, isLoad, segmentedFits, targetOf } from './segmented.ts';
import { isQuickLoad, isQuickOp } from './quick.ts';
import { isCallable, isUnit, NO_FORM } from './units.ts';
import type { Block, Instruction, Region } from './region.ts';

/** What a region may hold at most: instructions, blocks, and pages that it lies in. */
export interface Limits {
  instructions: number;
  blocks: number;
  pages: number;
}
/**
 * V8 takes ever longer for large functions: 150 instructions are some 10 KB of bytecode. A kernel's boot, of which little is hot for long, takes 4 % more time with
 * twice as many. A shell's loop, whose regions call one another every 50 instructions, takes 11 % less.
 */
export const BRIEF: Limits = { instructions: 150, blocks: 64, pages: 4 },
  LASTING: Limits = { instructions: 300, blocks: 100, pages: 6 };
/** Instructions of a callee that is written out at each call. */
const MAX_LEAF = 12;
/** Returns that a RET looks for one after the other. */
const MAX_RETURNS = 6;
/** Bytes of an instruction. */
const LONGEST = 15;

const forms = new Map<number, Form | null>();
/** `formOf`, which runs the description, once for each row's variant. */
function knownForm(row: Row, memory: boolean, operandSize: 16 | 32): Form | null {
  const variant = row.id * 4 + (memory ? 2 : 0) + (operandSize === 16 ? 1 : 0);
  let form = forms.get(variant);
  if (form === undefined) forms.set(variant, (form = formOf(row, memory, operandSize)));
  return form;
}

/** Ops that go round loops. */
const JUMPS = new Set(['jmp', 'jcc', 'jcxz', 'loop', 'loope', 'loopne']);

/** One access to others, with LOCK or without. */
const isAtomic = ({ uses }: Form, { lock, memory }: Decoded): boolean => lock || (uses.atomic && memory);

/** Ops whose order of effects (POP to memory) a region does not follow. */
const fits = (form: Form, at: Decoded, kind: CodeKind): boolean => {
  const { uses } = form,
    { memory, row, repeat, addressSize, operandSize } = at;
  if (repeat !== 0 || (row!.op === 'pop' && memory)) return false;
  if (!isLinear(kind)) return segmentedFits(form, at, kind);
  if (uses.string && !isFlatOperand(at)) return false;
  if ((uses.stack || uses.direct || uses.indirect) && operandSize !== 32) return false;
  if ((memory || uses.address || uses.counter) && addressSize !== 32) return false;
  return !memory || uses.address || isFlatOperand(at) || isBasedOperand(at);
};

/** Blocks of one callee, written out for one call; '' for what is there once. */
type Copy = string;
interface Place {
  copy: Copy;
  offset: number;
}
const key = ({ copy, offset }: Place): string => `${copy}:${offset}`;

export class Former {
  private readonly bytes: Uint8Array;
  private readonly features: () => Features;
  constructor(bytes: Uint8Array, features: () => Features) {
    this.bytes = bytes;
    this.features = features;
  }

  /**
   * The region that begins at `offset` of a page of code of this kind, within limits; null: nothing to compile there. Of a branch that ran, the
   * way that is not there is an exit: it would cost V8's time, and its first run would throw the region back to bytecode.
   */
  form({ kind, ran, missed }: Seen, offset: number, find: FindPage, most: Limits): Region | null {
    const pages = new Map<number, RegionPage>(),
      codeSize = kind.code32 ? 32 : 16,
      known = new Map<number, Instruction | null>();
    const pageOf = (at: number): RegionPage | null => {
      const number = at >> 12,
        page = pages.get(number);
      if (page !== undefined) return page;
      const there = pages.size < most.pages ? find(number) : null;
      if (there === null) return null;
      const made: RegionPage = { number, table: there.table, frame: there.frame, ranges: [], tail: 0 };
      pages.set(number, made);
      return made;
    };
    if (pageOf(offset) === null) return null;
    const decodeAt = (at: number): Decoded | null => {
      const page = pageOf(at),
        decoded = newDecoded(),
        within = at & 4095,
        here = 4096 - within;
      if (page === null) return null;
      const status = decode(this.bytes, page.frame + within, here, codeSize, decoded);
      if (status !== MORE_BYTES) return status === DECODED ? decoded : null;
      // Its bytes lie in two pages.
      const next = pageOf(at + here);
      if (next === null) return null;
      const whole = new Uint8Array(LONGEST);
      whole.set(this.bytes.subarray(page.frame + within, page.frame + 4096));
      whole.set(this.bytes.subarray(next.frame, next.frame + LONGEST - here), here);
      return decode(whole, 0, LONGEST, codeSize, decoded) === DECODED ? decoded : null;
    };
    const instructionAt = (at: number): Instruction | null => {
      let one = known.get(at);
      if (one !== undefined) return one;
      const decoded = decodeAt(at);
      one = decoded === null ? null : this.instruction(at, decoded, kind, missed.has(at));
      known.set(at, one);
      return one;
    };

    /** Offset of the callee of a direct call. */
    const callee = ({ target, form }: Instruction): number | null => (form.op === 'call' ? target : null);
    const leaves = new Map<number, boolean>();
    const isLeaf = (at: number): boolean => {
      let leaf = leaves.get(at);
      if (leaf === undefined) leaves.set(at, (leaf = this.isLeaf(at, instructionAt)));
      return leaf;
    };

    const isBegun = (at: number): boolean => find(at >> 12)?.begins(at & 4095) ?? false;

    // Which instructions, and where blocks begin.
    const first: Place = { copy: '', offset };
    const leaders = new Map<string, Place>([[key(first), first]]),
      queue = [first];
    const found = new Map<string, Instruction>();
    while (queue.length > 0 && leaders.size <= most.blocks) {
      const { copy, offset: start } = queue.shift()!;
      const lead = (to: number, into = copy) => {
        const place = { copy: into, offset: to };
        if (leaders.has(key(place)) || (into === '' && to !== offset && isBegun(to))) return;
        leaders.set(key(place), place);
        queue.push(place);
      };
      for (let at = start; found.size < most.instructions && !found.has(key({ copy, offset: at })); ) {
        const one = instructionAt(at);
        if (one === null) break;
        found.set(key({ copy, offset: at }), one);
        const {
            decoded,
            form: { op, uses },
          } = one,
          next = at + decoded.length,
          to = callee(one);
        if (to !== null) {
          const leaf = isLeaf(to);
          lead(to, leaf ? String(next) : '');
          // Where a callee's RET comes back to: behind the call, in the caller.
          lead(next);
        }
        if (op === 'jmp') lead(one.target);
        if (decoded.row!.ends || uses.returns) break;
        if (uses.direct) {
          const ways = [one.target, next],
            known = ran.has(at) ? ways.filter(way => ran.has(way)) : [];
          for (const way of known.length > 0 ? known : ways) lead(way);
          break;
        }
        // What leads to another page looks where it is mapped: between blocks.
        if (next >> 12 !== at >> 12) {
          lead(next);
          break;
        }
        at = next;
      }
    }
    if (!found.has(key(first))) return null;
    return this.build(first, leaders, found, pages, isLeaf);
  }

  /**
   * Where a region had best begin, given linear addresses of instructions that ran one after the other from a hot one until that came again: at the loop that came round to
   * it. Loops inside it went round more often in that time. Without one, at the function that was called on the way; else null.
   */
  head(code32: boolean, trace: readonly number[], find: FindPage): number | null {
    const decoded = newDecoded();
    const loops = new Map<number, number>(),
      calls = new Map<number, number>();
    const rarest = (counts: Map<number, number>): number | undefined =>
      [...counts].sort(([, a], [, b]) => a - b)[0]?.[0];
    for (let i = 1; i < trace.length; i++) {
      const eip = trace[i]!,
        from = trace[i - 1]!,
        distance = (eip - from) | 0;
      if (distance > 0 && distance < 16) continue;
      const page = find(from >>> 12);
      if (
        page === null ||
        decode(this.bytes, page.frame + (from & 4095), 4096 - (from & 4095), code32 ? 32 : 16, decoded) !== DECODED
      )
        continue;
      const { op } = decoded.row!;
      const counts = op === 'call' || op === 'callind' ? calls : distance <= 0 && JUMPS.has(op) ? loops : null;
      counts?.set(eip, (counts.get(eip) ?? 0) + 1);
    }
    return rarest(loops) ?? rarest(calls) ?? null;
  }

  /** The blocks of what was found, and which follows which. */
  private build(
    first: Place,
    leaders: Map<string, Place>,
    found: Map<string, Instruction>,
    pages: Map<number, RegionPage>,
    isLeaf: (at: number) => boolean,
  ): Region {
    const blocks = new Map<string, Block>();
    for (const place of leaders.values()) {
      if (!found.has(key(place))) continue;
      blocks.set(key(place), {
        offset: place.offset,
        instructions: [],
        successors: new Map(),
        next: -1,
        order: -1,
        dominator: null,
        header: false,
        merge: false,
      });
    }
    /** Calls of what is there once: the callee's first block, and where it returns to. */
    const calls: { callee: Block; offset: number; back: Block }[] = [],
      rets = new Set<Block>();
    /** Behind a call, in the caller. */
    const behind = new Map<Block, Block>();
    for (const { copy, offset } of leaders.values()) {
      const block = blocks.get(key({ copy, offset }));
      if (block === undefined) continue;
      const follow = (to: number, into = copy): Block | undefined => {
        const other = blocks.get(key({ copy: into, offset: to }));
        if (other !== undefined) block.successors.set(to, other);
        return other;
      };
      for (let at = offset; ; ) {
        const one = found.get(key({ copy, offset: at }))!;
        block.instructions.push(one);
        const {
          decoded,
          form: { op, uses },
        } = one;
        at += decoded.length;
        if (op === 'call') {
          const to = one.target,
            leaf = isLeaf(to),
            callee = follow(to, leaf ? String(at) : ''),
            back = blocks.get(key({ copy, offset: at }));
          if (callee === undefined || back === undefined) block.successors.delete(to);
          else {
            behind.set(block, back);
            if (!leaf) calls.push({ callee, offset: at, back });
          }
        } else if (op === 'ret') {
          if (copy === '') rets.add(block);
          else follow(Number(copy), '');
        } else if (op === 'jmp') follow(one.target);
        else if (uses.direct) {
          follow(at);
          follow(one.target);
        }
        if (one.called) block.next = at;
        if (decoded.row!.ends || uses.returns) break;
        block.next = at;
        if (uses.direct) break;
        if (
          blocks.has(key({ copy, offset: at })) ||
          at >> 12 !== one.offset >> 12 ||
          !found.has(key({ copy, offset: at }))
        ) {
          follow(at);
          break;
        }
        block.next = -1;
      }
    }
    // A RET leads behind the calls of its own function: found without entering those that this calls.
    for (const { callee, offset, back } of calls) {
      const own = new Set([callee]);
      for (const block of own) {
        const over = behind.get(block);
        if (over !== undefined) own.add(over);
        else if (!rets.has(block)) for (const to of block.successors.values()) own.add(to);
        if (rets.has(block) && block.successors.size < MAX_RETURNS) block.successors.set(offset, back);
      }
    }
    const ordered = arrange(blocks.get(key(first))!);
    const kept = ordered.flatMap(block => block.instructions);
    for (const { offset, decoded } of kept) {
      const first = offset & 4095,
        last = first + decoded.length - 1;
      pages.get(offset >> 12)!.ranges.push([first, last]);
      if (last > 4095) pages.get((offset >> 12) + 1)!.tail = Math.max(pages.get((offset >> 12) + 1)!.tail, last - 4095);
    }
    return {
      entry: ordered[0]!,
      blocks: ordered,
      instructions: kept.length,
      pages: [...pages.values()].filter(page => page.ranges.length > 0 || page.tail > 0),
    };
  }

  /** What a region may hold. */
  private instruction(offset: number, decoded: Decoded, kind: CodeKind, missed: boolean): Instruction | null {
    const row = decoded.row!,
      segmented = !isLinear(kind);
    if (row.feature !== undefined && !this.features().has(row.feature)) return null;
    const form = knownForm(row, decoded.memory, decoded.operandSize === 16 ? 16 : 32),
      fitting = form !== null && fits(form, decoded, kind) ? form : null;
    if (missed && isCallable(decoded)) {
      const quick = !segmented && fitting !== null && isQuickLoad(fitting, decoded) ? fitting : null;
      return { offset, decoded, target: 0, form: NO_FORM, called: true, quick };
    }
    const isOne = fitting !== null && isAtomic(fitting, decoded);
    if (fitting !== null && !isOne) {
      const target = targetOf(kind, offset, decoded);
      return fitting.uses.direct && target === null
        ? null
        : { offset, decoded, target: target ?? 0, form: fitting, called: false, quick: null };
    }
    if (segmented ? isLoad(decoded, kind) || (isUnit(decoded) && !decoded.memory) : isUnit(decoded))
      return { offset, decoded, target: 0, form: NO_FORM, called: false, quick: null };
    if (!isCallable(decoded) && !(segmented && isAlsoCallable(row))) return null;
    const quick = segmented ? null : isOne ? fitting : isQuickOp(decoded) ? NO_FORM : null;
    return { offset, decoded, target: 0, form: NO_FORM, called: true, quick };
  }

  /** A short function without calls and loops. */
  private isLeaf(start: number, instructionAt: (at: number) => Instruction | null): boolean {
    let count = 0;
    const from = (at: number): boolean => {
      for (;;) {
        const one = instructionAt(at);
        if (one === null || ++count > MAX_LEAF) return false;
        const {
            decoded,
            target,
            form: { op, uses },
          } = one,
          next = at + decoded.length;
        if (op === 'ret') return true;
        if (uses.returns || (decoded.row!.ends && op !== 'jmp') || (uses.direct && target < next)) return false;
        if (uses.direct && op !== 'jmp' && !from(target)) return false;
        at = op === 'jmp' ? target : next;
      }
    };
    return from(start);
  }
}

const dominates = (a: Block, b: Block | null): boolean => {
  while (b !== null && b.order > a.order) b = b.dominator;
  return a === b;
};

/** Orders what can be reached, finds dominators (Cooper, Harvey and Kennedy), cuts irreducible edges, marks headers and merges. */
function arrange(entry: Block): Block[] {
  for (;;) {
    const order: Block[] = [],
      seen = new Set<Block>();
    const visit = (block: Block): void => {
      seen.add(block);
      for (const to of block.successors.values()) if (!seen.has(to)) visit(to);
      order.unshift(block);
    };
    visit(entry);
    const before = new Map<Block, Block[]>(order.map(block => [block, []]));
    order.forEach((block, i) => {
      block.order = i;
      block.dominator = null;
      block.header = block.merge = false;
      for (const to of new Set(block.successors.values())) before.get(to)!.push(block);
    });
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of order.slice(1)) {
        let dominator: Block | null = null;
        for (let other of before.get(block)!) {
          if (other !== entry && other.dominator === null) continue;
          if (dominator === null) {
            dominator = other;
            continue;
          }
          let one: Block = dominator;
          while (one !== other) {
            while (one.order > other.order) one = one.dominator!;
            while (other.order > one.order) other = other.dominator!;
          }
          dominator = one;
        }
        if (dominator !== block.dominator) {
          block.dominator = dominator;
          changed = true;
        }
      }
    }
    let cut = false;
    for (const block of order) {
      for (const [offset, to] of [...block.successors]) {
        if (to.order > block.order || dominates(to, block)) continue;
        block.successors.delete(offset);
        cut = true;
      }
    }
    if (cut) continue;
    for (const block of order) {
      for (const other of before.get(block)!) if (other.order >= block.order) block.header = true;
      block.merge = before.get(block)!.filter(other => other.order < block.order).length > 1;
    }
    return order;
  }
}
