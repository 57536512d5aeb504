/** What a person reads when a guest crashed: why, the registers, the last exits, the code. */
import type { Processor } from '../cpu/edge.ts';
import * as R from '../cpu/registers.ts';
import { exitName } from './exit-reasons.ts';
import { LAST_EXITS, LAST_EXITS_COUNT, LAST_EXITS_RING, LAST_EXIT_WORDS } from './layout.ts';

export interface ReportOptions {
  /** First line: a sentence. */
  sentence: string;
  processor: Processor;
  /** The processor's block in machine memory, LAST_EXITS included. */
  vcpu: Int32Array;
  /** Instructions retired since the domain was started. */
  retired: number;
  /** A byte of guest-physical memory; -1 where there is none. */
  byteAt: (guestPhysical: number) => number;
  /** Text of the instruction whose bytes these are, where a disassembler is there. */
  disassemble?: (bytes: Uint8Array, address: number, bits: 16 | 32) => { text: string; length: number };
}

const CODE_BYTES = 32;
const STACK_WORDS = 32;

const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

export function crashReport(options: ReportOptions): string {
  const { processor, vcpu, retired } = options;
  const { regs } = processor;
  const reg = (index: number): string => hex(regs[index]);
  const lines = [options.sentence, ''];
  lines.push(`  eax ${reg(R.EAX)}  ebx ${reg(R.EBX)}  ecx ${reg(R.ECX)}  edx ${reg(R.EDX)}`);
  lines.push(`  esi ${reg(R.ESI)}  edi ${reg(R.EDI)}  ebp ${reg(R.EBP)}  esp ${reg(R.ESP)}`);
  lines.push(`  eip ${reg(R.EIP)}  eflags ${hex(processor.eflags)} [${flagNames(processor.eflags)}]  cpl ${regs[R.CPL]}  instructions ${retired}`);
  lines.push(`  cr0 ${reg(R.CR0)}  cr2 ${reg(R.CR2)}  cr3 ${reg(R.CR3)}  cr4 ${reg(R.CR4)}  efer ${reg(R.EFER)}`);
  for (const [name, index] of [
    ['es', R.ES],
    ['cs', R.CS],
    ['ss', R.SS],
    ['ds', R.DS],
    ['fs', R.FS],
    ['gs', R.GS],
    ['ldtr', R.LDTR],
    ['tr', R.TR],
  ] as const) {
    const at = R.SEG + index * R.SEG_WORDS;
    lines.push(
      `  ${name.padEnd(4)} ${hex(regs[at + R.SEG_SELECTOR], 4)}  base ${reg(at + R.SEG_BASE)}  limit ${reg(at + R.SEG_LIMIT)}  rights ${hex(regs[at + R.SEG_RIGHTS], 5)}`,
    );
  }
  lines.push(
    `  gdtr base ${reg(R.GDTR_BASE)} limit ${hex(regs[R.GDTR_LIMIT], 4)}   idtr base ${reg(R.IDTR_BASE)} limit ${hex(regs[R.IDTR_LIMIT], 4)}`,
    '',
  );
  lines.push(...codeLines(options), '', ...stackLines(options), '', ...lastExits(vcpu));
  return lines.join('\n');
}

/** Bytes at a linear address, as far as memory is mapped there. */
function bytesAt({ processor, byteAt }: ReportOptions, linear: number, count: number): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) {
    const physical = processor.translate((linear + i) >>> 0);
    const byte = physical < 0 ? -1 : byteAt(physical);
    if (byte < 0) break;
    bytes.push(byte);
  }
  return bytes;
}

const linearOf = (regs: Int32Array, segment: number, offset: number): number => (regs[R.SEG + segment * R.SEG_WORDS + R.SEG_BASE] + offset) >>> 0;

/** The top of the stack in words, where return addresses are, as Xen's guest stack trace has it. */
function stackLines(options: ReportOptions): string[] {
  const { regs } = options.processor;
  const linear = linearOf(regs, R.SS, regs[R.ESP]);
  const bytes = bytesAt(options, linear, STACK_WORDS * 4);
  if (bytes.length < 4) return [`stack at ${hex(linear)}: no memory is mapped there`];
  const words = Array.from({ length: bytes.length >> 2 }, (_, i) => hex(bytes[i * 4] | (bytes[i * 4 + 1] << 8) | (bytes[i * 4 + 2] << 16) | (bytes[i * 4 + 3] << 24)));
  const lines = [`stack at ${hex(linear)}:`];
  for (let i = 0; i < words.length; i += 8) lines.push(`  ${words.slice(i, i + 8).join(' ')}`);
  return lines;
}

const FLAGS: [bit: number, name: string][] = [
  [0, 'cf'],
  [2, 'pf'],
  [4, 'af'],
  [6, 'zf'],
  [7, 'sf'],
  [8, 'tf'],
  [9, 'if'],
  [10, 'df'],
  [11, 'of'],
  [14, 'nt'],
  [16, 'rf'],
  [17, 'vm'],
  [18, 'ac'],
];

function flagNames(eflags: number): string {
  return FLAGS.filter(([bit]) => (eflags >>> bit) & 1)
    .map(([, name]) => name)
    .join(' ');
}

function codeLines(options: ReportOptions): string[] {
  const { processor, disassemble } = options;
  const { regs } = processor;
  const cs = R.SEG + R.CS * R.SEG_WORDS;
  const linear = linearOf(regs, R.CS, regs[R.EIP]);
  const bytes = bytesAt(options, linear, CODE_BYTES);
  if (bytes.length === 0) return [`code at ${hex(linear)}: no memory is mapped there`];
  const lines = [`code at ${hex(linear)}:`];
  const bits = (regs[cs + R.SEG_RIGHTS] >> 14) & 1 && !(processor.eflags & (1 << 17)) ? 32 : 16;
  for (let at = 0, count = 0; at < bytes.length && count < 6; count++) {
    let text = '',
      length = Math.min(16, bytes.length);
    if (disassemble) {
      ({ text, length } = disassemble(Uint8Array.from(bytes.slice(at)), (regs[R.EIP] + at) >>> 0, bits));
      if (length <= 0) break;
    }
    lines.push(
      `  ${hex(linear + at)}  ${bytes
        .slice(at, at + length)
        .map(b => hex(b, 2))
        .join(' ')
        .padEnd(24)}  ${text}`.trimEnd(),
    );
    at += length;
  }
  return lines;
}

function lastExits(vcpu: Int32Array): string[] {
  const total = vcpu[LAST_EXITS] >>> 0;
  const lines = [`last exits (of ${total}):`];
  for (let i = Math.max(0, total - 12); i < total; i++) {
    const at = LAST_EXITS_RING + (i % LAST_EXITS_COUNT) * LAST_EXIT_WORDS;
    lines.push(`  ${exitName(vcpu[at]).padEnd(18)} qualification ${hex(vcpu[at + 1])}  eip ${hex(vcpu[at + 2])}  ${hex(vcpu[at + 3])}`);
  }
  return lines;
}
