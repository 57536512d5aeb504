/**
 * The JavaScript of a region. Guest registers and flags are locals; an instruction that the TLB does not serve leaves the region with nothing of it done; the
 * budget is charged by blocks, tested where loops begin, and given back where a block is left half way. EIPs are relative to the page, so that the same text
 * is right wherever the frame is mapped.
 */
import { ADC, ADD, ALL, CF, DEC, DF, EXPLICIT, INC, LOGIC, OF, SBB, SUB } from '../architecture/flags.ts';
import { ECX, EDI, EFLAGS, EIP, ESP, FA, FB, FK, FR, SEG, SEG_BASE, SEG_LIMIT, SEG_RIGHTS, SEG_SELECTOR, SEG_WORDS } from '../architecture/registers.ts';
import type { EntryState } from '../architecture/regions.ts';
import { cellShift, memoryArray, memoryOf, type Outcome, type Size, TextEmitter, type Value } from '../gen/emitter.ts';
import { semantics } from '../gen/semantics.ts';
import { S_BUDGET, S_PAGE_EIP, S_USER } from '../scratch.ts';
import { PLAIN, PLAIN_MASK } from '../mode.ts';
import { isBasedOperand, operandRegister } from '../table/operands.ts';
import type { Block, Instruction, Region } from './former.ts';
import { isSse, SSE_ENTER, SSE_RELOAD } from './sse.ts';
import { miss, number } from './text.ts';
import { addressText, callText, NO_FORM, unitText } from './units.ts';
import { type Reached, Windows } from './windows.ts';
import { X87Emitter, X87Plan } from './x87.ts';

const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

/** A conditional branch's two ways: text for the offset that it leads to. */
type Way = (offset: number) => string;

/**
 * Leaves the region with the instruction at `offset` not begun: it and the rest of the block, `refund` instructions, are given back. Constants alone: what V8
 * has not seen run it does not compile, and its first run would throw the whole function back to bytecode.
 */
const leaving = (offset: number, refund: number) => (condition: Value): string => `if (${condition}) { ip = ${number(offset)}; m = ${refund}; break out; }`;

class RegionEmitter extends TextEmitter {
  private readonly at: Instruction;
  private readonly refund: number;
  private readonly way: Way;
  /** Machine address of the slot of the stack, where a window holds it. */
  private readonly stack: Value | null;
  private readonly live: boolean;
  private readonly targets: readonly number[];
  private readonly rotates: boolean;
  /** Kind of the flags if the block has set them; -1: not known. */
  kind: number;
  private conditional = false;
  private inside = false;
  private goes: Value = '';

  /**
   * `refund`: instructions of the block from this one on. `live`: someone may read the flags that it leaves. `targets`: where the region goes on if the
   * instruction leads there and says so only when it runs. `rotates`: the region has the local `fo`. `windows`: see windows.ts.
   */
  constructor(at: Instruction, refund: number, kind: number, live: boolean, targets: readonly number[], rotates: boolean, windows: Reached, way: Way) {
    super(at.form, { k: 'fk', a: 'fa', b: 'fb', r: OUTCOME });
    this.at = at;
    this.refund = refund;
    this.kind = kind;
    this.live = live;
    this.targets = targets;
    this.rotates = rotates;
    this.way = way;
    this.stack = windows.stack;
    const memory = memoryOf(at.form);
    if (memory === null || (!memory.reads && !memory.writes)) return;
    if (windows.memory !== null) {
      this.say(`h = (${windows.memory}) >>> ${cellShift(memory.bits)};`);
      return;
    }
    if (isBasedOperand(at.decoded)) {
      const segment = SEG + at.decoded.segment * SEG_WORDS;
      this.say(`${this.leaveIf(`R[${segment + SEG_LIMIT}] !== -1 || (R[${segment + SEG_RIGHTS}] & ${PLAIN_MASK}) !== ${PLAIN}`)} t = R[${segment + SEG_BASE}] + (${this.address()}) | 0;`);
    } else this.say(`t = ${this.address()};`);
    this.say(`${this.leaveIf(miss(memory.writes ? 'TW' : 'TR', 't', memory.bits / 8))} h = (e ^ t) >>> ${cellShift(memory.bits)};`);
  }

  private leaveIf(condition: Value): string { return leaving(this.at.offset, this.refund)(condition); }
  private get next(): number { return this.at.offset + this.at.decoded.length; }

  protected operandRegister(operand: number, bits: Size): Value { return this.register(operandRegister(this.at.decoded.row!.operands[operand]!, this.at.decoded), bits); }
  override register(register: number, bits: Size): Value {
    if (bits === 32) return `r${register}`;
    if (bits === 16) return `(r${register} & 65535)`;
    return register < 4 ? `(r${register} & 255)` : `(r${register - 4} >>> 8 & 255)`;
  }
  override setRegister(register: number, bits: Size, value: Value): void {
    const r = `r${bits === 8 ? register & 3 : register}`;
    if (bits === 32) this.effect(`${r} = ${value};`);
    else if (bits === 16) this.effect(`${r} = ${r} & -65536 | (${value}) & 65535;`);
    else if (register < 4) this.effect(`${r} = ${r} & -256 | (${value}) & 255;`);
    else this.effect(`${r} = ${r} & -65281 | ((${value}) & 255) << 8;`);
  }
  override write(operand: number, value: Value, how: 'top' | 'zero' = 'zero'): void {
    const { form: { places, bits, bits1 }, decoded } = this.at;
    const text = how === 'top' && this.shift !== 0 ? `${value} >>> ${this.shift}` : value;
    if (places[operand] === 'm') this.store(text);
    else this.setRegister(operandRegister(decoded.row!.operands[operand]!, decoded), operand === 1 ? bits1 : bits, text);
  }
  protected load(): Value { return `${memoryArray(memoryOf(this.form)!.bits)}[h]`; }
  protected store(value: Value): void { this.say(`${this.load()} = ${value};`); }
  immediate(): Value { return number(this.count); }
  private get count(): number { return this.at.decoded.row!.operands[1] === '1' ? 1 : this.at.decoded.immediate; }
  selector(): Value { return `R[${SEG + SEGMENT_NAMES.indexOf(this.at.decoded.row!.operands[0]!) * SEG_WORDS + SEG_SELECTOR}]`; }
  address(): Value { return addressText(this.at.decoded); }
  counter(): Value { return `r${ECX}`; }
  countedDown(): Value { return this.result(`(r${ECX} - 1) | 0`); }
  setCounter(value: Value): void { this.effect(`r${ECX} = ${value};`); }

  skipIf(condition: Value): void {
    // A count that is an immediate is known.
    if (this.form.places[1] === 'i' && (this.count & 31) !== 0) return;
    this.text = `done: { ${this.text} if (${condition}) break done; `;
    this.conditional = this.inside = true;
  }
  override when(condition: Value, then: () => void): void {
    const before = this.conditional;
    this.conditional = true;
    super.when(condition, then);
    this.conditional = before;
  }

  override flags(kind: number, { a, b, result }: Outcome): void {
    if (!this.live) return;
    const derived = kind === SUB || kind === ADD;
    this.effect(`fk = ${this.kindWord(kind)};${a === undefined ? '' : ` fa = ${a};`}${b === undefined ? '' : ` fb = ${b};`}${derived ? '' : ` fr = ${result};`}${this.rotates ? UNCHANGED : ''}`);
    this.kind = this.conditional ? -1 : kind;
  }
  override changeFlags(mask: number, value: Value): void {
    if (!this.live) return;
    if (mask === ROTATED) {
      this.effect(`fo = ${value};`);
      this.kind = -1;
      return;
    }
    this.settle();
    this.effect(`if (fk !== ${ALL} && (fk & 15) !== ${EXPLICIT}) { fr = ${OUTCOME}; fb = arithmetic(fk, fa, fb, fr); fk = fk & -16 | ${EXPLICIT}; } fb = fb & ${~mask} | ${value};`);
    this.kind = -1;
  }
  /** Flags of which nothing is known are put into their four locals before somebody reads them. */
  private settle(): void {
    if (this.rotates && this.kind < 0) this.say(SETTLE);
  }
  /** The result that the flags tell of. */
  private get outcome(): Value {
    return this.kind === SUB ? '(fa - fb | 0)' : this.kind === ADD ? '(fa + fb | 0)' : this.kind < 0 ? OUTCOME : 'fr';
  }
  override carry(): Value {
    // INC and DEC read it for the flags alone.
    if (!this.live && STEPS.has(this.form.op)) return '0';
    this.settle();
    switch (this.kind) {
      case SUB: return '(fa >>> 0 < fb >>> 0 ? 1 : 0)';
      case ADD: return `(${this.outcome} >>> 0 < fa >>> 0 ? 1 : 0)`;
      case LOGIC: return '0';
      case INC:
      case DEC:
      case EXPLICIT: return '(fb & 1)';
      default: return super.carry();
    }
  }
  override condition(cc = this.at.decoded.row!.cc!): Value {
    this.settle();
    const { kind, outcome } = this;
    const relation = (): Value => {
      const code = cc >> 1;
      if (kind === SUB && [1, 3, 6, 7].includes(code)) return code === 1 ? 'fa >>> 0 < fb >>> 0' : code === 3 ? 'fa >>> 0 <= fb >>> 0' : code === 6 ? 'fa < fb' : 'fa <= fb';
      if (kind === LOGIC) return code === 3 ? 'fr === 0' : code === 6 ? 'fr < 0' : code === 7 ? 'fr <= 0' : code === 4 ? 'fr < 0' : code === 2 ? 'fr === 0' : '';
      if (![SUB, ADD, INC, DEC, EXPLICIT, SBB, ADC].includes(kind)) return '';
      return code === 2 ? (kind === SUB ? 'fa === fb' : `${outcome} === 0`) : code === 4 ? `${outcome} < 0` : code === 1 ? `${this.carry()} !== 0` : '';
    };
    const text = relation();
    if (text === '') return `(${super.condition(cc)})`;
    return (cc & 1) === 0 ? `(${text})` : `!(${text})`;
  }
  protected conditionCode(): Value { return String(this.at.decoded.row!.cc); }

  top(pointer = ESP): Value {
    this.say(`h = r${pointer}; ${this.stack === null ? `${this.leaveIf(miss('TR', 'h', 4))} t = M4[(e ^ h) >>> 2]` : `t = M4[(${this.stack}) >>> 2]`};`);
    return 't';
  }
  drop(more?: Value): void { this.effect(`r${ESP} = (h + 4${more === undefined ? '' : ` + ${more}`}) | 0;`); }
  slot(): void { this.say(`h = (r${ESP} - 4) | 0; ${this.stack === null ? this.leaveIf(miss('TW', 'h', 4)) : ''}`); }
  push(value: Value, bits: Size = 32): void { this.say(`${memoryArray(bits)}[(${this.stack ?? 'e ^ h'}) >>> ${cellShift(bits)}] = ${value}; r${ESP} = h;`); }

  locate(eip?: Value): void { this.goes = eip === undefined ? '' : eip; }
  go(): void {
    if (this.goes === '') this.say(this.way(this.next + this.at.decoded.immediate));
    else this.say(`ip = (${this.goes} - base) | 0; ${this.targets.map(to => `if (ip === ${number(to)}) { ${this.way(to)} } `).join('')}break out;`);
    this.ended = true;
  }
  branch(condition: Value, effects?: () => void): void {
    this.say(`if (${condition}) {`);
    effects?.();
    this.say(`${this.way(this.next + this.at.decoded.immediate)} }`);
    effects?.();
    this.say(this.way(this.next));
    this.ended = true;
  }
  returnAddress(): Value { return `(base + ${this.next}) | 0`; }
  /** Finds the cell of the element at ESI or EDI. Upwards only. */
  private findElement(table: 'TR' | 'TW', pointer: number): void {
    this.say(`t = r${pointer}; ${this.leaveIf(`${miss(table, 't', this.bytes)} | R[${EFLAGS}] & ${DF}`)} h = (e ^ t) >>> ${cellShift(this.bits)};`);
  }
  protected loadElement(pointer: number): Value {
    this.findElement('TR', pointer);
    return `${memoryArray(this.bits)}[h]`;
  }
  storeElement(value: Value): void {
    this.findElement('TW', EDI);
    this.say(`${memoryArray(this.bits)}[h] = ${value};`);
  }
  advance(pointer: number): void { this.effect(`r${pointer} = (r${pointer} + ${this.bytes}) | 0;`); }
  finish(): string { return this.inside ? `${this.text}}` : this.text; }
  get leads(): boolean { return this.ended; }
}

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7].map(n => [`r${n}`, n] as const);
const FLAGS = [['fk', FK], ['fa', FA], ['fb', FB], ['fr', FR]] as const;
/** Results of sums and differences are not kept: the operands are there, and each local that lives round a loop takes a register of the host's. */
const OUTCOME = 'outcome(fk, fa, fb, fr)';

/**
 * Rotations change CF and OF alone, and what is not read after them costs nothing: the two bits are kept in a local of their own, `fo`, and are put to the
 * others where somebody reads flags. -1: there is nothing to put.
 */
const ROTATED = CF | OF, UNCHANGED = ' fo = -1;';
const SETTLE = `if (fo >= 0) { fr = ${OUTCOME}; fb = withChange(fk, fa, fb, fr, fo); fk = kindWithChange(fk, fo);${UNCHANGED} }`;
const ROTATIONS = new Set(['rol', 'ror']);

/** Ops that leave all flags new, whatever they were; INC and DEC all but CF. */
const SETS = new Set(['add', 'or', 'adc', 'and', 'sub', 'sbb', 'xor', 'cmp', 'test', 'neg', 'xadd', 'mul', 'imul']);
const SHIFTS = new Set(['shl', 'shr', 'sar']);
const READS = new Set(['adc', 'sbb']);
/** … and others that change some of the flags: they read the rest for whoever reads what they leave. */
const STEPS = new Set(['inc', 'dec']), CHANGES = new Set(['rol', 'ror', 'bt', 'bts', 'btr', 'btc', ...STEPS]);

/** Stand in a region's text for moves of locals to the state and back, until it is known which locals there are. */
const SPILL = '\x01', RELOAD = '\x02';

/** Puts in what depends on the whole text: the registers that it uses are locals, and only those that it sets go back to the state; flags all or none. */
function withLocals(text: string): { text: string; locals: readonly (readonly [string, number])[]; spill: string; more: string } {
  const used = REGISTERS.filter(([name]) => new RegExp(`\\b${name}\\b`).test(text)), set = used.filter(([name]) => text.includes(`${name} = `));
  const flags = /\bf[kabro]\b/.test(text) ? FLAGS : [], setFlags = /\bf[kabro] = /.test(text) ? FLAGS : [];
  const rotates = /\bfo\b/.test(text);
  const save = (name: string): string => (name === 'fr' ? OUTCOME : !rotates ? name : name === 'fk' ? 'kindWithChange(fk, fo)' : name === 'fb' ? `withChange(fk, fa, fb, ${OUTCOME}, fo)` : name);
  const spill = [...set, ...setFlags].map(([name, word]) => `R[${word}] = ${save(name)};`).join(' ');
  const locals = [...used, ...flags], reload = locals.map(([name, word]) => `${name} = R[${word}];`).join(' ') + (rotates ? UNCHANGED : '');
  return { text: text.replaceAll(SPILL, spill).replaceAll(RELOAD, reload), locals, spill, more: rotates ? ', fo = -1' : '' };
}

const setsFlags = ({ form, decoded }: Instruction): boolean =>
  SETS.has(form.op) || (SHIFTS.has(form.op) && form.places[1] === 'i' && ((decoded.row!.operands[1] === '1' ? 1 : decoded.immediate) & 31) !== 0);

/** The page that an instruction's last bytes lie in, if they do not lie in that of the first. */
const pageBehind = ({ offset, decoded }: Instruction): number | null => {
  const last = (offset + decoded.length - 1) >> 12;
  return last === offset >> 12 ? null : last;
};

/** Whether someone may read the flags that each instruction leaves, and those from before the block: a reader, an exit. `live`: those that the block leaves. */
function liveFlags(block: Block, live: boolean, windows: Windows): { before: boolean; behind: boolean[] } {
  const behind: boolean[] = [], { instructions } = block;
  for (let i = instructions.length - 1; i >= 0; i--) {
    const at = instructions[i]!, { form } = at;
    behind[i] = live;
    if (setsFlags(at)) live = false;
    const { memory, stack } = windows.of(block, i), mayMiss = (memoryOf(form) !== null && memory === null) || (form.uses.stack && stack === null) || form.uses.string;
    if (form === NO_FORM || (form.uses.flags && !CHANGES.has(form.op)) || READS.has(form.op) || mayMiss || pageBehind(at) !== null) live = true;
  }
  return { before: live, behind };
}

/** Whether a way out of the region begins behind the block's last instruction. */
function leavesBehind({ instructions, successors }: Block): boolean {
  const { offset, decoded, form: { op, uses } } = instructions.at(-1)!, next = offset + decoded.length, target = next + decoded.immediate;
  if (uses.indirect) return true;
  const jumps = op === 'jmp' || uses.returns;
  return !((jumps || successors.has(next)) && (!uses.direct || successors.has(target)));
}

/**
 * The text of the region's function, `() => void`: the names that it uses are those of `VALUES` in tier.ts. It runs where S_USER is `user`: one more local would
 * live round every loop. `longest`: see `longestWay`; `calls`: what it calls, by number.
 */
export function sourceOf(region: Region, user: number, expected: EntryState | null): { text: string; longest: number; calls: Instruction[]; windows: boolean } {
  const calls: Instruction[] = [];
  const { entry } = region, x87 = X87Plan.of(region), windows = new Windows(region, expected);
  const hasSse = region.blocks.some(({ instructions }) => instructions.some(({ form, called, decoded }) => form === NO_FORM && !called && isSse(decoded)));
  const reload = hasSse ? ` ${SSE_RELOAD}` : '';
  const longest = longestWay(region);
  const tested = (block: Block): boolean => block.header || block === entry;

  const tables = new Map(region.pages.map(page => [page.number, page.table]));
  /** Mappings are not watched: what leads to another page sees whether that is the one that was compiled, and so does an instruction that lies in two. */
  const isElsewhere = (page: number): Value => `CP[((base + ${number(page * 4096)}) >>> 12) + u] !== ${number(tables.get(page)!)}`;
  const crossing = (from: Block, to: Block): string => {
    const page = to.offset >> 12;
    return page === from.instructions.at(-1)!.offset >> 12 || page === 0 ? '' : `if (${isElsewhere(page)}) { ip = ${number(to.offset)}; break out; } `;
  };

  // Backwards: what may read the flags. Where the budget is tested, the way out does.
  const behind = new Map<Block, boolean[]>(), wanted = new Set<Block>();
  for (const block of [...region.blocks].reverse()) {
    const live = leavesBehind(block) || [...block.successors.values()].some(to => to.order <= block.order || wanted.has(to) || crossing(block, to) !== '');
    const flags = liveFlags(block, live, windows);
    behind.set(block, flags.behind);
    if (flags.before || tested(block)) wanted.add(block);
  }

  const rotates = region.blocks.some(block => block.instructions.some(({ form }, i) => ROTATIONS.has(form.op) && behind.get(block)![i]!));
  // Forwards: the text of each block, with the kind of flags that all its predecessors leave. Where it leads to another, that other's number stands.
  const kinds = new Map<Block, number>(), texts = new Map<Block, string>();
  for (const block of region.blocks) {
    const count = block.instructions.length;
    let text = tested(block) ? `if (n < ${longest(block)}) { ip = ${number(block.offset)}; break out; }\n` : '';
    text += `n = n - ${count} | 0;\n`;
    let kind = tested(block) ? -1 : kinds.get(block) ?? -1, leads = false;
    const way: Way = offset => `\0${offset}\0`, targets = [...block.successors.keys()];
    const stack = x87?.block(block) ?? null;
    let ended = false;
    block.instructions.forEach((at, i) => {
      if (ended) return;
      const beyond = pageBehind(at);
      if (beyond !== null && beyond !== 0) text += `${leaving(at.offset, count - i)(isElsewhere(beyond))} `;
      if (at.form === NO_FORM) {
        let setsFlags = true, own: string;
        if (x87 !== null && X87Emitter.takes(at.decoded)) {
          const expanded = stack?.expand(at.decoded, at.offset, leaving(at.offset, count - i)) ?? null;
          ({ text: own, setsFlags } = expanded ?? { text: leaving(at.offset, count - i)('true'), setsFlags: true });
          ended = expanded === null;
        } else if (at.called) own = callText(calls.push(at) - 1, at.offset, count - i - 1, SPILL, RELOAD, x87?.leave) + reload;
        else ({ text: own, setsFlags } = unitText(at.decoded, at.offset, leaving(at.offset, count - i)));
        text += `/*${at.offset}*/ ${own}${setsFlags && rotates && !at.called ? UNCHANGED : ''}\n`;
        if (setsFlags) kind = -1;
        leads = false;
        return;
      }
      const emitter = new RegionEmitter(at, count - i, kind, behind.get(block)![i]!, at.form.uses.indirect ? targets : [], rotates, windows.of(block, i), way);
      semantics[at.form.op]!(emitter);
      text += `/*${at.offset}*/ ${emitter.finish()}\n`;
      ({ kind, leads } = emitter);
    });
    texts.set(block, leads || ended ? text : `${text}${way(block.next)}\n`);
    for (const to of block.successors.values()) kinds.set(to, kinds.has(to) && kinds.get(to) !== kind ? -1 : kind);
  }

  // A branch may have both ways to one place: what follows is written once all the same.
  for (const block of region.blocks) {
    for (const [offset, to] of block.successors) if (texts.get(block)!.split(`\0${offset}\0`).length > 2 && to.order > block.order) to.merge = true;
  }

  const edge = (from: Block, offset: number): string => {
    const to = from.successors.get(offset);
    if (to === undefined) return `ip = ${number(offset)}; break out;`;
    const goes = to.order <= from.order ? `continue L${to.order};` : to.merge ? `break B${to.order};` : tree(to);
    return crossing(from, to) + goes;
  };
  const body = (block: Block): string => texts.get(block)!.replace(/\0(-?\d+)\0/g, (_, offset) => edge(block, Number(offset)));
  const mergesOf = (block: Block): Block[] => region.blocks.filter(other => other.merge && other.dominator === block);
  const within = (block: Block, merges: Block[]): string => {
    const last = merges.pop();
    return last === undefined ? body(block) : `B${last.order}: {\n${within(block, merges)}}\n${tree(last)}`;
  };
  const tree = (block: Block): string => {
    const text = within(block, mergesOf(block));
    return block.header ? `L${block.order}: for (;;) {\n${text}}\n` : text;
  };
  const { text: whole, locals, spill, more } = withLocals(`${windows.text}${x87?.enter ?? ''}out: {\n${tree(entry)}}\n${x87?.leave ?? ''}`);
  // In parentheses: V8 compiles it at once, and does not read it once to skip it and once more for its first call.
  const text = `return (function () {
if (S[${S_USER}] !== ${user}) return;
let ${locals.map(([name, word]) => `${name} = R[${word}], `).join('')}n = S[${S_BUDGET}], base = S[${S_PAGE_EIP}], ip = 0, m = 0, a = 0, b = 0, c = 0, r = 0, t = 0, h = 0, e = 0${more}${windows.locals.map(name => `, ${name} = 0`).join('')};
${hasSse ? `${SSE_ENTER}\n` : ''}${whole}${spill} R[${EIP}] = (base + ip) | 0; S[${S_BUDGET}] = (n + m) | 0;
});`;
  return { longest: longest(entry), calls, windows: windows.locals.length > 0, text: text.replaceAll(' + u]', user === 0 ? ']' : ` + ${user}]`) };
}

/** Most instructions from a block's start to the next test of the budget or out of the region. */
function longestWay({ entry }: Region): (block: Block) => number {
  const known = new Map<Block, number>();
  const longest = (block: Block): number => {
    let result = known.get(block);
    if (result !== undefined) return result;
    const onwards = [...block.successors.values()].filter(to => to.order > block.order && !to.header && to !== entry).map(longest);
    result = block.instructions.length + Math.max(0, ...onwards);
    known.set(block, result);
    return result;
  };
  return longest;
}
