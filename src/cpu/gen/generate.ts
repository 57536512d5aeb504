/**
 * Writes the interpreter: the switch for flat 32-bit code (wide.ts), its sister for 16-bit code (narrow.ts) and a general function for every form
 * (general.ts), all expanded from semantics.ts, and what the translator must know of them. Run by the Vite plugin at build time, so the page needs no `eval`
 * for it and no bundle holds the generator. Each switch must stay under 40 KB of bytecode: V8 does not optimise functions above 60 KB
 * and the interpreter would be 50 times slower (docs/measurements.md; guarded by whole-processor/interpreter.test.ts).
 */
import { FLAT, KEY_LONG } from '../mode.ts';
import { SAME_MOVE } from '../tlb.ts';
import { GO, JUMP, S_BUDGET, S_PAGE_EIP, S_PATCH, S_STOP, S_USER, THROWN } from '../scratch.ts';
import { RECORD_MASK } from '../record.ts';
import {
  ACCESSES,
  ADDRESS,
  BRANCHES,
  BYTE_0,
  BYTE_1,
  CASE_BASED,
  CASE_COUNTS,
  CASE_DIRECT,
  CASE_INDIRECT,
  CASE_PUSHES,
  CASE_READS_FLAGS,
  CASE_STATE_WORD,
  CASE_X87,
  CONDITION,
  COUNTS,
  type FormPlan,
  LOCKS,
  type LongPlans,
  OWN_FUNCTIONS,
  type Plans,
  REGISTER_0,
  REGISTER_1,
  RETURNS,
  SELECTOR,
  STACK,
  STORES,
  STRING,
  type Switch,
} from '../plans.ts';
import { EIP, HIGH } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import { type Form, memoryOf, type Size, type TextEmitter, type Uses } from './emitter.ts';
import { allForms, allLongForms, formOf, longFormOf } from './forms.ts';
import { unitCase } from './fpu.ts';
import { CONTROL_FUNCTIONS, GeneralEmitter, STRING_FUNCTIONS } from './general.ts';
import { LONG_FUNCTIONS, LongEmitter } from './long.ts';
import {
  ENTERED,
  LONG_CASES,
  LONG_STUBS,
  LONG_TAILS,
  longAccess,
  LongCaseEmitter,
  longOperand,
  LongUnitEmitter,
  RECORD_RIP,
} from './long-cases.ts';
import {
  NARROW_FLAGS,
  NARROW_LOOK,
  NARROW_STUBS,
  NARROW_TAKEN,
  narrowAccess,
  NarrowEmitter,
  narrowOperand,
} from './narrow.ts';
import { NEXT_RECORD, OFFSET, PAGE_EIP, record } from './record.ts';
import { semantics } from './semantics.ts';
import { unitDescription } from './unit-semantics.ts';
import { WIDE_STUBS, WideEmitter } from './wide.ts';

interface Case {
  op: number;
  name: string;
  text: string;
  facts: number;
}
interface Parts {
  wide: Case[];
  narrow: Case[];
  /** Where the second switch's cases with a memory operand begin, and among these those that write it. */
  narrowReads: number;
  narrowWrites: number;
  general: { op: number; form: Form }[];
  /** Functions of fpu/hot.ts that cases call. */
  hot: Set<string>;
  plans: Plans;
}

/** A form's text for one tier. */
function expand(emitter: TextEmitter): string {
  semantics[emitter.form.op]!(emitter);
  return emitter.finish();
}

const bit = (condition: boolean, value: number): number => (condition ? value : 0);

function formFacts(form: Form): number {
  const { uses, places, bits, bits1 } = form;
  const memory = memoryOf(form),
    isRegister = (operand: number) => places[operand] === 'r';
  const register = (operand: number, size: Size, any: number, byte: number) =>
    bit(isRegister(operand), size === 8 ? byte : any);
  return (
    bit(memory !== null, ACCESSES) |
    bit(memory?.writes === true, STORES) |
    bit(uses.address, ADDRESS) |
    bit(uses.direct || uses.indirect, BRANCHES) |
    bit(uses.stack, STACK) |
    bit(uses.counter, COUNTS) |
    bit(uses.atomic && memory !== null, LOCKS) |
    register(0, bits, REGISTER_0, BYTE_0) |
    register(1, bits1, REGISTER_1, BYTE_1) |
    bit(uses.condition, CONDITION) |
    bit(uses.returns, RETURNS) |
    bit(uses.selector, SELECTOR) |
    bit(uses.string, STRING)
  );
}

const caseFacts = (uses: Uses): number =>
  bit(uses.direct, CASE_DIRECT) |
  bit(uses.pushes, CASE_PUSHES) |
  bit(uses.flags, CASE_READS_FLAGS) |
  bit(uses.indirect, CASE_INDIRECT) |
  bit(uses.counter, CASE_COUNTS) |
  bit(uses.selector || uses.string, CASE_STATE_WORD);

function partsOf(rows: readonly Row[]): Parts {
  const forms = [...allForms(rows).values()];
  const wide: Case[] = [],
    narrow: Case[] = [];
  const plans = new Map<string, FormPlan>(
    forms.map(({ form }) => [
      form.name,
      {
        general: 0,
        wide: 0,
        near: 0,
        based: 0,
        narrow: 0,
        facts: formFacts(form),
        bytes: (memoryOf(form)?.bits ?? 0) / 8,
      },
    ]),
  );
  // 0 is never a record's op: it marks an unused record.
  let next = 1;
  const add = (to: Case[], name: string, text: string, facts: number): number => {
    to.push({ op: next, name, text, facts });
    return next++;
  };
  const stubs = (to: Case[], texts: Record<string, string>) =>
    Object.entries(texts).map(([name, text]) => add(to, name, text, CASE_DIRECT));
  const [goto, cross] = stubs(wide, WIDE_STUBS) as [number, number];
  for (const { form, ...cases } of forms) {
    const plan = plans.get(form.name)!;
    if (cases.wide)
      plan.wide = plan.near = add(wide, form.name, expand(new WideEmitter(form, {})), caseFacts(form.uses));
    if (cases.near)
      plan.near = add(wide, `${form.name}.near`, expand(new WideEmitter(form, { near: true })), caseFacts(form.uses));
    if (cases.based)
      plan.based = add(
        wide,
        `${form.name}.based`,
        expand(new WideEmitter(form, { based: true })),
        caseFacts(form.uses) | CASE_BASED,
      );
  }
  const hot = new Set<string>();
  const unitCases = rows.flatMap(row =>
    [false, true].flatMap(memory => {
      const found = unitCase(row, memory);
      if (found === null) return [];
      for (const name of found.calls) hot.add(name);
      return [
        row.id * 4 + (memory ? 2 : 0),
        add(wide, `${row.op} ${row.operands}`, found.text, bit(found.x87, CASE_X87)),
        found.x87 ? found.number : -1,
      ];
    }),
  );

  const [narrowGoto, narrowCross] = stubs(narrow, NARROW_STUBS) as [number, number];
  const [, narrowReads, narrowWrites] = ([0, 1, 2] as const).map(access => {
    const first = next;
    for (const { form, ...cases } of forms) {
      if (cases.narrow && narrowAccess(form) === access)
        plans.get(form.name)!.narrow = add(narrow, form.name, expand(new NarrowEmitter(form)), caseFacts(form.uses));
    }
    return first;
  });

  const general = forms.map(({ form }) => {
    plans.get(form.name)!.general = next;
    return { op: next++, form };
  });
  const index = new Map([...plans.keys()].map((name, i) => [name, i]));
  const variants = rows.flatMap(row =>
    [0, 1, 2, 3].map(variant => {
      const form = formOf(row, (variant & 2) !== 0, (variant & 1) !== 0 ? 16 : 32);
      return form === null ? -1 : (index.get(form.name) ?? -1);
    }),
  );
  variants.length = variants.findLastIndex(form => form >= 0) + 1;
  const nop = plans.get('nop.32')!;
  const cases = (all: Case[]): Switch['cases'] => [...byText(all).values()].map(([{ op, facts }]) => [op, facts]);
  return {
    wide,
    narrow,
    narrowReads: narrowReads!,
    narrowWrites: narrowWrites!,
    general,
    hot,
    plans: {
      wide: { cases: cases(wide), goto, cross, nop: nop.wide },
      narrow: { cases: cases(narrow), goto: narrowGoto, cross: narrowCross, nop: nop.narrow },
      forms: [...plans.values()],
      variants,
      unitCases,
      firstFunction: next,
    },
  };
}

/** Of 64-bit code: op numbers follow all others. */
function longParts(rows: readonly Row[]): {
  cases: Case[];
  /** Where cases with a memory operand begin, and among these those that write it. */
  reads: number;
  writes: number;
  general: Parts['general'];
  plans: LongPlans;
} {
  const forms = [...allLongForms(rows).values()],
    index = new Map(forms.map((form, i) => [form.name, i]));
  const first = partsOf(rows).plans.firstFunction + rows.length * 4 + OWN_FUNCTIONS,
    all: Case[] = [];
  const add = (name: string, text: string, facts: number): number => {
    all.push({ op: first + all.length, name, text, facts });
    return first + all.length - 1;
  };
  const [goto, cross] = Object.entries(LONG_STUBS).map(([name, text]) => add(name, text, CASE_DIRECT)) as [
    number,
    number,
  ];
  const longCases: [number, number, number][] = forms.map(() => [0, 0, 0]),
    unitCases: number[] = [];
  const [, reads, writes] = ([0, 1, 2] as const).map(access => {
    const begin = first + all.length;
    for (const [i, form] of forms.entries()) {
      const memory = memoryOf(form),
        variant = `${memory !== null || form.uses.address ? 'm' : 'r'}${form.bits}`;
      const wanted = LONG_CASES[form.op]?.split(' ') ?? [];
      if (longAccess(form) !== access || !(wanted.includes(variant) || wanted.includes(`${form.bits}.${form.places}`)))
        continue;
      const one = (name: string, near: boolean) =>
        add(name, expand(new LongCaseEmitter(form, near)), caseFacts(form.uses));
      const wide = one(form.name, false);
      longCases[i] = [wide, form.uses.address ? one(`${form.name}.near`, true) : wide, (memory?.bits ?? 0) / 8];
    }
    for (const row of rows) {
      const description = unitDescription(row, true);
      if (description === null || access === 0) continue;
      const emitter = new LongUnitEmitter(row, true);
      description(emitter);
      if (!emitter.x87 && emitter.writes === (access === 2))
        unitCases.push(row.id, add(`${row.op} ${row.operands}`, emitter.text + NEXT_RECORD, 0), emitter.bytes);
    }
    return begin;
  });
  const firstLong = first + all.length;
  return {
    cases: all,
    reads: reads!,
    writes: writes!,
    general: forms.map((form, i) => ({ op: firstLong + i, form })),
    plans: {
      long: {
        cases: [...byText(all).values()].map(([{ op, facts }]) => [op, facts]),
        goto,
        cross,
        nop: longCases[index.get('nop.32')!]![0],
      },
      longCases,
      longUnitCases: unitCases,
      firstLong,
      firstLongFunction: firstLong + forms.length,
      longForms: forms.map(formFacts),
      longVariants: rows.flatMap(row =>
        [false, true].flatMap(memory =>
          ([16, 32, 64] as const).map(size => index.get(longFormOf(row, memory, size)?.name ?? '') ?? -1),
        ),
      ),
    },
  };
}

/** Cases with the same text (branches of both operand sizes, x87 instructions that share a function) are one. */
function byText(cases: readonly Case[]): Map<string, [Case, ...Case[]]> {
  const found = new Map<string, [Case, ...Case[]]>();
  for (const one of cases) {
    const same = found.get(one.text);
    if (same === undefined) found.set(one.text, [one]);
    else same.push(one);
  }
  return found;
}

const casesText = (cases: readonly Case[]): string =>
  [...byText(cases)]
    .map(([text, same]) => `        ${same.map(({ op, name }) => `case ${op}: /* ${name} */`).join(' ')} { ${text} }`)
    .join('\n');

/** How far each number is above the one before. */
const rises = (numbers: readonly number[]): number[] => numbers.map((number, i) => number - (numbers[i - 1] ?? 0));

/** The text of the module `virtual:plans`: few words, since every bundle with a processor carries them. Most numbers rise by one, and rises compress. */
export function generatePlans(rows: readonly Row[]): string {
  const { forms, variants, wide, narrow, ...rest } = partsOf(rows).plans;
  let lastWide = 0,
    lastNarrow = 0;
  const words = forms.map(form => {
    const { facts, bytes } = form;
    const word = [
      facts,
      bytes,
      form.wide && form.wide - lastWide,
      form.near && 1 + form.near - form.wide,
      form.narrow && form.narrow - lastNarrow,
      form.based && form.based - form.wide,
    ];
    lastWide = form.wide || lastWide;
    lastNarrow = form.narrow || lastNarrow;
    return word.join().replace(/(,0)+$/, '');
  });
  const switchText = ({ cases, ...stubs }: Switch): string => {
    const ops = rises(cases.map(([op]) => op));
    return `switchOf(${JSON.stringify(stubs)}, ${JSON.stringify(cases.map(([, facts], i) => [ops[i], facts]))})`;
  };
  return `
const sums = rises => { let sum = 0; return rises.map(rise => (sum += rise)); };
const switchOf = (stubs, cases) => {
  const ops = sums(cases.map(([rise]) => rise));
  return { ...stubs, cases: cases.map(([, facts], i) => [ops[i], facts]) };
};
let lastWide = 0, lastNarrow = 0;
const forms = [[${words.join('],[')}]].map(([facts, bytes = 0, wide = 0, near = 0, narrow = 0, based = 0], i) => ({
  general: ${forms[0]!.general} + i,
  wide: wide && (lastWide += wide),
  near: near && lastWide + near - 1,
  narrow: narrow && (lastNarrow += narrow),
  based: based && lastWide + based,
  facts,
  bytes,
}));
export const plans = { ...${JSON.stringify(rest)}, forms, variants: sums(${JSON.stringify(rises(variants))}), wide: ${switchText(wide)}, narrow: ${switchText(narrow)} };
`;
}

const USER = 1 << 20;

/** Flat code that is known goes on here: as fields of the translator's these arrays cost three times as much. */
const FLAT_ENTRY = `if (wide && S[${S_STOP}] === ${JUMP} && mode.key === ${FLAT} && S[${S_PATCH}] === 0 && S[${S_BUDGET}] > 0) {
      const eip = R[${EIP}], table = CP[(eip >>> 12) + S[${S_USER}]];`;
const LONG_ENTRY = `if (S[${S_STOP}] === ${JUMP} && mode.key === ${KEY_LONG} && S[${S_PATCH}] === 0 && S[${S_BUDGET}] > 0) {
      const eip = R[${EIP}], high = R[${EIP + HIGH}], slot = ((eip + (Math.imul(high >>> ${SAME_MOVE}, tlb.mixer) & -4096)) | 0) >>> 12;
      const table = TH[slot] === high ? CP[slot + S[${S_USER}]] : 0;`;

/** What the loops share. */
const helpers = (
  entry: string,
): string => `  // What is thrown is caught here, next to where it was thrown: unwinding through \`run\` takes V8 tens of microseconds while that is not optimised.
  function perform(p) {
    try { functions[${record.op}](cpu, p); } catch (thrown) { faults.thrown = thrown; S[${S_STOP}] = ${THROWN}; }
  }
  /** 0 also where the code that follows is for another switch: \`wide\` null is that for 64-bit code. */
  function reenter(p, wide) {
    if (S[${S_STOP}] === ${THROWN} && !cpu.loop.handled()) return 0;
    ${entry}
      const q = table === 0 ? 0 : PM[table + (eip & 4095)];
      if (q !== 0) {
        S[${S_PAGE_EIP}] = eip & ~4095;
        S[${S_STOP}] = ${GO};
        return q;
      }
    }
  try { const q = translator.enter(p); return (wide === null ? mode.long : !mode.long && mode.code32 === wide) ? q : 0; } catch (thrown) { faults.thrown = thrown; S[${S_STOP}] = ${THROWN}; return 0; }
  }
`;

/** The text of the module `virtual:interpreter`. */
export function generateInterpreter(rows: readonly Row[]): string {
  const { wide, narrow, narrowReads, narrowWrites, general, hot } = partsOf(rows);
  const wideText = `switch (${record.op}) {
${casesText(wide)}
      }`;
  const narrowText = `slow: {
      look: {
      taken: {
      flags: {
        q = ${record.op};${narrowOperand(narrowReads, narrowWrites)}
      switch (q) {
${casesText(narrow)}
      }
        break slow;
      }${NARROW_FLAGS}
      }${NARROW_TAKEN}
      }${NARROW_LOOK}
      }`;
  const functions = general.map(
    ({ op, form }) => `  general[${op}] = (_, p) => { /* ${form.name} */ ${expand(new GeneralEmitter(form))}};`,
  );
  return `
import { carry, condition, arithmetic } from '/src/cpu/architecture/flags.ts';
import { multiplyHigh, productFlags } from '/src/cpu/ops/arithmetic.ts';
import { ${CONTROL_FUNCTIONS.join(', ')} } from '/src/cpu/ops/control.ts';
import { ${STRING_FUNCTIONS.join(', ')} } from '/src/cpu/ops/string.ts';
import { ${[...hot].join(', ')} } from '/src/cpu/fpu/hot.ts';
export function createInterpreter(cpu) {
  const { tlb, code, writer, memory, addressing, stack, mode, translator, faults } = cpu;
  return create(cpu, cpu.R, cpu.R8, cpu.R16, cpu.A, cpu.S, cpu.M1, cpu.M2, cpu.M4, tlb.TR, tlb.TW, tlb.CP, code.PM, writer.functions, memory, addressing, stack, mode, translator, faults, []);
}
// Parameters: of constants V8 would look at each use whether they are initialised, a tenth of all bytecode.
function create(cpu, R, R8, R16, A, S, M1, M2, M4, TR, TW, CP, PM, functions, memory, addressing, stack, mode, translator, faults, general) {
${functions.join('\n')}
${helpers(FLAT_ENTRY)}${loopText('run', true, wideText)}
${loopText('runNarrow', false, narrowText)}
  return { run, runNarrow, general };
}
`;
}

/** The text of the module `virtual:long`: 64-bit code. */
export function generateLong(rows: readonly Row[]): string {
  const { cases, reads, writes, general, plans } = longParts(rows);
  const functions = general.map(
    ({ op, form }) => `  general[${op}] = (_, p) => { /* ${form.name} */ ${expand(new LongEmitter(form))}};`,
  );
  return `
import { carry, condition, arithmetic } from '/src/cpu/architecture/flags.ts';
import { arithmeticOf, carryOf, conditionOf, resultFlags } from '/src/cpu/architecture/long-flags.ts';
import { ${LONG_FUNCTIONS.join(', ')} } from '/src/cpu/ops/long.ts';
import { multiplyHigh, productFlags } from '/src/cpu/ops/arithmetic.ts';
import { ${CONTROL_FUNCTIONS.join(', ')} } from '/src/cpu/ops/control.ts';
export const plans = ${JSON.stringify(plans)};
export function createLongInterpreter(cpu) {
  const { tlb, code, writer, memory, addressing, stack, mode, translator, faults } = cpu;
  return create(cpu, cpu.R, cpu.R8, cpu.R16, cpu.A, cpu.S, cpu.M1, cpu.M2, cpu.M4, cpu.M8, tlb, tlb.TR, tlb.TW, tlb.TH, tlb.CP, code.PM, writer.functions, memory, addressing, stack, mode, translator, faults, []);
}
function create(cpu, R, R8, R16, A, S, M1, M2, M4, M8, tlb, TR, TW, TH, CP, PM, functions, memory, addressing, stack, mode, translator, faults, general) {
${functions.join('\n')}
${helpers(LONG_ENTRY)}
  /** As the other loops: from record \`first\` until the budget is used up or something asks to leave. RIP then says where. */
  function runLong(first) {
    let p = first | 0, n = S[${S_BUDGET}], u = S[${S_USER}] & ${USER}, m = tlb.mixer | 0;
    let a = 0, ah = 0, b = 0, bh = 0, c = 0, ch = 0, r = 0, rh = 0, t = 0, th = 0, h = 0, e = 0, q = 0, s = 0;
    ${ENTERED}
    for (;;) {
      p &= ${RECORD_MASK};
      if ((n = (n - 1) | 0) < 0) break;
      slow: {
      ${LONG_TAILS.map(([label]) => `${label}: {`).join(' ')}
      q = ${record.op};${longOperand(reads, writes)}
      switch (q) {
${casesText(cases)}
      }
        break slow;
      ${[...LONG_TAILS]
        .reverse()
        .map(([, text]) => `}\n      ${text}`)
        .join('\n      ')}
      }
      S[${S_BUDGET}] = n;
      ${RECORD_RIP}
      perform(p);
      m = tlb.mixer | 0;
      if (S[${S_STOP}] === ${GO}) p = ${record.next};
      else {
        p = reenter(p, null) | 0;
        u = S[${S_USER}] & ${USER};
        if (p === 0) return;
        ${ENTERED}
      }
      n = S[${S_BUDGET}];
    }
    S[${S_BUDGET}] = 0;
    ${RECORD_RIP}
  }
  return { runLong, general };
}
`;
}

/** EIP of the record under way. */
const RECORD_EIP = `R[${EIP}] = (${PAGE_EIP} + ${OFFSET}) | 0;`;

const loopText = (name: string, wide: boolean, attempt: string): string => `
  /** Runs from record \`first\` until the budget is used up or something asks to leave. EIP then says where. */
  function ${name}(first) {
    let p = first | 0, n = S[${S_BUDGET}], u = S[${S_USER}] & ${USER};
    let a = 0, b = 0, c = 0, r = 0, t = 0, h = 0, e = 0, q = 0;
    for (;;) {
      p &= ${RECORD_MASK};
      if ((n = (n - 1) | 0) < 0) break;
      ${attempt}
      S[${S_BUDGET}] = n;
      ${RECORD_EIP}
      perform(p);
      if (S[${S_STOP}] === ${GO}) p = ${record.next};
      else {
        p = reenter(p, ${wide}) | 0;
        u = S[${S_USER}] & ${USER};
        if (p === 0) return;
      }
      n = S[${S_BUDGET}];
    }
    S[${S_BUDGET}] = 0;
    ${RECORD_EIP}
  }`;
