/**
 * What QEMU's monitor shows of a vCPU: `info registers`, `info mem`, `info tlb`, `x` and `xp`. Source: target/i386/monitor.c and monitor/misc.c of QEMU 7.2. `info pg` is of the
 * QEMU that MIT's 6.828 hands out (its lab tools guide), which courses with JOS and xv6 ask for.
 */
import { isLongMode, PTE_P, PTE_PS, PTE_U, PTE_W, registers as R } from '../../../cpu/architecture/index.ts';
import {
  type DomainView,
  generalOf,
  ipName,
  type PagingEntry,
  registerText,
  type VcpuState,
} from '../../../hypervisor/view/index.ts';
import { dumpCpu, isHalted } from './cpu-dump.ts';

const PAGE_BYTES = 4096;
/** What every level may let a page have. */
const RIGHTS = PTE_P | PTE_W | PTE_U;
/** Letters of an entry's flags from bit 8 down: those of `info tlb` behind that for NX, and those of `info pg`. */
const TLB_LETTERS = 'GPDACTUW',
  PG_LETTERS = 'GSDACTUWP';
const flagsOf = (low: number, letters: string): string =>
  [...letters].map((letter, i) => (low & (0x100 >> i) ? letter : '-')).join('');
const LINES = 100_000;
const OFF = 'PG disabled\n';

const digits = (value: bigint | number, count: number): string => value.toString(16).padStart(count, '0');
const isPaging = ({ regs }: VcpuState): boolean => regs[R.CR0]! < 0;

/** Bit 47 is that of all above it. */
const canonical = (linear: number, isLong: boolean): bigint => {
  const value = BigInt(linear);
  return isLong && value >= 1n << 47n && value < 1n << 48n ? BigInt.asUintN(64, value - (1n << 48n)) : value;
};
const wide = ({ low, high }: PagingEntry): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** What `info tlb` keeps of an entry as its page's address, by the paging mode and the size of the page. */
function frameOf(entry: PagingEntry, isLong: boolean, isPae: boolean): bigint {
  const { level } = entry;
  const mask = isLong
    ? [0x3fffffffff000n, 0x3ffffffe00000n, 0x3ffffc0000000n][level - 1]!
    : ~(level === 1 ? 0xfffn : isPae ? 0xfffffn : 0x1fffffn);
  return wide(entry) & mask;
}

function infoTlb(state: VcpuState): string {
  if (!isPaging(state)) return OFF;
  const isLong = isLongMode(state.regs),
    isPae = isLong || state.isPae;
  const lines: string[] = [];
  for (const entry of state.pagingEntries()) {
    if (!entry.isLeaf) continue;
    // Bit 7 of a page table's entry chooses a memory type.
    const low = entry.level === 1 ? entry.low & ~PTE_PS : entry.low;
    lines.push(
      `${digits(canonical(entry.linear, isLong), 16)}: ${digits(BigInt.asUintN(64, frameOf({ ...entry, low }, isLong, isPae)), 16)} ${entry.high < 0 ? 'X' : '-'}${flagsOf(low, TLB_LETTERS)}\n`,
    );
    if (lines.length === LINES) break;
  }
  return lines.join('');
}

/** Ranges whose pages may be used alike: what every level lets. */
function infoMem(state: VcpuState): string {
  if (!isPaging(state)) return OFF;
  const isLong = isLongMode(state.regs);
  const ranges: { from: number; to: number; rights: number }[] = [];
  const above: number[] = [];
  for (const { level, linear, bytes, low, isLeaf } of state.pagingEntries()) {
    // PAE's directory pointers have no rights.
    const own = level === 3 && !isLong ? RIGHTS : low & RIGHTS;
    const rights = own & (above[level + 1] ?? RIGHTS);
    above[level] = rights;
    if (!isLeaf) continue;
    const last = ranges.at(-1);
    if (last && last.to === linear && last.rights === rights) last.to += bytes;
    else ranges.push({ from: linear, to: linear + bytes, rights });
  }
  return ranges
    .map(
      ({ from, to, rights }) =>
        `${digits(canonical(from, isLong), 16)}-${digits(canonical(to, isLong), 16)} ${digits(canonical(to - from, isLong), 16)} ${rights & PTE_U ? 'u' : '-'}r${rights & PTE_W ? 'w' : '-'}\n`,
    )
    .join('');
}

const LEVEL_NAMES = ['', 'PTE', 'PDE', 'PDP', 'PML4'];
const MOST_FRAMES = 6;

/** Entries that follow each other with the same flags are one line; pages are named as far as they fit. */
function infoPg(state: VcpuState): string {
  if (!isPaging(state)) return OFF;
  const isLong = isLongMode(state.regs),
    isPae = isLong || state.isPae,
    width = isLong ? 9 : 5,
    top = isLong ? 4 : isPae ? 3 : 2;
  const lines = ['VPN range'.padEnd(2 * width + 4) + 'Entry'.padEnd(14) + 'Flags'.padEnd(10) + 'Physical page\n'];
  let run: { first: PagingEntry; last: PagingEntry; frames: string[] } | undefined;
  const flush = (): void => {
    if (!run) return;
    const { first, last, frames } = run,
      { level } = first;
    const vpn = (linear: number): string => digits(Math.floor(linear / PAGE_BYTES), width);
    const range = `${'  '.repeat(top - level)}[${vpn(first.linear)}-${vpn(last.linear + last.bytes - 1)}]`;
    const name = `${LEVEL_NAMES[level]}[${digits(first.index, 3)}${last === first ? '' : `-${digits(last.index, 3)}`}]`;
    const pages = frames.slice(0, MOST_FRAMES).join(' ') + (frames.length > MOST_FRAMES ? ' ..' : '');
    lines.push(
      `${range.padEnd(2 * width + 3)} ${name.padEnd(13)} ${flagsOf(first.low, PG_LETTERS)} ${pages}`.trimEnd() + '\n',
    );
    run = undefined;
  };
  for (const entry of state.pagingEntries()) {
    const before = run?.last;
    const goesOn =
      before?.isLeaf === true &&
      entry.isLeaf &&
      before.level === entry.level &&
      before.linear + before.bytes === entry.linear &&
      flagsOf(before.low, PG_LETTERS) === flagsOf(entry.low, PG_LETTERS);
    const frame = digits(frameOf(entry, true, true) / BigInt(PAGE_BYTES), 5);
    if (run && goesOn) {
      run.last = entry;
      run.frames.push(frame);
      continue;
    }
    flush();
    if (lines.length === LINES) return lines.join('');
    run = { first: entry, last: entry, frames: entry.isLeaf ? [frame] : [] };
  }
  flush();
  return lines.join('');
}

/** Of `x` and `xp`: how many, as what, how many bytes each. */
interface Format {
  count: number;
  letter: string;
  size: number;
}
const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8, L: 8 };
const MOST_BYTES = 1 << 16;

/** `/4xw`; a sentence of QEMU's: it is none. */
function formatOf(word: string): Format | string {
  const [, count = '', letters = ''] = /^\/(\d*)([a-zA-Z]*)$/.exec(word) ?? [];
  const format: Format = { count: count === '' ? 1 : Number(count), letter: 'x', size: 4 };
  for (const letter of letters)
    if ('oduxc'.includes(letter)) format.letter = letter;
    else if (SIZES[letter] !== undefined) format.size = SIZES[letter]!;
    else
      return letter === 'i'
        ? 'xp and x show no instructions here: gdb has x/i.\n'
        : `invalid char in format: '${letter}'\n`;
  return format;
}

/** A sum of numbers and registers, as `$esp + 0x10`; undefined: it is none. */
function valueOf(text: string, register: (name: string) => bigint | undefined): bigint | undefined {
  const words = text.replaceAll(/\s+/g, '').match(/[+-]?(?:0[xX][\da-fA-F]+|\d+|\$\w+)/g);
  if (!words || words.join('') !== text.replaceAll(/\s+/g, '')) return undefined;
  let sum = 0n;
  for (const word of words) {
    const [, sign, value] = /^([+-]?)(.*)$/.exec(word)!;
    const number = value!.startsWith('$') ? register(value!.slice(1)) : BigInt(value!);
    if (number === undefined) return undefined;
    sum += sign === '-' ? -number : number;
  }
  return BigInt.asUintN(64, sum);
}

function cell(bytes: Uint8Array, { letter, size }: Format): string {
  let value = 0n;
  for (let i = size; i-- > 0; ) value = (value << 8n) | BigInt(bytes[i]!);
  const decimals = Math.floor((size * 8 * 10 + 32) / 33);
  switch (letter) {
    case 'o':
      return (value === 0n ? '0' : `0${value.toString(8)}`).padStart(Math.floor((size * 8 + 2) / 3));
    // Of fewer bits than 64 QEMU takes no sign.
    case 'd':
      return BigInt.asIntN(64, value).toString().padStart(decimals);
    case 'u':
      return value.toString().padStart(decimals);
    case 'c': {
      const code = Number(value & 0xffn);
      return code >= 32 && code < 127
        ? `'${String.fromCharCode(code).replace(/['\\]/, '\\$&')}'`
        : `'\\x${digits(code, 2)}'`;
    }
    default:
      return `0x${digits(value, 2 * size)}`;
  }
}

/** `$eip` and the general registers; undefined: there is no such register here. */
function registerOf(state: VcpuState, name: string): bigint | undefined {
  if (name === 'pc' || name === ipName(state.regs).toLowerCase()) return BigInt.asUintN(64, BigInt(state.ip));
  const [, at] = generalOf(state.regs).find(([known]) => known.toLowerCase() === name) ?? [];
  return at === undefined ? undefined : BigInt(`0x${registerText(state.regs, at)}`);
}

/** `x /FORMAT ADDRESS` (linear) and `xp /FORMAT ADDRESS` (physical); the format may follow the name directly, as in gdb. */
function examine(state: VcpuState, line: string): string {
  const [, name, given, address] = /^(xp?)\s*(\/\w*)?\s*(.*)$/.exec(line)!;
  const format = formatOf(given ?? '/');
  if (typeof format === 'string') return format;
  if (address === '') return `${name}: value expected: ${name} /4xw 0x100000\n`;
  const start = valueOf(address!, word => registerOf(state, word));
  if (start === undefined) return `invalid char or register in expression '${address}'\n`;
  const { size, count } = format,
    bytes = size * count,
    inLine = size === 1 ? 8 : 16;
  if (bytes > MOST_BYTES) return `${name} shows at most ${MOST_BYTES} bytes.\n`;
  const read = (at: bigint, length: number): Uint8Array =>
    name === 'xp'
      ? state.physicalBytes(Number(at), length)
      : state.bytesAt(Number(state.isLong ? BigInt.asIntN(64, at) : at & 0xffffffffn), length);
  let text = '';
  for (let done = 0; done < bytes; done += inLine) {
    const at = BigInt.asUintN(64, start + BigInt(done)),
      length = Math.min(inLine, bytes - done),
      line = read(at, length);
    text += `${digits(at, 16)}:`;
    if (line.length < length) return `${text} Cannot access memory\n`;
    for (let i = 0; i < length; i += size) text += ` ${cell(line.subarray(i), format)}`;
    text += '\n';
  }
  return text;
}

/** Frames of a MiB. */
const MIB_FRAMES = 256;

/** `-a`: of all vCPUs. */
function infoRegisters(view: DomainView, cpu: number, isAll: boolean): string {
  const vcpus = view.vcpus();
  // While the gate is closed the second MiB shows the first (hypervisor/memory/a20.ts).
  const a20 = view.secondStage.entry(MIB_FRAMES) !== view.secondStage.entry(0);
  return (isAll ? vcpus : vcpus.slice(cpu, cpu + 1))
    .map(vcpu => {
      const { words } = vcpu.registers();
      return dumpCpu(vcpu.id, words, { a20, halted: isHalted(words) });
    })
    .join('')
    .replaceAll('\r\n', '\n');
}

/** Help lines, by what is typed. */
export const CPU_WORDS: readonly (readonly [string, string])[] = [
  ['info registers', 'the registers of the vCPU (-a: of all)'],
  ['info mem', 'ranges of linear addresses that are mapped, with their rights'],
  ['info tlb', 'the mapping of each page'],
  ['info pg', 'the page tables, entry by entry'],
  ['x /FMT ADDRESS', 'memory at a linear address: x /8xw 0x100000, x /4xb $esp'],
  ['xp /FMT ADDRESS', 'memory at a physical address'],
];

/** The answer to a line, with ends of lines as text has them; undefined: it asks for something else. `cpu`: the vCPU whose it is. */
export function askCpu(view: DomainView, cpu: number, line: string): string | undefined {
  const text = line.trim(),
    [name, what, ...rest] = text.split(/\s+/);
  if ((name === 'info' || name === 'i') && what === 'registers') return infoRegisters(view, cpu, rest.includes('-a'));
  const vcpu = view.vcpus()[cpu];
  if (!vcpu) return undefined;
  if (/^xp?(?:$|[\s/])/.test(text)) return examine(vcpu.look(), text);
  if (name !== 'info' && name !== 'i') return undefined;
  const told = { mem: infoMem, tlb: infoTlb, pg: infoPg }[what ?? ''];
  return told?.(vcpu.look());
}
