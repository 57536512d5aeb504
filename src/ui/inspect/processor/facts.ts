/** Registers of a vCPU bit by bit, its segments and the descriptors behind them. */

import { isLongCode, isLongMode, registers as R, wideOf } from '../../../cpu/architecture/index.ts';
import {
  flagsName,
  generalOf,
  ipName,
  type LastExit,
  registerText,
  type VcpuState,
} from '../../../hypervisor/view/index.ts';
import { CONTROL, FLAGS, kindOf, segmentAt } from '../vcpu-facts.ts';

/** Words of the stack that are shown. */
export const STACK_WORDS = 10;
export const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

const CR0_BITS: readonly (readonly [number, string, string])[] = [
  [0, 'PE', 'protected mode'],
  [1, 'MP', 'WAIT honours TS'],
  [2, 'EM', 'no x87'],
  [3, 'TS', 'a task was switched: the next x87 instruction faults'],
  [4, 'ET', '387'],
  [5, 'NE', 'x87 errors are exceptions'],
  [16, 'WP', 'the kernel honours read-only pages'],
  [18, 'AM', 'alignment checks'],
  [30, 'CD', 'caches off'],
  [31, 'PG', 'paging'],
];
const CR4_BITS: readonly (readonly [number, string, string])[] = [
  [0, 'VME', 'virtual-8086 extensions'],
  [2, 'TSD', 'RDTSC for the kernel alone'],
  [3, 'DE', 'I/O breakpoints'],
  [4, 'PSE', '4-MiB pages'],
  [5, 'PAE', '36-bit page tables'],
  [6, 'MCE', 'machine checks'],
  [7, 'PGE', 'global pages'],
  [9, 'OSFXSR', 'SSE'],
  [10, 'OSXMMEXCPT', 'SSE exceptions'],
  [20, 'SMEP', 'no kernel code in user pages'],
  [21, 'SMAP', 'no kernel data in user pages'],
];

export interface Data {
  count: number;
  vcpu: number;
  state: VcpuState;
  /** Registers that have changed since the look before. */
  changed: ReadonlySet<string>;
  lasts: LastExit[];
  isStill: boolean;
}

/** What is highlighted when it changes, by name. */
export const valuesOf = ({ regs, eflags }: Pick<VcpuState, 'regs' | 'eflags'>): Map<string, number> =>
  new Map<string, number>([
    ...[...generalOf(regs), ...CONTROL, [ipName(regs), R.EIP] as const].map(
      ([name, at]) => [name, wideOf(regs, at)] as const,
    ),
    [flagsName(regs), eflags],
  ]);

export const isProtected = ({ regs, eflags }: Pick<VcpuState, 'regs' | 'eflags'>): boolean =>
  (regs[R.CR0]! & 1) !== 0 && (eflags & (1 << 17)) === 0;

/** Of the table of segments: what the processor loaded. */
export function segmentRow(
  { regs }: Pick<VcpuState, 'regs'>,
  [name, segment]: readonly [string, number],
): readonly string[] {
  const at = segmentAt(segment),
    rights = regs[at + R.SEG_RIGHTS]!;
  return [
    name,
    hex(regs[at + R.SEG_SELECTOR]!, 4),
    // Of the others 64-bit code has no base (SDM vol. 3, 3.2.4).
    isLongCode(regs) && segment < R.FS ? hex(0) : registerText(regs, at + R.SEG_BASE),
    hex(regs[at + R.SEG_LIMIT]!),
    String((rights >>> 5) & 3),
    kindOf(rights, isLongMode(regs)),
  ];
}

export interface Descriptor {
  linear: number;
  low: number;
  high: number;
  /** Bits 63 to 32 of the base, which system segments have in IA-32e mode (SDM vol. 3, 3.5). */
  upper?: number;
}
/** The eight bytes behind a selector, or 16; undefined: they cannot be read. */
export function descriptorOf(
  state: Pick<VcpuState, 'regs' | 'eflags' | 'bytesAt'>,
  segment: number,
): Descriptor | undefined {
  const { regs } = state,
    selector = regs[segmentAt(segment) + R.SEG_SELECTOR]! & 0xffff;
  if (!isProtected(state) || (selector & ~3) === 0) return undefined;
  const inLdt = (selector & 4) !== 0,
    ldt = segmentAt(R.LDTR);
  const table = inLdt ? ldt + R.SEG_BASE : R.GDTR_BASE;
  const linear = isLongCode(regs) ? wideOf(regs, table) + (selector & ~7) : (regs[table]! + (selector & ~7)) >>> 0;
  const isWide = isLongMode(regs) && (segment === R.TR || segment === R.LDTR),
    size = isWide ? 16 : 8;
  const bytes = state.bytesAt(linear, size);
  if (bytes.length < size) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [low, high] = [view.getUint32(0, true), view.getUint32(4, true)];
  return { linear, low, high, ...(isWide && { upper: view.getUint32(8, true) }) };
}

/** A bit or a field of a register, its value and what it says. */
type BitRow = readonly [bits: string, value: string, says: string];
const bitRows = (value: number, bits: readonly (readonly [number, string, string])[]): BitRow[] =>
  bits.map(([bit, name, says]) => [String(bit), String((value >>> bit) & 1), `${name}: ${says}`] as const);

/** Bits of a register that has them; undefined: it is one number. */
export const bitsOf = ({ regs, eflags }: Pick<VcpuState, 'regs' | 'eflags'>, name: string): BitRow[] | undefined =>
  name === flagsName(regs)
    ? bitRows(eflags, FLAGS)
    : name === 'CR0'
      ? bitRows(regs[R.CR0]!, CR0_BITS)
      : name === 'CR4'
        ? bitRows(regs[R.CR4]!, CR4_BITS)
        : undefined;

/** SDM vol. 3, figure 3-8. */
export function descriptorRows({ low, high, upper }: Omit<Descriptor, 'linear'>): BitRow[] {
  const rights = ((high >>> 8) & 0xff) | ((high >>> 8) & 0xf000),
    isSystem = !(rights & 16),
    g = (high >>> 23) & 1;
  const limit = ((high & 0xf0000) | (low & 0xffff)) >>> 0;
  const base = hex(((high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0);
  return [
    upper === undefined ? ['base', base, 'bits 63–56, 39–16'] : ['base', hex(upper) + base, 'bits 95–56, 39–16'],
    ['limit', hex(limit, 5), g ? `in pages: ${hex((limit * 4096 + 4095) >>> 0)}` : 'in bytes'],
    ['47 P', String((high >>> 15) & 1), (high >>> 15) & 1 ? 'present' : 'not present'],
    ['46–45', String((high >>> 13) & 3), 'DPL'],
    ['44 S', String((high >>> 12) & 1), isSystem ? 'system segment' : 'code or data'],
    [
      '43–40',
      String((high >>> 8) & 15),
      kindOf((rights & ~R.RIGHTS_DB) | ((high >>> 22) & 1 ? R.RIGHTS_DB : 0), upper !== undefined),
    ],
    ['54 D/B', String((high >>> 22) & 1), (high >>> 22) & 1 ? '32-bit' : '16-bit'],
    ['55 G', String(g), g ? 'limit counts pages' : 'limit counts bytes'],
  ];
}
