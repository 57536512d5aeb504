/**
 * MONITOR and MWAIT. MONITOR remembers the line of memory as it is; MWAIT waits until it differs: a store by any party, by any path, is seen.
 * Sources: SDM vol. 2, MONITOR, MWAIT; vol. 3, 9.10.
 */
import { ExitReason, P2M_READ } from './architecture/edge.ts';
import { GP, UD } from './faults.ts';
import { META, META_ADDRESS16, META_ADDRESS32, META_SEGMENT } from './record.ts';
import type { OpFactory } from './ops/context.ts';
import {
  CPL,
  EAX,
  ECX,
  HIGH,
  MONITOR_ADDRESS,
  MONITOR_LINE,
  MONITOR_STATE,
  MSR_MISC_ENABLE,
} from './architecture/registers.ts';

/** Smallest and largest line, as CPUID leaf 5 says. */
export const MONITOR_LINE_BYTES = 64;

/** MONITOR_STATE: nothing watched; a line is; an MWAIT waits for it. */
export const MONITOR_NONE = 0,
  MONITOR_ARMED = 1,
  MONITOR_WAITS = 2;
/** With MONITOR_WAITS: an interrupt ends the wait also while IF is clear (ECX bit 0 of MWAIT). */
export const MONITOR_BREAKS = 4;
const EXTENSION_BREAK = 1;
/** In IA32_MISC_ENABLE (SDM vol. 4): MONITOR and MWAIT are there. */
export const MISC_MONITOR = 1 << 18;
export const monitorEnabled = (R: Int32Array): boolean => (R[MSR_MISC_ENABLE]! & MISC_MONITOR) !== 0;

/** Word of machine memory where the watched line begins; -1: it is no memory any more. */
function lineAt(R: Int32Array, p2m: Int32Array): number {
  const entry = p2m[R[MONITOR_ADDRESS]! >>> 12] ?? 0;
  return (entry & P2M_READ) === 0 ? -1 : ((entry & ~4095) | (R[MONITOR_ADDRESS]! & 4095)) >>> 2;
}

function lineChanged(R: Int32Array, memory: Int32Array, p2m: Int32Array): boolean {
  const at = lineAt(R, p2m);
  if (at < 0) return true;
  for (let i = 0; i < MONITOR_LINE_BYTES / 4; i++) {
    if (Atomics.load(memory, at + i) !== R[MONITOR_LINE + i]) return true;
  }
  return false;
}

/**
 * For the caller that halted a processor at its MWAIT (state words `R`): true if the wait is over, because the line has been written or, where the MWAIT asked
 * for that, an interrupt is pending (`interrupt`) though IF is clear. The caller that lets it run on sets MONITOR_STATE to
 * MONITOR_NONE.
 */
export function endsWait(R: Int32Array, memory: Int32Array, p2m: Int32Array, interrupt: boolean): boolean {
  const state = R[MONITOR_STATE]!;
  return isInMwait(R) && ((interrupt && (state & MONITOR_BREAKS) !== 0) || lineChanged(R, memory, p2m));
}

/** The processor was halted at an MWAIT. */
export const isInMwait = (R: Int32Array): boolean => (R[MONITOR_STATE]! & MONITOR_WAITS) !== 0;

/** As a load of one byte at DS:EAX (or the segment of a prefix). */
const monitor: OpFactory = () => (cpu, p) => {
  const { R, M4, p2m } = cpu;
  if (R[CPL] !== 0 || !monitorEnabled(R)) cpu.fault(UD);
  if (cpu.controls.monitor) return cpu.loop.vmExit(ExitReason.MONITOR, 0, p);
  if (R[ECX] !== 0) cpu.fault(GP, 0);
  const meta = cpu.A[p + META]!,
    segment = (meta >>> META_SEGMENT) & 7;
  const linear = cpu.mode.long
    ? cpu.addressing.long(segment, R[EAX]!, (meta & META_ADDRESS32) !== 0 ? 0 : R[EAX + HIGH]!, 1)
    : cpu.addressing.linear(segment, (meta & META_ADDRESS16) !== 0 ? R[EAX]! & 0xffff : R[EAX]!, 1, false);
  cpu.memory.read8(linear);
  const physical = cpu.translate(cpu.tlb.linearOf(linear));
  R[MONITOR_STATE] = MONITOR_NONE;
  R[MONITOR_ADDRESS] = Math.floor(physical / MONITOR_LINE_BYTES) * MONITOR_LINE_BYTES;
  const at = physical < 2 ** 32 ? lineAt(R, p2m) : -1;
  // What is not write-back memory is not watched; MWAIT does not wait then.
  if (at < 0) return;
  for (let i = 0; i < MONITOR_LINE_BYTES / 4; i++) R[MONITOR_LINE + i] = Atomics.load(M4, at + i);
  R[MONITOR_STATE] = MONITOR_ARMED;
};

/** Does nothing where no line is watched or it was written since; otherwise the processor waits, for which there has to be someone around it. */
const mwait: OpFactory = () => (cpu, p) => {
  const { R, M4, p2m } = cpu;
  if (R[CPL] !== 0 || !monitorEnabled(R)) cpu.fault(UD);
  const armed = (R[MONITOR_STATE]! & MONITOR_ARMED) !== 0;
  // Qualification: whether a line is watched (SDM vol. 3, 28.2.1).
  if (cpu.controls.mwait) return cpu.loop.vmExit(ExitReason.MWAIT, armed ? 1 : 0, p);
  if ((R[ECX]! & ~EXTENSION_BREAK) !== 0) cpu.fault(GP, 0);
  if (!armed || lineChanged(R, M4, p2m)) {
    R[MONITOR_STATE] = MONITOR_NONE;
    return;
  }
  R[MONITOR_STATE] = MONITOR_WAITS | ((R[ECX]! & EXTENSION_BREAK) !== 0 ? MONITOR_BREAKS : 0);
  cpu.loop.vmExit(ExitReason.MWAIT, 1, p);
};

export const monitorOps: Record<string, OpFactory> = { monitor, mwait };
