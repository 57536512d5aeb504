/**
 * Which instructions make a region: blocks found breadth first from an entry along direct jumps inside one page, without what only the interpreter runs; and their
 * order for structured code: reverse postorder, dominators, loops. A retreating edge whose target does not dominate its source is cut into an exit.
 */
import { formOf } from '../gen/forms.ts';
import type { Form } from '../gen/emitter.ts';
import type { Features } from '../architecture/cpuid.ts';
import { CS, FS } from '../architecture/registers.ts';
import { decode, DECODED, type Decoded, newDecoded } from '../table/index.ts';
import { isCallable, isUnit, NO_FORM } from './units.ts';

/** V8 takes ever longer for large functions: 150 instructions are some 10 KB of bytecode. */
const MAX_INSTRUCTIONS = 150, MAX_BLOCKS = 64, MAX_IN_BLOCK = 64;

export interface Instruction {
  /** In its page. */
  offset: number;
  decoded: Decoded;
  /** NO_FORM: an ordinary case of the x87 or SSE, or an instruction that is called. */
  form: Form;
  /** By a record of the region's own. */
  called: boolean;
}

export interface Block {
  offset: number;
  instructions: Instruction[];
  /** Offsets of the blocks that follow, exits from the region not among them. */
  successors: number[];
  /** Where the text goes on behind the last instruction; -1: that leads elsewhere itself. */
  next: number;
  /** Its place in reverse postorder. */
  order: number;
  dominator: Block | null;
  /** Reached by a jump back; by several ways forward. */
  header: boolean;
  merge: boolean;
}

export interface Region {
  entry: Block;
  /** In reverse postorder. */
  blocks: Block[];
  instructions: number;
  /** Offsets behind calls and behind what the interpreter runs: control comes back there. */
  returns: number[];
  /** The bytes it was made from end here and begin there. */
  ranges: [first: number, last: number][];
}

/** Ops whose order of effects (POP to memory) a region does not follow. */
const fits = (form: Form, { memory, row, lock, repeat, addressSize, segment, operandSize }: Decoded): boolean => {
  const { uses } = form;
  if (lock || repeat !== 0 || uses.string || (uses.atomic && memory)) return false;
  if (row!.op === 'pop' && memory) return false;
  if ((uses.stack || uses.direct || uses.indirect) && operandSize !== 32) return false;
  if ((memory || uses.address || uses.counter) && addressSize !== 32) return false;
  return !memory || uses.address || (segment < FS && segment !== CS);
};

export class Former {
  private readonly bytes: Uint8Array;
  private readonly features: () => Features;
  constructor(bytes: Uint8Array, features: () => Features) {
    this.bytes = bytes;
    this.features = features;
  }

  /** The instruction at `offset` of the page at `from` if a region may hold it. */
  private instruction(from: number, offset: number): Instruction | null {
    const decoded = newDecoded();
    if (decode(this.bytes, from + offset, 4096 - offset, 32, decoded) !== DECODED) return null;
    const row = decoded.row!;
    if (row.feature !== undefined && !this.features().has(row.feature)) return null;
    const form = formOf(row, decoded.memory, decoded.operandSize === 16 ? 16 : 32);
    if (form !== null && fits(form, decoded)) return { offset, decoded, form, called: false };
    if (isUnit(decoded)) return { offset, decoded, form: NO_FORM, called: false };
    return isCallable(decoded) ? { offset, decoded, form: NO_FORM, called: true } : null;
  }

  /** The region that begins at `offset` of the page of flat 32-bit code at machine address `from`; null: nothing to compile there. */
  form(from: number, offset: number): Region | null {
    const leaders = new Set([offset]), queue = [offset], returns = new Set<number>();
    let total = 0;
    const found = new Map<number, Instruction>();
    // Which instructions, and where blocks begin.
    while (queue.length > 0 && leaders.size <= MAX_BLOCKS) {
      let at = queue.shift()!;
      const lead = (to: number) => {
        if (to < 0 || to > 4095 || leaders.has(to)) return;
        leaders.add(to);
        queue.push(to);
      };
      while (at < 4096 && !found.has(at) && total < MAX_INSTRUCTIONS) {
        const one = this.instruction(from, at);
        if (one === null) {
          const skipped = newDecoded();
          if (decode(this.bytes, from + at, 4096 - at, 32, skipped) === DECODED && !skipped.row!.ends) returns.add(at + skipped.length);
          break;
        }
        found.set(at, one);
        total++;
        const { decoded, form: { op, uses } } = one;
        const next = at + decoded.length;
        if (uses.returns) returns.add(next);
        if (op === 'jmp') lead(next + decoded.immediate);
        if (decoded.row!.ends) break;
        if (uses.direct) {
          lead(next + decoded.immediate);
          lead(next);
          break;
        }
        at = next;
      }
    }
    if (!found.has(offset)) return null;
    const blocks = new Map<number, Block>();
    for (const start of leaders) {
      if (!found.has(start)) continue;
      const block: Block = { offset: start, instructions: [], successors: [], next: -1, order: -1, dominator: null, header: false, merge: false };
      let at = start;
      for (;;) {
        const one = found.get(at)!;
        block.instructions.push(one);
        const { decoded, form: { op, uses } } = one;
        at += decoded.length;
        if (op === 'jmp') block.successors.push(at + decoded.immediate);
        else if (uses.direct && !uses.returns) block.successors.push(at, at + decoded.immediate);
        if (decoded.row!.ends) break;
        block.next = at;
        if (uses.direct) break;
        if (leaders.has(at) || !found.has(at) || block.instructions.length === MAX_IN_BLOCK) {
          block.successors.push(at);
          break;
        }
        block.next = -1;
      }
      blocks.set(start, block);
    }
    for (const block of blocks.values()) block.successors = [...new Set(block.successors)].filter(to => blocks.has(to));
    const ordered = arrange(blocks, blocks.get(offset)!);
    const kept = ordered.flatMap(block => block.instructions);
    return {
      entry: ordered[0]!, blocks: ordered, instructions: kept.length, returns: [...returns].filter(at => at < 4096),
      ranges: kept.map(({ offset: at, decoded }) => [at, at + decoded.length - 1]),
    };
  }
}

const dominates = (a: Block, b: Block | null): boolean => {
  while (b !== null && b.order > a.order) b = b.dominator;
  return a === b;
};

/** Orders what can be reached, finds dominators (Cooper, Harvey and Kennedy), cuts irreducible edges, marks headers and merges. */
function arrange(blocks: Map<number, Block>, entry: Block): Block[] {
  for (;;) {
    const order: Block[] = [], seen = new Set<Block>();
    const visit = (block: Block): void => {
      seen.add(block);
      for (const to of block.successors) if (!seen.has(blocks.get(to)!)) visit(blocks.get(to)!);
      order.unshift(block);
    };
    visit(entry);
    const before = new Map<Block, Block[]>(order.map(block => [block, []]));
    order.forEach((block, i) => {
      block.order = i;
      block.dominator = null;
      block.header = block.merge = false;
      for (const to of block.successors) before.get(blocks.get(to)!)!.push(block);
    });
    for (let changed = true; changed;) {
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
      block.successors = block.successors.filter(to => {
        const target = blocks.get(to)!;
        if (target.order > block.order || dominates(target, block)) return true;
        cut = true;
        return false;
      });
    }
    if (cut) continue;
    for (const block of order) {
      for (const other of before.get(block)!) if (other.order >= block.order) block.header = true;
      block.merge = before.get(block)!.filter(other => other.order < block.order).length > 1;
    }
    return order;
  }
}
