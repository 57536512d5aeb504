/**
 * The JavaScript of a region. Guest registers and flags are locals; an instruction that the TLB does not serve leaves the region with nothing of it done; the
 * budget is charged by blocks, tested where loops begin, and given back where a block is left half way. EIPs are relative to the page, so that the same text
 * is right wherever the frame is mapped.
 */
import { EIP, FA, FB, FK, FR } from '../architecture/registers.ts';
import { type CodeKind, type EntryState, isLinear, type Steps } from '../architecture/regions.ts';
import { memoryOf, type Value } from '../gen/emitter.ts';
import { S_BUDGET, S_PAGE_EIP, S_USER } from '../scratch.ts';
import { leaving, OUTCOME, RegionEmitter, ROTATIONS, UNCHANGED, type Way } from './emitter.ts';
import type { Block, Instruction, Region } from './region.ts';
import { behindCall, entryText, isLoad, SEGMENT_LOCALS, SegmentedEmitter } from './segmented.ts';
import { QuickEmitter } from './quick.ts';
import { isSse, SSE_ENTER, SSE_RELOAD } from './sse.ts';
import { number } from './text.ts';
import { callText, NO_FORM, unitText } from './units.ts';
import { Windows } from './windows.ts';
import { X87Emitter, X87Plan } from './x87.ts';

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7].map(n => [`r${n}`, n] as const);
const FLAGS = [
  ['fk', FK],
  ['fa', FA],
  ['fb', FB],
  ['fr', FR],
] as const;

/** Ops that leave all flags new, whatever they were; INC and DEC all but CF. */
const SETS = new Set(['add', 'or', 'adc', 'and', 'sub', 'sbb', 'xor', 'cmp', 'test', 'neg', 'xadd', 'mul', 'imul']);
const SHIFTS = new Set(['shl', 'shr', 'sar']);
const READS = new Set(['adc', 'sbb']);
/** … and others that change some of the flags: they read the rest for later instructions that read the flags. */
const CHANGES = new Set(['rol', 'ror', 'bt', 'bts', 'btr', 'btc', 'inc', 'dec']);

/** Instructions that are found or written in one step: some half a millisecond. */
const STEP = 50;

/** Placeholders in a region's text for moves of locals to the state and back, until it is known which locals there are. */
const SPILL = '\x01',
  RELOAD = '\x02';

/** Puts in what depends on the whole text: the registers that it uses are locals, and only those that it sets go back to the state; flags all or none. */
function withLocals(text: string): {
  text: string;
  locals: readonly (readonly [string, number])[];
  spill: string;
  more: string;
} {
  const used = REGISTERS.filter(([name]) => text.includes(name)),
    set = used.filter(([name]) => text.includes(`${name} = `));
  const flags = /\bf[kabro]\b/.test(text) ? FLAGS : [],
    setFlags = /\bf[kabro] = /.test(text) ? FLAGS : [];
  const rotates = /\bfo\b/.test(text);
  const save = (name: string): string =>
    name === 'fr'
      ? OUTCOME
      : !rotates
        ? name
        : name === 'fk'
          ? 'kindWithChange(fk, fo)'
          : name === 'fb'
            ? `withChange(fk, fa, fb, ${OUTCOME}, fo)`
            : name;
  const spill = [...set, ...setFlags].map(([name, word]) => `R[${word}] = ${save(name)};`).join(' ');
  const locals = [...used, ...flags, ...SEGMENT_LOCALS.filter(([name]) => new RegExp(`\\b${name}\\b`).test(text))],
    reload = locals.map(([name, word]) => `${name} = R[${word}];`).join(' ') + (rotates ? UNCHANGED : '');
  return {
    text: text.replaceAll(SPILL, spill).replaceAll(RELOAD, reload),
    locals,
    spill,
    more: rotates ? ', fo = -1' : '',
  };
}

const setsFlags = ({ form, decoded }: Instruction): boolean =>
  SETS.has(form.op) ||
  (SHIFTS.has(form.op) &&
    form.places[1] === 'i' &&
    ((decoded.row!.operands[1] === '1' ? 1 : decoded.immediate) & 31) !== 0);

/** The page that an instruction's last bytes lie in, if they do not lie in that of the first. */
const pageBehind = ({ offset, decoded }: Instruction): number | null => {
  const last = (offset + decoded.length - 1) >> 12;
  return last === offset >> 12 ? null : last;
};

/** Whether someone may read the flags that each instruction leaves, and those from before the block: a reader, an exit. `live`: those that the block leaves. */
function liveFlags(block: Block, live: boolean, windows: Windows): { before: boolean; behind: boolean[] } {
  const behind: boolean[] = [],
    { instructions } = block;
  for (let i = instructions.length - 1; i >= 0; i--) {
    const at = instructions[i]!,
      { form } = at;
    behind[i] = live;
    if (setsFlags(at)) live = false;
    const { memory, stack } = windows.of(block, i),
      mayMiss = (memoryOf(form) !== null && memory === null) || (form.uses.stack && stack === null) || form.uses.string;
    if (
      form === NO_FORM ||
      (form.uses.flags && !CHANGES.has(form.op)) ||
      READS.has(form.op) ||
      mayMiss ||
      pageBehind(at) !== null
    )
      live = true;
  }
  return { before: live, behind };
}

/** Whether a way out of the region begins behind the block's last instruction. */
function leavesBehind({ instructions, successors }: Block): boolean {
  const {
      offset,
      decoded,
      target,
      form: { op, uses },
    } = instructions.at(-1)!,
    next = offset + decoded.length;
  if (uses.indirect) return true;
  const jumps = op === 'jmp' || uses.returns;
  return !((jumps || successors.has(next)) && (!uses.direct || successors.has(target)));
}

/**
 * The text of the region's function, `() => void`: the names that it uses are those of `VALUES` in tier.ts. It runs where S_USER is `user`: one more local would
 * live round every loop. `longest`: see `longestWay`; `calls`: what it calls, by number.
 */
export function* sourceOf(
  region: Region,
  code: CodeKind,
  user: number,
  expected: EntryState | null,
): Steps<{ text: string; longest: number; calls: Instruction[]; windows: boolean }> {
  const calls: Instruction[] = [];
  const { entry } = region,
    isFlat = isLinear(code),
    x87 = isFlat ? X87Plan.of(region) : null,
    windows = new Windows(region, isFlat ? expected : null);
  const hasSse = region.blocks.some(({ instructions }) =>
    instructions.some(({ form, called, decoded }) => form === NO_FORM && !called && isSse(decoded)),
  );
  const reload = hasSse ? ` ${SSE_RELOAD}` : '';
  const longest = longestWay(region);
  const tested = (block: Block): boolean => block.header || block === entry;

  const tables = new Map(region.pages.map(page => [page.number, page.table]));
  /** Mappings are not watched: what leads to another page sees whether that is the one that was compiled, and so does an instruction that lies in two. */
  const isElsewhere = (page: number): Value =>
    `CP[((base + ${isFlat ? '' : 's1 + '}${number(page * 4096)}) >>> 12) + u] !== ${number(tables.get(page)!)}`;
  const crossing = (from: Block, to: Block): string => {
    const page = to.offset >> 12;
    return page === from.instructions.at(-1)!.offset >> 12 || page === 0
      ? ''
      : `if (${isElsewhere(page)}) { ip = ${number(to.offset)}; break out; } `;
  };

  // Backwards: what may read the flags. Where the budget is tested, the way out does.
  const behind = new Map<Block, boolean[]>(),
    wanted = new Set<Block>();
  for (const block of [...region.blocks].reverse()) {
    const live =
      leavesBehind(block) ||
      [...block.successors.values()].some(
        to => to.order <= block.order || wanted.has(to) || crossing(block, to) !== '',
      );
    const flags = liveFlags(block, live, windows);
    behind.set(block, flags.behind);
    if (flags.before || tested(block)) wanted.add(block);
  }

  const rotates = region.blocks.some(block =>
    block.instructions.some(({ form }, i) => ROTATIONS.has(form.op) && behind.get(block)![i]!),
  );
  // Forwards: the text of each block, with the kind of flags that all its predecessors leave. Where it leads to another, the text has that other's number.
  const kinds = new Map<Block, number>(),
    texts = new Map<Block, string>();
  let written = region.instructions >> 1;
  for (const block of region.blocks) {
    const count = block.instructions.length;
    if ((written += count) > STEP) {
      yield;
      written = count;
    }
    let text = tested(block) ? `if (n < ${longest(block)}) { ip = ${number(block.offset)}; break out; }\n` : '';
    text += `n = n - ${count} | 0;\n`;
    let kind = tested(block) ? -1 : (kinds.get(block) ?? -1),
      leads = false;
    const way: Way = offset => `\0${offset}\0`,
      targets = [...block.successors.keys()];
    const stack = x87?.block(block) ?? null;
    let ended = false;
    const emitterOf = (at: Instruction, i: number): RegionEmitter => {
      const rest = [
        at,
        count - i,
        kind,
        behind.get(block)![i]!,
        at.form.uses.indirect ? targets : [],
        rotates,
        windows.of(block, i),
        way,
      ] as const;
      return isFlat ? new RegionEmitter(...rest) : new SegmentedEmitter(code, ...rest);
    };
    block.instructions.forEach((at, i) => {
      if (ended) return;
      const beyond = pageBehind(at);
      if (beyond !== null && beyond !== 0) text += `${leaving(at.offset, count - i)(isElsewhere(beyond))} `;
      if (at.form === NO_FORM) {
        let setsFlags = true,
          own: string;
        if (x87 !== null && X87Emitter.takes(at.decoded)) {
          const expanded = stack?.expand(at.decoded, at.offset, leaving(at.offset, count - i)) ?? null;
          ({ text: own, setsFlags } = expanded ?? { text: leaving(at.offset, count - i)('true'), setsFlags: true });
          ended = expanded === null;
        } else if (at.called) {
          own =
            callText(calls.push(at) - 1, at.offset, count - i - 1, SPILL, RELOAD, x87?.leave) +
            reload +
            (isFlat ? '' : behindCall(at.decoded, at.offset, count - i - 1, code));
          if (at.quick !== null)
            own = new QuickEmitter(at, at.quick, count - i, kind, behind.get(block)![i]!, rotates, way).before(own);
        } else if (!isFlat && isLoad(at.decoded, code)) {
          own = new SegmentedEmitter(code, at, count - i, -1, false, [], false, windows.of(block, i), way).expandLoad();
          setsFlags = false;
        } else ({ text: own, setsFlags } = unitText(at.decoded, at.offset, leaving(at.offset, count - i)));
        text += `/*${at.offset}*/ ${own}${setsFlags && rotates && !at.called ? UNCHANGED : ''}\n`;
        if (setsFlags) kind = -1;
        leads = false;
        return;
      }
      const emitter = emitterOf(at, i);
      text += `/*${at.offset}*/ ${emitter.expand()}\n`;
      ({ kind, leads } = emitter);
    });
    texts.set(block, leads || ended ? text : `${text}${way(block.next)}\n`);
    for (const to of block.successors.values()) kinds.set(to, kinds.has(to) && kinds.get(to) !== kind ? -1 : kind);
  }

  if (written > STEP >> 1) yield;
  // A branch may have both ways to one place: what follows is written once all the same.
  for (const block of region.blocks) {
    for (const [offset, to] of block.successors)
      if (texts.get(block)!.split(`\0${offset}\0`).length > 2 && to.order > block.order) to.merge = true;
  }

  const edge = (from: Block, offset: number): string => {
    const to = from.successors.get(offset);
    if (to === undefined) return `ip = ${number(offset)}; break out;`;
    const goes = to.order <= from.order ? `continue L${to.order};` : to.merge ? `break B${to.order};` : tree(to);
    return crossing(from, to) + goes;
  };
  const body = (block: Block): string =>
    texts.get(block)!.replace(/\0(-?\d+)\0/g, (_, offset) => edge(block, Number(offset)));
  const mergesOf = (block: Block): Block[] => region.blocks.filter(other => other.merge && other.dominator === block);
  const within = (block: Block, merges: Block[]): string => {
    const last = merges.pop();
    return last === undefined ? body(block) : `B${last.order}: {\n${within(block, merges)}}\n${tree(last)}`;
  };
  const tree = (block: Block): string => {
    const text = within(block, mergesOf(block));
    return block.header ? `L${block.order}: for (;;) {\n${text}}\n` : text;
  };
  const inside = tree(entry),
    {
      text: whole,
      locals,
      spill,
      more,
    } = withLocals(
      `${isFlat ? '' : entryText(region, code, inside)}${windows.text}${x87?.enter ?? ''}out: {\n${inside}}\n${x87?.leave ?? ''}`,
    );
  // In parentheses: V8 compiles it at once, and does not read it once to skip it and again for its first call.
  const text = `return (function () {
if (S[${S_USER}] !== ${user}) return;
let ${locals.map(([name, word]) => `${name} = R[${word}], `).join('')}n = S[${S_BUDGET}], base = S[${S_PAGE_EIP}], ip = 0, m = 0, a = 0, b = 0, c = 0, r = 0, t = 0, h = 0, e = 0${whole.includes(' q = ') || whole.includes('(q = ') ? ', q = 0' : ''}${more}${windows.locals.map(name => `, ${name} = 0`).join('')};
${hasSse ? `${SSE_ENTER}\n` : ''}${whole}${spill} R[${EIP}] = (base + ip) | 0; S[${S_BUDGET}] = (n + m) | 0;
});`;
  return {
    longest: longest(entry),
    calls,
    windows: windows.locals.length > 0,
    text: text.replaceAll(' + u]', user === 0 ? ']' : ` + ${user}]`),
  };
}

/** Most instructions from a block's start to the next test of the budget or out of the region. */
function longestWay({ entry }: Region): (block: Block) => number {
  const known = new Map<Block, number>();
  const longest = (block: Block): number => {
    let result = known.get(block);
    if (result !== undefined) return result;
    const onwards = [...block.successors.values()]
      .filter(to => to.order > block.order && !to.header && to !== entry)
      .map(longest);
    result = block.instructions.length + Math.max(0, ...onwards);
    known.set(block, result);
    return result;
  };
  return longest;
}
