/**
 * Writes the interpreter: the hot switch, its sister for 16-bit code (narrow.ts) and a general function for every form, all expanded from
 * semantics.ts. Run by the Vite plugin at build time, so the page needs no `eval` for it. Each switch must stay under 40 KB of bytecode: V8 does not optimise functions above 60 KB
 * and the interpreter would be 50 times slower (docs/architecture.md; guarded by interpreter.test.ts).
 */
import { ADC, ADD, ALL, DEC, EXPLICIT, INC, LOGIC, SBB, SUB } from '../flags.ts';
import { HOT_X87, HOT_X87_READS, HOT_X87_WRITES } from '../fpu/hot.ts';
import { THROWN } from '../memory.ts';
import { META, META_LOCK } from '../ops/context.ts';
import { CR0, CR4, XMM } from '../registers.ts';
import type { Row } from '../table/row.ts';
import { allForms } from './forms.ts';
import { NARROW_FLAGS, NARROW_LOOK, NARROW_SPECIAL, NARROW_TAKEN, narrowAccess, narrowEnd, narrowOperand } from './narrow.ts';
import { conditionText, semantics } from './semantics.ts';

const NEXT = 'p = A[p + 1]; continue;';
/** Record of what runs at linear address `t` (flat code segment); 0: not known. */
const LOOKUP = 'PM[CP[(t >>> 12) | u] + (t & 4095)]';
const ADDRESS = '(R[A[p + 4]] + (R[(e = A[p + 5]) & 15] << (e >>> 4)) + A[p + 6]) | 0';
const SSE_USABLE = `if ((R[${CR0}] & 12) !== 0 || (R[${CR4}] & 512) === 0) break;`;
const NEAR = '(R[A[p + 4]] + A[p + 6]) | 0';
const MISS4 = (table: string, at = 't') => `((e = ${table}[(${at} >>> 12) | u]) | ${at}) & 3`;
/** To the record of a direct branch's target; `c` is where its page begins. */
const RETARGET = `if ((q = A[p + 4]) === 0) { t = (S[2] + A[p + 5]) | 0; if ((q = ${LOOKUP}) === 0) break; c = t & -4096; } else c = S[2];`;

/** Cases that are no forms: control flow, stack and records of the engine's own. All of them need the flat 32-bit mode unless they touch registers alone. */
const SPECIAL: Record<string, string> = {
  // Records that stand for no instruction.
  goto: 'n = (n + 1) | 0; if ((q = A[p + 4]) === 0) break; p = q; continue;',
  cross: `n = (n + 1) | 0; t = (S[2] + 4096) | 0; if ((q = ${LOOKUP}) === 0) break; S[2] = t; p = q; continue;`,

  'mov.rm.near': `t = ${NEAR}; if (${MISS4('TR')}) break; R[A[p + 2]] = M4[(e ^ t) >>> 2]; ${NEXT}`,
  'mov.rm': `t = ${ADDRESS}; if (${MISS4('TR')}) break; R[A[p + 2]] = M4[(e ^ t) >>> 2]; ${NEXT}`,
  'mov.mr.near': `t = ${NEAR}; if (${MISS4('TW')}) break; M4[(e ^ t) >>> 2] = R[A[p + 3]]; ${NEXT}`,
  'mov.mr': `t = ${ADDRESS}; if (${MISS4('TW')}) break; M4[(e ^ t) >>> 2] = R[A[p + 3]]; ${NEXT}`,
  'lea.near': `R[A[p + 2]] = ${NEAR}; ${NEXT}`,
  lea: `R[A[p + 2]] = ${ADDRESS}; ${NEXT}`,

  'push.r': `t = (R[4] - 4) | 0; if (${MISS4('TW')}) break; M4[(e ^ t) >>> 2] = R[A[p + 2]]; R[4] = t; ${NEXT}`,
  'push.i': `t = (R[4] - 4) | 0; if (${MISS4('TW')}) break; M4[(e ^ t) >>> 2] = A[p + 7]; R[4] = t; ${NEXT}`,
  'push.m': `t = ${ADDRESS}; if (${MISS4('TR')}) break; r = M4[(e ^ t) >>> 2]; t = (R[4] - 4) | 0; if (${MISS4('TW')}) break; M4[(e ^ t) >>> 2] = r; R[4] = t; ${NEXT}`,
  'pop.r': `t = R[4]; if (${MISS4('TR')}) break; r = M4[(e ^ t) >>> 2]; R[4] = (t + 4) | 0; R[A[p + 2]] = r; ${NEXT}`,
  leave: `t = R[5]; if (${MISS4('TR')}) break; R[5] = M4[(e ^ t) >>> 2]; R[4] = (t + 4) | 0; ${NEXT}`,

  jmp: `${RETARGET} S[2] = c; p = q; continue;`,
  call: `h = (R[4] - 4) | 0; if (${MISS4('TW', 'h')}) break; ${RETARGET} M4[(e ^ h) >>> 2] = (S[2] + A[p + 7]) | 0; R[4] = h; S[2] = c; p = q; continue;`,
  ret: `h = R[4]; if (${MISS4('TR', 'h')}) break; t = M4[(e ^ h) >>> 2]; if ((q = ${LOOKUP}) === 0) break; R[4] = (h + 4 + A[p + 7]) | 0; S[2] = t & -4096; p = q; continue;`,
  'jmpind.r': `t = R[A[p + 3]]; if ((q = ${LOOKUP}) === 0) break; S[2] = t & -4096; p = q; continue;`,
  'jmpind.m': `t = ${ADDRESS}; if (${MISS4('TR')}) break; t = M4[(e ^ t) >>> 2]; if ((q = ${LOOKUP}) === 0) break; S[2] = t & -4096; p = q; continue;`,
  'callind.r': `h = (R[4] - 4) | 0; if (${MISS4('TW', 'h')}) break; t = R[A[p + 3]]; if ((q = ${LOOKUP}) === 0) break; M4[(e ^ h) >>> 2] = (S[2] + A[p + 7]) | 0; R[4] = h; S[2] = t & -4096; p = q; continue;`,
  'callind.m': `t = ${ADDRESS}; if (${MISS4('TR')}) break; t = M4[(e ^ t) >>> 2]; if ((q = ${LOOKUP}) === 0) break; h = (R[4] - 4) | 0; if (${MISS4('TW', 'h')}) break; M4[(e ^ h) >>> 2] = (S[2] + A[p + 7]) | 0; R[4] = h; S[2] = t & -4096; p = q; continue;`,

  'setcc.r': `R8[A[p + 3]] = condition(A[p + 7], fk, fa, fb, fr) ? 1 : 0; ${NEXT}`,
  'cmovcc.rr': `if (condition(A[p + 7], fk, fa, fb, fr)) R[A[p + 2]] = R[A[p + 3]]; ${NEXT}`,
  'cmovcc.rm': `t = ${ADDRESS}; if (${MISS4('TR')}) break; if (condition(A[p + 7], fk, fa, fb, fr)) R[A[p + 2]] = M4[(e ^ t) >>> 2]; ${NEXT}`,
  cdq: `R[2] = R[0] >> 31; ${NEXT}`,
  cwde: `R[0] = R[0] << 16 >> 16; ${NEXT}`,
  'mul.r': `t = R[0]; b = R[A[p + 3]]; h = multiplyHigh(t, b); R[0] = Math.imul(t, b); R[2] = h; fk = EXPLICIT; fb = h === 0 ? 0 : 2049; fr = R[0]; ${NEXT}`,
  // Moves of 16 aligned bytes, where SSE may be used: CR0.EM and TS clear, CR4.OSFXSR set.
  'sse.load': `${SSE_USABLE} t = ${ADDRESS}; if (((e = TR[(t >>> 12) | u]) | t) & 15) break; h = (e ^ t) >>> 2; q = (A[p + 2] << 2) + ${XMM}; ${
    [0, 1, 2, 3].map(i => `R[q + ${i}] = M4[h + ${i}]; `).join('')}${NEXT}`,
  'sse.store': `${SSE_USABLE} t = ${ADDRESS}; if (((e = TW[(t >>> 12) | u]) | t) & 15) break; h = (e ^ t) >>> 2; q = (A[p + 2] << 2) + ${XMM}; ${
    [0, 1, 2, 3].map(i => `M4[h + ${i}] = R[q + ${i}]; `).join('')}${NEXT}`,
  nop: NEXT,
};
// Overflow and parity are tested so seldom that they stay functions.
for (const cc of [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15]) {
  NARROW_SPECIAL[`jcc.${cc}`] = `if (${conditionText(cc)}) break taken; ${NEXT}`;
  SPECIAL[`jcc.${cc}`] = `if (${conditionText(cc)}) { if ((q = A[p + 4]) !== 0) { p = q; continue; } t = (S[2] + A[p + 5]) | 0; if ((q = ${LOOKUP}) === 0) break; S[2] = t & -4096; p = q; continue; } ${NEXT}`;
}

// x87: functions of fpu/hot.ts, which return false for whatever is not ordinary.
for (const [name, run] of Object.entries(HOT_X87)) SPECIAL[name] = `if (!${run}(R, A, S, p)) break; ${NEXT}`;
for (const [names, table] of [[HOT_X87_READS, 'TR'], [HOT_X87_WRITES, 'TW']] as const) {
  for (const [name, run] of Object.entries(names)) {
    SPECIAL[name] = `t = ${ADDRESS}; if (${MISS4(table)}) break; if (!${run}(R, A, S, p, M4, (e ^ t) >>> 2, t)) break; ${NEXT}`;
  }
}
const X87_FUNCTIONS = Object.values({ ...HOT_X87, ...HOT_X87_READS, ...HOT_X87_WRITES });

export interface Numbering {
  /** Op number of a case of the switch, by form or special name. */
  hot: Map<string, number>;
  /** The same of the switch for 16-bit code. */
  narrow: Map<string, number>;
  /** Where its cases with a memory operand begin, and among these those that write it. */
  narrowReads: number;
  narrowWrites: number;
  /** Op number of the general function of a form. */
  general: Map<string, number>;
  /** First op number for functions of rows (ops/, fpu/). */
  firstFunction: number;
}

export function numbering(rows: readonly Row[]): Numbering {
  const forms = allForms(rows);
  const hot = new Map<string, number>(), narrow = new Map<string, number>();
  // 0 is never a record's op: it marks an unused record.
  let next = 1;
  for (const name of Object.keys(SPECIAL)) hot.set(name, next++);
  for (const [form, { wide, near }] of forms) if (wide && !near) hot.set(form, next++);
  const narrowNames = [...Object.keys(NARROW_SPECIAL), ...[...forms].filter(([, { narrow }]) => narrow).map(([form]) => form)];
  const first = [0, 1, 2].map(access => {
    const from = next;
    for (const name of narrowNames) if (narrowAccess(name, op => semantics[op]!.writes === true) === access) narrow.set(name, next++);
    return from;
  });
  const general = new Map<string, number>();
  for (const form of forms.keys()) general.set(form, next++);
  return { hot, narrow, narrowReads: first[1]!, narrowWrites: first[2]!, general, firstFunction: next };
}

interface Form {
  op: string;
  bits: number;
  shift: number;
  places: string;
  /** Size of a register or memory operand 1. */
  bits1: number;
}

function parse(name: string): Form {
  const [op, size, rest] = name.split('.') as [string, string, string];
  const [, places, bits1] = /^([a-z]+)(\d*)$/.exec(rest)!;
  const bits = Number(size);
  return { op, bits, shift: 32 - bits, places: places!, bits1: bits1 === '' ? bits : Number(bits1) };
}

/** Replaces the placeholders of semantics.ts. */
function expand(text: string, form: Form, skip: string): string {
  return text
    .replaceAll('SETCF(t)', 'if (fk !== ALL && (fk & 15) !== EXPLICIT) { fb = arithmetic(fk, fa, fb, fr); fk = fk & -16 | EXPLICIT; } fb = fb & -2 | t;')
    .replaceAll('SKIP', skip)
    .replaceAll('CARRY', 'carry(fk, fa, fb, fr)')
    .replaceAll('ONE', String(form.shift === 0 ? 1 : 1 << form.shift))
    .replaceAll('BITS', String(form.bits))
    .replace(/\| SHIFT << 4/g, form.shift === 0 ? '' : `| ${form.shift << 4}`)
    .replace(/ << SHIFT >> SHIFT/g, form.shift === 0 ? '' : ` << ${form.shift} >> ${form.shift}`)
    .replace(/ << SHIFT/g, form.shift === 0 ? '' : ` << ${form.shift}`)
    .replaceAll('SHIFT', String(form.shift));
}

const register = (bits: number, word: number) => (bits === 32 ? `R[A[p + ${word}]]` : bits === 16 ? `R16[A[p + ${word}] << 1]` : `R8[A[p + ${word}]]`);

/** A value as `held` says: from `text`, which is zero-extended for narrow operands and signed for 32 bits. */
function held(text: string, bits: number, how: 'top' | 'zero' | 'sign'): string {
  if (bits === 32) return text;
  const shift = 32 - bits;
  if (how === 'top') return `${text} << ${shift}`;
  if (how === 'sign') return `${text} << ${shift} >> ${shift}`;
  return text;
}

function loads(form: Form, memory: string): string {
  const { reads, form: how } = semantics[form.op]!;
  let text = '';
  for (const letter of reads) {
    // With two operands the third factor of IMUL is the first operand.
    const index = letter === 'a' ? 0 : letter === 'b' ? 1 : form.places.length > 2 ? 2 : 0;
    const place = form.places[index]!;
    const bits = index === 1 ? form.bits1 : form.bits;
    let value: string;
    if (place === 'i') value = how === 'zero' && form.bits < 32 ? `A[p + 7] & ${(1 << form.bits) - 1}` : 'A[p + 7]';
    else if (place === 'c') value = 'R8[4]';
    else if (place === 'm') value = memory;
    else value = register(bits, index === 0 ? 2 : 3);
    const isCount = /^(sh|sa|ro|rc)/.test(form.op) && letter === 'b';
    text += `${letter} = ${isCount ? value.replace(/ & .*/, '') : held(`${value}`, bits, how)}; `;
  }
  return text;
}

/** The result as it is stored: typed arrays truncate, so only the top form must come down. */
const result = (form: Form) => (semantics[form.op]!.form === 'top' && form.shift !== 0 ? `r >>> ${form.shift}` : 'r');
const second = (form: Form) => {
  const { second: text, form: how } = semantics[form.op]!;
  if (text === undefined) return '';
  return `${register(form.bits, 3)} = ${how === 'top' && form.shift !== 0 ? `${text} >>> ${form.shift}` : text}; `;
};

/** `finds`: false where text before the switch has found the memory operand: its machine offset is in `h`. */
function hotCase(name: string, finds: boolean): string {
  const form = parse(name);
  const s = semantics[form.op]!;
  const at = form.places.indexOf('m');
  const writesMemory = at === 0 && s.writes === true;
  let access = '', cell = '';
  if (at >= 0) {
    const bits = at === 1 ? form.bits1 : form.bits;
    const table = writesMemory ? 'TW' : 'TR';
    const test = bits === 8 ? `(e = ${table}[(t >>> 12) | u]) & 1` : `((e = ${table}[(t >>> 12) | u]) | t) & ${bits === 32 ? 3 : 1}`;
    if (finds) access = `t = ${ADDRESS}; if (${test}) break; h = (e ^ t) >>> ${bits === 32 ? 2 : bits === 16 ? 1 : 0}; `;
    cell = `${bits === 32 ? 'M4' : bits === 16 ? 'M2' : 'M1'}[${finds ? 'h' : `h >>> ${bits >> 4}`}]`;
  }
  const store = s.writes !== true ? '' : writesMemory ? `${cell} = ${result(form)}; ` : `${register(form.bits, 2)} = ${result(form)}; `;
  const flags = expand(s.flags ?? '', form, '');
  return access + loads(form, cell) + expand(s.text, form, `{ ${NEXT} }`) + ' ' + second(form) + store + (finds ? `${flags} ${NEXT}` : narrowEnd(flags));
}

const KINDS: Record<string, number> = { ALL, SUB, ADD, LOGIC, INC, DEC, EXPLICIT, SBB, ADC };
/** Lazy flags as words of R, their kinds as numbers. */
const inState = (text: string) =>
  text.replace(/\bfk\b/g, 'R[10]').replace(/\bfa\b/g, 'R[11]').replace(/\bfb\b/g, 'R[12]').replace(/\bfr\b/g, 'R[13]')
    .replace(/\b[A-Z]{3,8}\b/g, name => String(KINDS[name] ?? name));

function generalFunction(name: string): string {
  const form = parse(name);
  const s = semantics[form.op]!;
  const at = form.places.indexOf('m');
  const writesMemory = at === 0 && s.writes === true;
  const bits = at === 1 ? form.bits1 : form.bits;
  const bytes = bits / 8;
  const text = inState(expand(s.text, form, 'return;'));
  const flags = inState(expand(s.flags ?? '', form, ''));
  const head = 'let a = 0, b = 0, c = 0, r = 0, t = 0; ';
  if (at < 0) return `${head}${loads(form, '')}${text} ${second(form)}${s.writes === true ? `${register(form.bits, 2)} = ${result(form)}; ` : ''}${flags}`;
  const address = `const linear = cpu.address(p, ${bytes}, ${writesMemory}); `;
  if (!writesMemory) {
    return `${head}${address}const value = cpu.read${bits}(linear); ${loads(form, 'value')}${text} ${second(form)}${
      s.writes === true ? `${register(form.bits, 2)} = ${result(form)}; ` : ''}${flags}`;
  }
  if (!s.reads.includes('a')) return `${head}${address}${loads(form, '')}${text} cpu.write${bits}(linear, ${result(form)}); ${flags}`;
  // A read-modify-write. LOCK (always on for XCHG) goes through Atomics: Domain 0 and other vCPUs share pages.
  const array = bits === 32 ? 'M4' : bits === 16 ? 'M2' : 'M1';
  const locked = form.op === 'xchg' ? 'true' : '(A[p + META] & LOCK) !== 0';
  const shifted = result(form);
  return `${head}${address}let value = 0, at = -1; `
    + `if (${locked} && (at = cpu.hostAtomic(linear, ${bytes})) >= 0) { const cell = at >>> ${bits === 32 ? 2 : bits === 16 ? 1 : 0}; `
    + `for (;;) { value = Atomics.load(${array}, cell); ${loads(form, 'value')}${text} if (Atomics.compareExchange(${array}, cell, value, ${shifted}) === value) break; } } `
    + `else { cpu.probeWrite(linear, ${bytes}); value = cpu.read${bits}(linear); ${loads(form, 'value')}${text} cpu.write${bits}(linear, ${shifted}); } `
    + second(form) + flags;
}

/** Record indexes are masked so that V8 knows their range: `A[p + 4]` then needs no overflow check. */
export const RECORD_MASK = (1 << 23) - 1;
const USER = 1 << 20;

/** The text of the module `virtual:interpreter`. */
export function generateInterpreter(rows: readonly Row[]): string {
  const { hot, narrow, narrowReads, narrowWrites, general } = numbering(rows);
  const cases = (numbers: Map<string, number>, special: Record<string, string>, finds: boolean) =>
    [...numbers].map(([name, op]) => `        case ${op}: { /* ${name} */ ${inState(special[name] ?? hotCase(name, finds))} }`).join('\n');
  const wideText = `switch (A[p]) {
${cases(hot, SPECIAL, true)}
      }`;
  const narrowText = `slow: {
      look: {
      taken: {
      flags: {
        q = A[p];${narrowOperand(narrowReads, narrowWrites)}
      switch (q) {
${cases(narrow, NARROW_SPECIAL, false)}
      }
        break slow;
      }${inState(NARROW_FLAGS)}
      }${NARROW_TAKEN}
      }${NARROW_LOOK}
      }`;
  const functions = [...general].map(([name, op]) => `  general[${op}] = (_, p) => { /* ${name} */ ${generalFunction(name)} };`);
  return `
import { carry, condition, arithmetic } from '/src/cpu/flags.ts';
import { multiplyHigh } from '/src/cpu/ops/arithmetic.ts';
import { ${X87_FUNCTIONS.join(', ')} } from '/src/cpu/fpu/hot.ts';
const LOCK = ${META_LOCK}, META = ${META};
export function createInterpreter(cpu) {
  return create(cpu, cpu.R, cpu.R8, cpu.R16, cpu.A, cpu.S, cpu.M1, cpu.M2, cpu.M4, cpu.TR, cpu.TW, cpu.CP, cpu.PM, cpu.slow, []);
}
// Parameters: of constants V8 would look at each use whether they are initialised, a tenth of all bytecode.
function create(cpu, R, R8, R16, A, S, M1, M2, M4, TR, TW, CP, PM, slow, general) {
${functions.join('\n')}
  // What is thrown is caught here, next to where it was thrown: unwinding through \`run\` takes V8 tens of microseconds while that is not optimised.
  function perform(p) {
    try { slow[A[p]](cpu, p); } catch (thrown) { cpu.thrown = thrown; S[0] = ${THROWN}; }
  }
  /** 0 also where the code that follows is for the other switch. */
  function reenter(p, wide) {
    if (S[0] === ${THROWN}) return 0;
    try { const q = cpu.enter(p); return cpu.code32 === wide ? q : 0; } catch (thrown) { cpu.thrown = thrown; S[0] = ${THROWN}; return 0; }
  }
${loopText('run', true, wideText)}
${loopText('runNarrow', false, narrowText)}
  return { run, runNarrow, general };
}
`;
}

const loopText = (name: string, wide: boolean, attempt: string): string => `
  /** Runs from record \`first\` until the budget S[1] is used up or something asks to leave. EIP then says where. */
  function ${name}(first) {
    let p = first | 0, n = S[1], u = S[3] & ${USER};
    let a = 0, b = 0, c = 0, r = 0, t = 0, h = 0, e = 0, q = 0;
    for (;;) {
      p &= ${RECORD_MASK};
      if ((n = (n - 1) | 0) < 0) break;
      ${attempt}
      S[1] = n;
      R[9] = (S[2] + (A[p + ${META}] & 8191)) | 0;
      perform(p);
      if (S[0] === 0) p = A[p + 1];
      else {
        p = reenter(p, ${wide}) | 0;
        u = S[3] & ${USER};
        if (p === 0) return;
      }
      n = S[1];
    }
    S[1] = 0;
    R[9] = (S[2] + (A[p + ${META}] & 8191)) | 0;
  }`;
