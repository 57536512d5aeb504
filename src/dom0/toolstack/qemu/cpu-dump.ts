/**
 * A vCPU's registers as QEMU's monitor shows them. Source: x86_cpu_dump_state() and cpu_x86_dump_seg_cache() in target/i386/cpu-dump.c of QEMU 7.2; what a
 * segment's flags are comes from KVM's access rights by get_seg() of target/i386/kvm/kvm.c.
 */
import { isLongCode, registers as R, type SavedRegisters, saveRegisters } from '../../../cpu/architecture/index.ts';

const SEGMENTS = [
  ['ES', 'es'],
  ['CS', 'cs'],
  ['SS', 'ss'],
  ['DS', 'ds'],
  ['FS', 'fs'],
  ['GS', 'gs'],
  ['LDT', 'ldtr'],
  ['TR', 'tr'],
] as const;
/** Of access rights (SDM vol. 3, table 25-2). */
const RIGHTS_P = 1 << 7,
  RIGHTS_S = 1 << 4,
  RIGHTS_CODE = 1 << 3,
  RIGHTS_L = 1 << 13,
  RIGHTS_DB = 1 << 14,
  RIGHTS_UNUSABLE = 1 << 16;
const CR0_PE = 1,
  EFER_LMA = 1 << 10;
/** A system segment by its type, of 32 bits and in long mode. */
const SYSTEM_TYPES: readonly (readonly string[])[] = [
  'Reserved TSS16-avl LDT TSS16-busy CallGate16 TaskGate IntGate16 TrapGate16 Reserved TSS32-avl Reserved TSS32-busy CallGate32 Reserved IntGate32 TrapGate32',
  '<hiword> Reserved LDT Reserved Reserved Reserved Reserved Reserved Reserved TSS64-avl Reserved TSS64-busy CallGate64 Reserved IntGate64 TrapGate64',
].map(names => names.split(' '));
/** EFLAGS by letter, as they are between the brackets. */
const FLAGS = [
  ['D', 10],
  ['O', 11],
  ['S', 7],
  ['Z', 6],
  ['A', 4],
  ['P', 2],
  ['C', 0],
] as const;

const number = (registers: SavedRegisters, name: string, word = 0): number => {
  const value = registers[name] ?? 0;
  return (typeof value === 'number' ? (word === 0 ? value : 0) : value[word]!) >>> 0;
};
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const low = (registers: SavedRegisters, name: string): string => hex(number(registers, name), 8);
/** 64 bits, of which a register of 32 has the lower ones. */
const long = (registers: SavedRegisters, name: string, word = 0): string =>
  hex(number(registers, name, word + 1), 8) + hex(number(registers, name, word), 8);

function segmentLine(registers: SavedRegisters, label: string, name: string, isLong: boolean): string {
  const rights = number(registers, `${name}.rights`);
  const flags = ((rights & 0xff & ~(rights & RIGHTS_UNUSABLE ? RIGHTS_P : 0)) << 8) | ((rights & 0xf000) << 8);
  const base = isLong ? long(registers, `${name}.base`) : low(registers, `${name}.base`);
  const line = `${label.padEnd(3)}=${hex(number(registers, `${name}.selector`), 4)} ${base} ${low(registers, `${name}.limit`)} ${hex(flags, 8)}`;
  if (!(number(registers, 'cr0') & CR0_PE) || !(flags & (RIGHTS_P << 8))) return line;
  const inLongMode = (number(registers, 'efer') & EFER_LMA) !== 0;
  const kind = rights & 15;
  const of = (bit: number, letter: string): string => (rights & bit ? letter : '-');
  let what: string;
  if (!(rights & RIGHTS_S)) what = SYSTEM_TYPES[inLongMode ? 1 : 0]![kind]!;
  else if (rights & RIGHTS_CODE)
    what = `${rights & RIGHTS_L ? 'CS64' : rights & RIGHTS_DB ? 'CS32' : 'CS16'} [${of(4, 'C')}${of(2, 'R')}${of(1, 'A')}]`;
  else what = `${rights & RIGHTS_DB || inLongMode ? 'DS  ' : 'DS16'} [${of(4, 'E')}${of(2, 'W')}${of(1, 'A')}]`;
  return `${line} DPL=${(rights >>> 5) & 3} ${what}`;
}

const inRows = (cells: readonly string[], columns: number): string[] =>
  Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns).join(' '),
  );

/** Activity state (SDM vol. 3, 25.4.2). */
const HLT = 1;

/** It has executed HLT, and waits for an interrupt. */
export const isHalted = (words: Int32Array): boolean => words[R.ACTIVITY] === HLT;

/** `words`: its state words; `a20`: the gate is open; `halted`: it waits for an interrupt. */
export function dumpCpu(index: number, words: Int32Array, { a20, halted }: { a20: boolean; halted: boolean }): string {
  const registers = saveRegisters(words);
  const isLong = isLongCode(words);
  const general = isLong
    ? [
        ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'],
        ...Array.from({ length: 8 }, (_, i) => `r${8 + i}`),
      ].map(name => `${name.toUpperCase().padEnd(3)}=${long(registers, name)}`)
    : ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp', 'sp'].map(
        name => `E${name.toUpperCase()}=${low(registers, `r${name}`)}`,
      );
  const value = (name: string): string => (isLong ? long(registers, name) : low(registers, name));
  const flags = number(registers, 'rflags');
  const letters = FLAGS.map(([letter, bit]) => (flags & (1 << bit) ? letter : '-')).join('');
  // Blocking by STI or by MOV SS (SDM vol. 3, table 25-3).
  const inhibits = number(registers, 'interruptibility') & 3 ? 1 : 0;
  const fsw = number(registers, 'fsw');
  return [
    '',
    `CPU#${index}`,
    ...inRows(general, 4),
    `${isLong ? 'RIP' : 'EIP'}=${value('rip')} ${isLong ? 'RFL' : 'EFL'}=${hex(flags, 8)} [${letters}] CPL=${number(registers, 'cpl')} II=${inhibits} A20=${a20 ? 1 : 0} SMM=0 HLT=${halted ? 1 : 0}`,
    ...SEGMENTS.map(([label, name]) => segmentLine(registers, label, name, isLong)),
    `GDT=     ${value('gdtr.base')} ${low(registers, 'gdtr.limit')}`,
    `IDT=     ${value('idtr.base')} ${low(registers, 'idtr.limit')}`,
    `CR0=${low(registers, 'cr0')} CR2=${value('cr2')} CR3=${value('cr3')} CR4=${low(registers, 'cr4')}`,
    `${[0, 1, 2, 3].map(n => `DR${n}=${long(registers, `dr${n}`)} `).join('')}`,
    `DR6=${long(registers, 'dr6')} DR7=${long(registers, 'dr7')}`,
    `EFER=${long(registers, 'efer')}`,
    `FCW=${hex(number(registers, 'fcw'), 4)} FSW=${hex(fsw & ~0x3800, 4)} [ST=${(fsw >>> 11) & 7}] FTW=${hex(number(registers, 'ftw'), 2)} MXCSR=${low(registers, 'mxcsr')}`,
    ...inRows(
      Array.from(
        { length: 8 },
        (_, n) => `FPR${n}=${long(registers, `fpr${n}`)} ${hex(number(registers, `fpr${n}`, 2) & 0xffff, 4)}`,
      ),
      2,
    ),
    ...inRows(
      Array.from(
        { length: isLong ? 16 : 8 },
        (_, n) => `XMM${String(n).padStart(2, '0')}=${long(registers, `xmm${n}`, 2)} ${long(registers, `xmm${n}`)}`,
      ),
      2,
    ),
  ]
    .map(line => `${line}\r\n`)
    .join('');
}
