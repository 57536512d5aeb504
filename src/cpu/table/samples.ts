/** For tests: encodings that show every row, and random bytes that look like code. */
import type { CodeSize, Row } from './row.ts';

/** Bytes after the opcode that a sample can use for displacement and immediate. */
const FILL = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1];
const FILL_NEGATIVE = [0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80];
/** mod and rm of the memory forms shown, for 16-bit addresses and for longer ones (with an SIB byte where rm is 4). */
const MEMORY_16 = [
  [0, 6],
  [1, 2],
  [2, 7],
] as const;
const MEMORY_32 = [
  [0, 3],
  [0, 5],
  [1, 4, 0x8b],
  [2, 6],
  [0, 4, 0x24],
  [0, 4, 0xcd],
] as const;

/** Instructions without operand that have an operand size. */
const SIZED =
  /^(ret|retf|iret|pusha|popa|pushf|popf|enter|leave|cbw|cwd|[ls][gi]dt|pushsreg|popsreg|fldenv|fnstenv|frstor|fnsave)$/;

/** Encodings that between them show each form of a row: memory and registers, operand sizes, address sizes. */
export function samples(row: Row, bits: CodeSize): number[][] {
  if (row.long === (bits === 64 ? 'invalid' : 'only')) return [];
  const opcode = [
    ...(row.map > 0 ? [0x0f] : []),
    ...(row.map === 2 ? [0x38] : row.map === 3 ? [0x3a] : []),
    row.opcode,
  ];
  const inOpcode = row.operands.includes('Zv') || row.operands.includes('Zb');
  const sized =
    SIZED.test(row.op) ||
    (row.prefix !== 0 &&
      row.prefix !== 0x66 &&
      row.operands.some(code => /^([EGMRXYZI]?[vz]|Ap|Mp|Ma|rAX|eAX|Jz)$/.test(code)));
  const made: number[][] = [];
  const add = (tail: readonly number[], addressPrefix = false, step = 0): void => {
    for (const size of sized && !(bits === 64 && row.long === 'f64') ? [[], [0x66]] : [[]]) {
      for (const rex of row.rexW
        ? [[0x48], [0x49]]
        : bits === 64 && sized && size.length === 0
          ? [[], [0x48]]
          : bits === 64 && row.modrm
            ? [[], [0x41]]
            : [[]]) {
        const mandatory = row.prefix ? [row.prefix] : [];
        const prefixes = [...(addressPrefix ? [0x67] : []), ...size, ...mandatory, ...rex];
        made.push([...prefixes, ...opcode.slice(0, -1), opcode.at(-1)! + step, ...tail]);
      }
    }
  };
  if (!row.modrm) {
    for (const fill of [FILL, FILL_NEGATIVE]) add(fill);
    if (inOpcode) add(FILL, false, 5);
    if (row.operands.some(code => /^[OXY]/.test(code)) || row.op === 'jcxz') add(FILL, true);
    return made;
  }
  const regs = row.reg === undefined ? (row.operands.some(code => /^[SC]/.test(code)) ? [0, 2, 3] : [0, 5]) : [row.reg];
  for (const reg of regs) {
    if (row.mod !== 'm') {
      for (const rm of row.rm === undefined ? [1, 7] : [row.rm]) add([0xc0 | (reg << 3) | rm, ...FILL_NEGATIVE]);
    }
    if (row.mod !== 'r' && !row.operands.some(code => /^[CD]d$/.test(code))) {
      for (const other of [false, true]) {
        const short = bits === 16 ? !other : bits === 32 && other;
        const forms: readonly (readonly number[])[] = short ? MEMORY_16 : MEMORY_32;
        for (const [mod, rm, ...sib] of other ? forms.slice(1, 2) : forms)
          add([(mod! << 6) | (reg << 3) | rm!, ...sib, ...FILL], other);
      }
    }
  }
  return made;
}

/** Repeatable random numbers (a hash of a counter). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) % below;
  };
}

/** Random bytes in which prefixes, escapes and x87 opcodes are more frequent than chance would have them. */
export function randomCode(seed: number, bits: CodeSize, pieces: number): Uint8Array {
  const next = random(seed);
  const prefixes = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65];
  const code: number[] = [];
  for (let i = 0; i < pieces; i++) {
    if (next(8) < 3) code.push(...Array.from({ length: 1 + next(2) }, () => prefixes[next(prefixes.length)]!));
    if (bits === 64 && next(3) === 0) code.push(0x40 + next(16));
    const kind = next(8);
    if (kind < 3) code.push(0x0f);
    else if (kind === 3) code.push(0x0f, next(2) === 0 ? 0x38 : 0x3a);
    else if (kind === 4) code.push(0xd8 + next(8));
    code.push(...Array.from({ length: 2 + next(4) }, () => next(256)));
  }
  return Uint8Array.from(code);
}
