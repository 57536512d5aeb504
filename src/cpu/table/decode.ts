/**
 * The decoder: bytes to a row and its fields. Source: SDM vol. 2, chapter 2 (formats, prefixes, ModRM, SIB, REX).
 * It allocates nothing; whether the processor has a row's feature is for the engine to check.
 */
import { type CodeSize, DECODED, type Decoded, MORE_BYTES, type Row, TOO_LONG, UNDEFINED } from './row.ts';
import { rows } from './rows.ts';

/** Longest instruction (SDM vol. 2, 2.3.11). */
const MAX_LENGTH = 15;
const SS = 2,
  DS = 3,
  ESP = 4,
  EBP = 5;
/** `Decoded.base` of a RIP-relative operand. */
export const RIP = 16;

/** What a byte is before any opcode: 0 nothing special, else a prefix. */
const SEGMENT_PREFIX = 1,
  SIZE_66 = 2,
  SIZE_67 = 3,
  LOCK = 4,
  REPEAT = 5;
const PREFIXES = new Uint8Array(256);
PREFIXES.fill(SEGMENT_PREFIX, 0x64, 0x66);
for (const byte of [0x26, 0x2e, 0x36, 0x3e]) PREFIXES[byte] = SEGMENT_PREFIX;
PREFIXES[0x66] = SIZE_66;
PREFIXES[0x67] = SIZE_67;
PREFIXES[0xf0] = LOCK;
PREFIXES[0xf2] = PREFIXES[0xf3] = REPEAT;

/** Mandatory-prefix classes: F2 and F3 win over 66 (SDM vol. 2, 2.1.1 and 4.1). */
const CLASS_NONE = 0,
  CLASS_66 = 1,
  CLASS_F3 = 2,
  CLASS_F2 = 3,
  CLASSES = 4;

/** Slots of one opcode and class: eight memory forms by ModRM.reg, then 64 register forms by reg and rm. */
const SLOTS = 8 + 64;

/** What follows the opcode and ModRM, by row. */
const NOTHING = 0,
  IMM8 = 1,
  IMM8_SIGNED = 2,
  IMM16 = 3,
  IMM_Z = 4,
  IMM_V = 5,
  FAR = 6,
  MOFFS = 7,
  ENTER = 8;
const tail = new Uint8Array(rows.length);
/** Bits of a row: how its operand size comes about and what else the decoder must know. */
const FIXED = 1,
  DEFAULT64 = 2,
  FORCED64 = 4,
  REGISTER_ONLY = 8,
  LOCKABLE = 16,
  NO_REX_W = 32;
const traits = new Uint8Array(rows.length);

for (const row of rows) {
  const has = (code: string): boolean => row.operands.includes(code);
  if (has('Iw') && has('Ib')) tail[row.id] = ENTER;
  else if (has('Ib') || has('Jb')) tail[row.id] = row.signed || has('Jb') ? IMM8_SIGNED : IMM8;
  else if (has('Iw')) tail[row.id] = IMM16;
  else if (has('Iz') || has('Jz')) tail[row.id] = IMM_Z;
  else if (has('Iv')) tail[row.id] = IMM_V;
  else if (has('Ap')) tail[row.id] = FAR;
  else if (has('Ob') || has('Ov')) tail[row.id] = MOFFS;
  else tail[row.id] = NOTHING;
  traits[row.id] =
    (row.fixedSize || row.prefix === 0x66 ? FIXED : 0) |
    (row.long === 'd64' ? DEFAULT64 : 0) |
    (row.long === 'f64' ? FORCED64 : 0) |
    (has('Cd') || has('Dd') ? REGISTER_ONLY : 0) |
    (row.lock ? LOCKABLE : 0) |
    (row.op === 'ins' || row.op === 'outs' ? NO_REX_W : 0);
}

/** Look-up of one mode: where an opcode's slots begin in `row` (-1: undefined), whether a ModRM byte follows, and the rows by class and slot (-1: none). */
interface Lookup {
  first: Int32Array;
  modrm: Uint8Array;
  row: Int16Array;
}

/** The more a row asks for, the later it is entered: it then replaces the general one (F3 90 over 90, 90 over 90+r). */
function specificity(row: Row): number {
  return (
    (opcodesOf(row) === 1 ? 1 : 0) +
    (row.prefix === undefined ? 0 : 2) +
    (row.reg === undefined ? 0 : 4) +
    (row.rm === undefined ? 0 : 8)
  );
}

/** Opcodes that a row represents. */
function opcodesOf(row: Row): number {
  return row.operands.includes('Zv') || row.operands.includes('Zb') ? 8 : 1;
}

function classesOf(row: Row): readonly number[] {
  switch (row.prefix) {
    case 0:
      return [CLASS_NONE];
    case 0x66:
      return [CLASS_66];
    case 0xf3:
      return [CLASS_F3];
    case 0xf2:
      return [CLASS_F2];
    default:
      return [CLASS_NONE, CLASS_66, CLASS_F3, CLASS_F2];
  }
}

/** ModRM.reg values, one bit each, that name no register: reserved segment registers and CS as destination, CR1 and CR5-CR7 (CR8 has REX.R: slot 0). */
function reservedRegs(row: Row): number {
  if (row.operands[0] === 'Sw') return 0b1100_0010;
  if (row.operands[1] === 'Sw') return 0b1100_0000;
  return row.operands.includes('Cd') ? 0b1110_0010 : 0;
}

/** Entries of a table, row by row; `conflict` hears of rows that neither is more specific than the other (a mistake in the table). */
export function buildLookup(long: boolean, conflict?: (a: Row, b: Row) => void): Lookup {
  const present = rows
    .filter(row => row.long !== (long ? 'invalid' : 'only') && !row.rexW)
    .sort((a, b) => specificity(a) - specificity(b));
  const first = new Int32Array(4 * 256).fill(-1);
  const modrm = new Uint8Array(4 * 256);
  let used = 0;
  for (const row of present) {
    for (let i = 0; i < opcodesOf(row); i++) {
      const at = row.map * 256 + row.opcode + i;
      if (first[at]! < 0) first[at] = used++ * CLASSES * SLOTS;
      if (row.modrm) modrm[at] = 1;
    }
  }
  const table = new Int16Array(used * CLASSES * SLOTS).fill(-1);
  const enter = (row: Row, at: number): void => {
    const other = table[at]!;
    if (conflict && other >= 0 && specificity(rows[other]!) === specificity(row)) conflict(rows[other]!, row);
    table[at] = row.id;
  };
  for (const row of present) {
    const reserved = reservedRegs(row);
    for (let i = 0; i < opcodesOf(row); i++) {
      for (const prefixClass of classesOf(row)) {
        const base = first[row.map * 256 + row.opcode + i]! + prefixClass * SLOTS;
        for (let reg = row.reg ?? 0; reg <= (row.reg ?? 7); reg++) {
          if (((reserved >> reg) & 1) !== 0) continue;
          if (row.mod !== 'r') enter(row, base + reg);
          if (row.mod === 'm') continue;
          for (let rm = row.rm ?? 0; rm <= (row.rm ?? 7); rm++) enter(row, base + 8 + reg * 8 + rm);
        }
      }
    }
  }
  return { first, modrm, row: table };
}

const legacy = buildLookup(false);
/** Built when 64-bit code is first decoded. */
let long: Lookup | undefined;
const NOP = rows.findIndex(row => row.op === 'nop' && row.opcode === 0x90 && row.map === 0);
const XCHG = rows.findIndex(row => row.op === 'xchg' && row.opcode === 0x90 && row.map === 0);

/** The row that REX.W makes of another; -1: none. */
const withRexW = new Int16Array(rows.length).fill(-1);
for (const wide of rows.filter(row => row.rexW)) {
  const narrow = rows.find(
    row =>
      !row.rexW && row.map === wide.map && row.opcode === wide.opcode && row.reg === wide.reg && row.mod === wide.mod,
  );
  withRexW[narrow!.id] = wide.id;
}

/** The row that a REX prefix makes of one: NOP with REX.B is XCHG R8, RAX. */
function underRex(id: number, rex: number): number {
  if (id === NOP) return (rex & 1) !== 0 ? XCHG : NOP;
  return (rex & 8) !== 0 && withRexW[id]! >= 0 ? withRexW[id]! : id;
}

/** A Decoded with neutral values, to hand to `decode()` again and again. */
export function newDecoded(): Decoded {
  return {
    row: null,
    length: 0,
    codeSize: 32,
    operandSize: 32,
    addressSize: 32,
    modrm: -1,
    mod: 0,
    reg: 0,
    rm: 0,
    opcodeReg: 0,
    memory: false,
    base: -1,
    index: -1,
    scale: 0,
    displacement: 0,
    segment: DS,
    immediate: 0,
    immediateHigh: 0,
    immediate2: 0,
    repeat: 0,
    lock: false,
    prefix66: false,
    prefix67: false,
    segmentPrefix: -1,
    idleSegment: -1,
    rex: 0,
  };
}

/** 16-bit addressing forms (SDM vol. 2, table 2-1): base and index by rm; BX=3 BP=5 SI=6 DI=7. */
const BASE16 = Int8Array.of(3, 3, EBP, EBP, 6, 7, EBP, 3);
const INDEX16 = Int8Array.of(6, 7, 6, 7, -1, -1, -1, -1);

/**
 * Decodes one instruction at `offset`; `available` bytes may be read from there. Fills `out` and returns DECODED, MORE_BYTES, UNDEFINED (#UD) or TOO_LONG (#GP).
 * `out.length` is the instruction's length if DECODED, else the bytes looked at.
 */
export function decode(bytes: Uint8Array, offset: number, available: number, codeSize: CodeSize, out: Decoded): number {
  const limit = available < MAX_LENGTH ? available : MAX_LENGTH;
  const short = available < MAX_LENGTH ? MORE_BYTES : TOO_LONG;
  let at = 0;
  let rex = 0;
  let repeat = 0;
  let opcode = 0;
  let segmentPrefix = -1;
  let prefix66 = false,
    prefix67 = false;
  out.row = null;
  out.codeSize = codeSize;
  out.modrm = -1;
  out.mod = out.reg = out.rm = 0;
  out.memory = out.lock = false;
  out.base = out.index = out.idleSegment = -1;
  out.scale = out.displacement = 0;
  out.segment = DS;
  out.immediate = out.immediateHigh = out.immediate2 = 0;

  for (;;) {
    if (at >= limit) {
      out.length = at;
      return short;
    }
    opcode = bytes[offset + at++];
    const kind = PREFIXES[opcode];
    if (kind === 0) {
      if (codeSize !== 64 || (opcode & 0xf0) !== 0x40) break;
      rex = opcode;
      continue;
    }
    // A REX prefix counts only where it is right before the opcode.
    rex = 0;
    if (kind === SEGMENT_PREFIX) {
      if (opcode >= 0x64) segmentPrefix = opcode - 0x60;
      // In 64-bit mode overrides other than FS and GS have no effect (SDM vol. 1, 3.4.4).
      else if (codeSize !== 64) segmentPrefix = (opcode >> 3) & 3;
      else out.idleSegment = (opcode >> 3) & 3;
    } else if (kind === SIZE_66) prefix66 = true;
    else if (kind === SIZE_67) prefix67 = true;
    else if (kind === LOCK) out.lock = true;
    else repeat = opcode;
  }
  out.prefix66 = prefix66;
  out.prefix67 = prefix67;
  out.repeat = repeat;
  out.rex = rex;
  out.segmentPrefix = segmentPrefix;

  let map = 0;
  if (opcode === 0x0f) {
    if (at >= limit) {
      out.length = at;
      return short;
    }
    opcode = bytes[offset + at++];
    map = 256;
    if (opcode === 0x38 || opcode === 0x3a) {
      map = opcode === 0x38 ? 512 : 768;
      if (at >= limit) {
        out.length = at;
        return short;
      }
      opcode = bytes[offset + at++];
    }
  }
  out.opcodeReg = (opcode & 7) | ((rex & 1) << 3);

  if (codeSize === 64 && long === undefined) long = buildLookup(true);
  const lookup = codeSize === 64 ? long! : legacy;
  const first = lookup.first[map + opcode];
  out.length = at;
  if (first < 0) return UNDEFINED;
  const prefixClass = repeat !== 0 ? (repeat === 0xf3 ? CLASS_F3 : CLASS_F2) : prefix66 ? CLASS_66 : CLASS_NONE;
  let slot = first + prefixClass * SLOTS;
  let modrm = -1;
  if (lookup.modrm[map + opcode] !== 0) {
    if (at >= limit) return short;
    modrm = bytes[offset + at++];
    slot += modrm >= 0xc0 ? modrm - 0xc0 + 8 : (modrm >> 3) & 7;
    out.length = at;
  }
  let id = lookup.row[slot];
  if (id < 0) return UNDEFINED;
  if (rex !== 0) id = underRex(id, rex);
  const row = rows[id];
  const trait = traits[id];
  if (repeat === row.prefix) out.repeat = 0;

  // Operand and address size (SDM vol. 1, table 3-3 and 3-4).
  let operandSize = (trait & FIXED) === 0 && (codeSize === 16) !== prefix66 ? 16 : 32;
  let addressSize: number = codeSize;
  if (prefix67) addressSize = codeSize === 32 ? 16 : 32;
  if (codeSize === 64) {
    if ((trait & FORCED64) !== 0) operandSize = 64;
    else if ((rex & 8) !== 0 && (trait & NO_REX_W) === 0) operandSize = 64;
    else if ((trait & DEFAULT64) !== 0 && operandSize === 32) operandSize = 64;
  }
  out.operandSize = operandSize;
  out.addressSize = addressSize;
  if (segmentPrefix >= 0) out.segment = segmentPrefix;

  if (modrm >= 0) {
    out.modrm = modrm;
    const mod = modrm >> 6;
    const rm = modrm & 7;
    out.mod = mod;
    out.reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    out.rm = rm | ((rex & 1) << 3);
    if (mod !== 3 && (trait & REGISTER_ONLY) === 0) {
      out.memory = true;
      let displacementSize = mod === 1 ? 1 : 0;
      let base: number;
      if (addressSize === 16) {
        if (mod === 2) displacementSize = 2;
        base = BASE16[rm];
        if (mod === 0 && rm === 6) {
          base = -1;
          displacementSize = 2;
        }
        out.index = INDEX16[rm];
      } else {
        if (mod === 2) displacementSize = 4;
        base = out.rm;
        if (rm === 4) {
          if (at >= limit) {
            out.length = at;
            return short;
          }
          const sib = bytes[offset + at++];
          base = (sib & 7) | ((rex & 1) << 3);
          const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
          if (index !== 4) {
            out.index = index;
            out.scale = sib >> 6;
          }
          if ((sib & 7) === 5 && mod === 0) {
            base = -1;
            displacementSize = 4;
          }
        } else if (rm === 5 && mod === 0) {
          base = codeSize === 64 ? RIP : -1;
          displacementSize = 4;
        }
      }
      out.base = base;
      if (segmentPrefix < 0 && (base === ESP || base === EBP)) out.segment = SS;
      if (displacementSize !== 0) {
        if (at + displacementSize > limit) {
          out.length = limit;
          return short;
        }
        const p = offset + at;
        if (displacementSize === 1) out.displacement = (bytes[p] << 24) >> 24;
        else if (displacementSize === 2) out.displacement = ((bytes[p] | (bytes[p + 1] << 8)) << 16) >> 16;
        else out.displacement = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
        at += displacementSize;
      }
    }
  }

  const kind = tail[id];
  if (kind !== NOTHING) {
    let size = 1;
    if (kind === IMM16) size = 2;
    else if (kind === IMM_Z) size = operandSize === 16 ? 2 : 4;
    else if (kind === IMM_V) size = operandSize >> 3;
    else if (kind === FAR) size = operandSize === 16 ? 4 : 6;
    else if (kind === MOFFS) size = addressSize >> 3;
    else if (kind === ENTER) size = 3;
    if (at + size > limit) {
      out.length = limit;
      return short;
    }
    const p = offset + at;
    at += size;
    if (size === 1) {
      out.immediate = kind === IMM8_SIGNED ? (bytes[p] << 24) >> 24 : bytes[p];
    } else {
      const low = bytes[p] | (bytes[p + 1] << 8);
      let value: number;
      if (kind === IMM16) value = low;
      else if (kind === ENTER) {
        value = low;
        out.immediate2 = bytes[p + 2];
      } else if (size === 2 || (kind === FAR && size === 4)) {
        value = kind === MOFFS || kind === FAR ? low : (low << 16) >> 16;
        if (kind === FAR) out.immediate2 = bytes[p + 2] | (bytes[p + 3] << 8);
      } else {
        value = low | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
        if (kind === FAR) out.immediate2 = bytes[p + 4] | (bytes[p + 5] << 8);
        else if (size === 8)
          out.immediateHigh = bytes[p + 4] | (bytes[p + 5] << 8) | (bytes[p + 6] << 16) | (bytes[p + 7] << 24);
        else if (operandSize === 64) out.immediateHigh = value >> 31;
      }
      if (kind === MOFFS) {
        out.memory = true;
        out.displacement = value;
      } else out.immediate = value;
    }
  }
  out.length = at;
  if (out.lock && ((trait & LOCKABLE) === 0 || !out.memory)) return UNDEFINED;
  out.row = row;
  return DECODED;
}
