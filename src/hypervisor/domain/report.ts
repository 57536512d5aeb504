/** What a person reads when a guest crashed or its worker died: why, the registers, the last exits, the code. Read from memory alone (view/). */
import { ipOf, registers as R, wideOf } from '../../cpu/architecture/index.ts';
import { addressText } from '../view/address.ts';
import { generalOf, ipName, registerText } from '../view/register-words.ts';
import { exitName } from '../view/exit-reasons.ts';
import type { DomainView } from '../view/domain-view.ts';
import { MachineView } from '../view/machine-view.ts';
import type { VcpuState, VcpuView } from '../view/vcpu-view.ts';

/** How a triple fault is reported, whatever it ends (SDM vol. 3, 6.15, interrupt 8; exit reason 2). */
export const TRIPLE_FAULT =
  'Triple fault (exit 2): an exception could not be delivered, nor the double fault that followed.';

/** Where a processor is, as a sentence. */
export const standsAt = (regs: Int32Array): string => `${ipName(regs)} was 0x${addressText(ipOf(regs))}.`;

export interface ReportOptions {
  /** First line: a sentence. */
  sentence: string;
  vcpu: VcpuView;
  /** Instructions retired since the domain was started (default: as its state words say, since its reset). */
  retired?: number;
  /** Text of the instruction whose bytes these are, where a disassembler is there. */
  disassemble?: (bytes: Uint8Array, address: number, bits: 16 | 32 | 64) => { text: string; length: number };
}

const CODE_BYTES = 32;
const STACK_BYTES = 128,
  LINE_BYTES = 32;

const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

const SEGMENTS = [
  ['es', R.ES],
  ['cs', R.CS],
  ['ss', R.SS],
  ['ds', R.DS],
  ['fs', R.FS],
  ['gs', R.GS],
  ['ldtr', R.LDTR],
  ['tr', R.TR],
] as const;
const IN_A_LINE = 4;

export function crashReport(options: ReportOptions): string {
  const { vcpu } = options;
  const state = vcpu.look();
  const lines = [options.sentence, '', ...registerLines(state, options.retired ?? state.retired), ''];
  lines.push(
    ...codeLines(state, options.disassemble),
    '',
    ...stackLines(state),
    '',
    ...lastExits(vcpu, ipName(state.regs).toLowerCase()),
  );
  return lines.join('\n');
}

/** As wide as the code that runs has them. */
function registerLines(state: VcpuState, retired: number): string[] {
  const { regs, eflags, isLong } = state,
    wide = (at: number): string => registerText(regs, at);
  const general = generalOf(regs).map(([name, at]) => `${name.toLowerCase().padEnd(3)} ${wide(at)}`);
  const lines: string[] = [];
  for (let i = 0; i < general.length; i += IN_A_LINE) lines.push(`  ${general.slice(i, i + IN_A_LINE).join('  ')}`);
  return [
    ...lines,
    `  ${ipName(regs).toLowerCase()} ${wide(R.EIP)}  ${isLong ? 'r' : 'e'}flags ${hex(eflags)} [${flagNames(eflags)}]  cpl ${regs[R.CPL]}  instructions ${retired}`,
    `  cr0 ${hex(regs[R.CR0])}  cr2 ${wide(R.CR2)}  cr3 ${wide(R.CR3)}  cr4 ${hex(regs[R.CR4])}  efer ${hex(regs[R.EFER])}`,
    ...SEGMENTS.map(([name, index]) => {
      const at = R.SEG + index * R.SEG_WORDS;
      return `  ${name.padEnd(4)} ${hex(regs[at + R.SEG_SELECTOR], 4)}  base ${wide(at + R.SEG_BASE)}  limit ${hex(regs[at + R.SEG_LIMIT])}  rights ${hex(regs[at + R.SEG_RIGHTS], 5)}`;
    }),
    `  gdtr base ${wide(R.GDTR_BASE)} limit ${hex(regs[R.GDTR_LIMIT], 4)}   idtr base ${wide(R.IDTR_BASE)} limit ${hex(regs[R.IDTR_LIMIT], 4)}`,
  ];
}

/**
 * The same of a domain whose worker has died: of the vCPU that had its turn, as machine memory has it. `known`: what the interface that its guest sees knows of
 * it besides.
 */
export function postMortem(
  memory: SharedArrayBuffer | ArrayBuffer,
  domid: number,
  sentence: string,
  known: (domain: DomainView) => string | undefined = () => undefined,
): string {
  const domain = new MachineView(memory).domain(domid);
  const vcpus = domain?.vcpus() ?? [];
  // A number that makes no sense is one more thing that was left behind.
  const vcpu = vcpus[domain?.currentVcpu ?? 0] ?? vcpus[0];
  if (!domain || !vcpu) return sentence;
  const report = crashReport({ sentence, vcpu });
  const more = known(domain);
  return more === undefined ? report : `${report}\n\n${more}, of vCPU ${vcpu.id} of ${vcpus.length}`;
}

/** A linear address, and where it leads: physical and machine address where memory is mapped there, else the entries that say that none is. */
function place(state: VcpuState, linear: number): string {
  const { physical, machine, entries } = state.translate(linear),
    at = addressText(linear, state.isLong);
  if (machine >= 0) return `${at} (physical ${addressText(physical)}, machine ${hex(machine)}):`;
  const way = entries.map(({ level, low, high }) => `${level} ${high === 0 ? '' : hex(high)}${hex(low)}`);
  if (physical >= 0) way.push(`physical ${addressText(physical)}`);
  return `${at}: no memory is mapped there${way.length === 0 ? '' : ` (${way.join(', ')})`}`;
}

/** The top of the stack in words, where return addresses are, as Xen's guest stack trace has it. */
function stackLines(state: VcpuState): string[] {
  const { isLong } = state,
    linear = state.linear(R.SS, isLong ? wideOf(state.regs, R.ESP) : state.regs[R.ESP]),
    wordBytes = isLong ? 8 : 4;
  const bytes = state.bytesAt(linear, STACK_BYTES);
  const lines = [`stack at ${place(state, linear)}`];
  const words = Array.from({ length: Math.floor(bytes.length / wordBytes) }, (_, i) =>
    [...bytes.subarray(i * wordBytes, (i + 1) * wordBytes)]
      .reverse()
      .map(byte => hex(byte, 2))
      .join(''),
  );
  const inLine = LINE_BYTES / wordBytes;
  for (let i = 0; i < words.length; i += inLine) lines.push(`  ${words.slice(i, i + inLine).join(' ')}`);
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

function codeLines(state: VcpuState, disassemble: ReportOptions['disassemble']): string[] {
  const { ip, isLong, bits } = state,
    linear = state.linear(R.CS, ip);
  const bytes = state.bytesAt(linear, CODE_BYTES);
  const lines = [`code at ${place(state, linear)}`];
  for (let at = 0, count = 0; at < bytes.length && count < 6; count++) {
    let text = '',
      length = Math.min(16, bytes.length);
    if (disassemble) {
      ({ text, length } = disassemble(bytes.slice(at), isLong ? ip + at : (ip + at) >>> 0, bits));
      if (length <= 0) break;
    }
    lines.push(
      `  ${addressText(linear + at, isLong)}  ${[...bytes.slice(at, at + length)]
        .map(b => hex(b, 2))
        .join(' ')
        .padEnd(24)}  ${text}`.trimEnd(),
    );
    at += length;
  }
  return lines;
}

function lastExits(vcpu: VcpuView, pointer: string): string[] {
  const { exits, total } = vcpu.lastExits();
  const lines = [`last exits (of ${total}):`];
  for (const { reason, qualification, ip, detail } of exits.slice(-12))
    lines.push(
      `  ${exitName(reason).padEnd(18)} qualification ${hex(qualification)}  ${pointer} ${addressText(ip)}  ${addressText(detail)}`,
    );
  return lines;
}
