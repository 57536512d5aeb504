/**
 * A processor's registers by name: what saved states hold, so that the layout of the state words can change under them. A register of 32 bits or less is a
 * number; one of 64 bits its two halves, low first; a longer one its words. Flags are the whole register.
 *
 * States that were saved before registers had names hold the words of the layout of that time, which the table here keeps.
 */
import { arithmetic } from './flags.ts';
import { arithmeticOf, putFlags } from './long-flags.ts';
import * as R from './registers.ts';

export type SavedRegisters = Record<string, number | Int32Array>;

interface Field {
  name: string;
  /** First state word, and how many there are; `wide`: of 64 bits, the second half HIGH words further on. */
  word: number;
  words: number;
  wide: boolean;
  /** Where it lay when states held words; -1: there was none. */
  old: number;
  /** States that were saved before there was such a register do not have it: it is 0. */
  isOptional?: true;
}

const wide = (name: string, word: number, old: number): Field => ({ name, word, words: 1, wide: true, old });
const field = (name: string, word: number, old = word, words = 1): Field => ({ name, word, words, wide: false, old });

const GENERAL = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];
const X87 = ['fcw', 'fsw', 'ftw', 'fop', 'fip', 'fcs', 'fdp', 'fds'];
const MTRR_WORDS = 2 * (16 + 11 + 1);

const FIELDS: readonly Field[] = [
  ...GENERAL.map((name, n) => wide(name, R.generalWord(n), n < 8 ? n : -1)),
  wide('rip', R.EIP, 9),
  field('cpl', R.CPL, 15),
  wide('cr0', R.CR0, 16),
  wide('cr2', R.CR2, 17),
  wide('cr3', R.CR3, 18),
  wide('cr4', R.CR4, 19),
  wide('cr8', R.CR8, 20),
  wide('efer', R.EFER, 21),
  field('apicId', R.APIC_ID, 22),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => wide(`dr${n}`, R.DR + n, 24 + n)),
  ...SEGMENTS.flatMap((name, n) => {
    const at = R.SEG + n * R.SEG_WORDS,
      old = 32 + n * 4;
    return [
      field(`${name}.selector`, at + R.SEG_SELECTOR, old),
      wide(`${name}.base`, at + R.SEG_BASE, old + 1),
      field(`${name}.limit`, at + R.SEG_LIMIT, old + 2),
      field(`${name}.rights`, at + R.SEG_RIGHTS, old + 3),
    ];
  }),
  wide('gdtr.base', R.GDTR_BASE, 64),
  field('gdtr.limit', R.GDTR_LIMIT, 65),
  wide('idtr.base', R.IDTR_BASE, 66),
  field('idtr.limit', R.IDTR_LIMIT, 67),
  field('interruptibility', R.INTERRUPTIBILITY, 68),
  field('activity', R.ACTIVITY, 69),
  field('pendingDebug', R.PENDING_DEBUG, 70),
  field('retired', R.RETIRED_LOW, 72, 2),
  field('cpuLevel', R.CPU_LEVEL, 74),
  { ...field('cpuHidden', R.CPU_HIDDEN, -1, R.CPU_HIDDEN_WORDS), isOptional: true },
  field('sysenterCs', R.MSR_SYSENTER_CS, 80),
  wide('sysenterEsp', R.MSR_SYSENTER_ESP, 81),
  wide('sysenterEip', R.MSR_SYSENTER_EIP, 82),
  field('pat', R.MSR_PAT, 84, 2),
  field('apicBase', R.MSR_APIC_BASE, 86, 2),
  field('tscAdjust', R.MSR_TSC_ADJUST, 88, 2),
  field('tscOffset', R.TSC_OFFSET, 90, 2),
  field('miscEnable', R.MSR_MISC_ENABLE, 92, 2),
  field('tscAux', R.MSR_TSC_AUX, 94, 2),
  field('mtrrs', R.MSR_MTRR, 96, MTRR_WORDS),
  wide('star', R.MSR_STAR, -1),
  wide('lstar', R.MSR_LSTAR, -1),
  wide('cstar', R.MSR_CSTAR, -1),
  wide('fmask', R.MSR_FMASK, -1),
  wide('kernelGsBase', R.MSR_KERNEL_GS_BASE, -1),
  ...X87.map((name, n) => field(name, R.FCW + n, 192 + n)),
  { ...field('fip.high', R.FIP + R.HIGH, -1), isOptional: true },
  { ...field('fdp.high', R.FDP + R.HIGH, -1), isOptional: true },
  field('mxcsr', R.MXCSR, 200),
  field('ferr', R.FERR, 201),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => field(`fpr${n}`, R.FPR + n * 4, 208 + n * 4, 4)),
  ...Array.from({ length: 16 }, (_, n) => field(`xmm${n}`, R.XMM + n * 4, 256 + n * 4, 4)),
  field('pdptes', R.PDPTE, 320, 8),
  field('port.state', R.PORT_STATE, 328),
  field('port.access', R.PORT, 329),
  field('port.linear', R.PORT_LINEAR, 330),
  field('port.value', R.PORT_VALUE, 331),
  field('monitor.state', R.MONITOR_STATE, 336),
  field('monitor.address', R.MONITOR_ADDRESS, 337),
  field('monitor.line', R.MONITOR_LINE, 340, 16),
];
/** The old layout's lazy flags, and EFLAGS without the six that these hold. */
const OLD_FLAGS = { k: 10, a: 11, b: 12, r: 13, rest: 14 };
/** Bit 1 of EFLAGS, which is always set. */
const ALWAYS = 2;

function read(words: Int32Array, { word, words: count, wide: isWide }: Field): number | Int32Array {
  if (isWide) return Int32Array.of(words[word]!, words[word + R.HIGH]!);
  return count === 1 ? words[word]! : words.slice(word, word + count);
}

/** The registers in a processor's state words. */
export function saveRegisters(words: Int32Array): SavedRegisters {
  const flags = arithmeticOf(words) | words[R.EFLAGS]! | ALWAYS;
  return {
    ...Object.fromEntries(FIELDS.map(one => [one.name, read(words, one)])),
    rflags: Int32Array.of(flags, words[R.EFLAGS + R.HIGH]!),
  };
}

/** True for what `saveRegisters` could have made: every register is there, with as many words as it has. */
export function areRegisters(saved: unknown): saved is SavedRegisters {
  if (typeof saved !== 'object' || saved === null) return false;
  const has = (name: string, words: number): boolean => {
    const value = (saved as Record<string, unknown>)[name];
    return words === 1
      ? typeof value === 'number' && (value | 0) === value
      : value instanceof Int32Array && value.length === words;
  };
  return (
    has('rflags', 2) &&
    FIELDS.every(
      ({ name, words, wide: isWide, isOptional }) =>
        (isOptional && !Object.hasOwn(saved, name)) || has(name, isWide ? 2 : words),
    )
  );
}

/** Puts saved registers into state words; `reload()` of the processor must follow. Words that are no register become 0. */
export function restoreRegisters(words: Int32Array, saved: SavedRegisters): void {
  words.fill(0, 0, R.STATE_WORDS);
  for (const { name, word, wide: isWide } of FIELDS) {
    const value = saved[name];
    if (value === undefined) continue;
    if (typeof value === 'number') words[word] = value;
    else if (isWide) [words[word], words[word + R.HIGH]] = [value[0]!, value[1]!];
    else words.set(value, word);
  }
  const [flags, high] = saved.rflags as Int32Array;
  putFlags(words, flags!);
  words[R.EFLAGS + R.HIGH] = high!;
}

/** Registers from the state words of the time when states held these. */
export function registersOfOldWords(old: Int32Array): SavedRegisters {
  const fields = FIELDS.map(({ name, words, wide: isWide, old: at }) => {
    if (isWide) return [name, Int32Array.of(at < 0 ? 0 : old[at]!, 0)];
    if (at < 0) return [name, words === 1 ? 0 : new Int32Array(words)];
    return [name, words === 1 ? old[at]! : old.slice(at, at + words)];
  });
  const { k, a, b, r, rest } = OLD_FLAGS;
  const flags = arithmetic(old[k]!, old[a]!, old[b]!, old[r]!) | old[rest]! | ALWAYS;
  return { ...(Object.fromEntries(fields) as SavedRegisters), rflags: Int32Array.of(flags, 0) };
}
