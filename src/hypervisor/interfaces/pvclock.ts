/**
 * Records by which guests make the time of their TSC, as Xen and KVM give them: the TSC at a moment, the system time then, and how ticks become nanoseconds.
 * Source: xen/include/public/xen.h (vcpu_time_info); Documentation/virt/kvm/x86/msr.rst (pvclock_vcpu_time_info): the layout is one.
 */
import { registers as R, TSC_HZ } from '../../cpu/architecture/index.ts';

const HIGH = 2 ** 32;
const TSC_TIMESTAMP = 8,
  SYSTEM_TIME = 16,
  TSC_TO_SYSTEM_MUL = 24,
  /** And the flags behind it, a byte. */
  TSC_SHIFT = 28;
export const TIME_RECORD_BYTES = 32;

/** Multiplier and shift that make nanoseconds of ticks: mul / 2^32 * 2^shift = 10^9 / hz, mul in [2^31, 2^32). */
export function tscScale(hz: number): { mul: number; shift: number } {
  let shift = 0,
    ticks = hz;
  for (; ticks > 2e9; shift--) ticks = Math.floor(ticks / 2);
  for (; ticks <= 1e9; shift++) ticks *= 2;
  return { mul: Number(((10n ** 9n) << 32n) / BigInt(ticks)), shift };
}

const SCALE = tscScale(TSC_HZ);

/** Writes a vCPU's record at a byte of machine memory. `regs`: its state words, for what its TSC is ahead of the machine's clock. */
export function writeTimeRecord(bytes: DataView, at: number, nowNs: number, regs: Int32Array, flags: number): void {
  const now = Math.floor(nowNs);
  const low = (now % HIGH) + (regs[R.TSC_OFFSET] >>> 0);
  const version = (): number => bytes.getUint32(at, true);
  // Odd while it changes. The fence is what other processors of the guest see; where it does not lie on a word nobody else writes it.
  const setVersion = (value: number): void => {
    if (at & 3) bytes.setUint32(at, value >>> 0, true);
    else Atomics.store(new Int32Array(bytes.buffer, at, 1), 0, value | 0);
  };
  setVersion(version() | 1);
  bytes.setUint32(at + TSC_TIMESTAMP, low % HIGH, true);
  bytes.setInt32(
    at + TSC_TIMESTAMP + 4,
    (Math.floor(now / HIGH) + regs[R.TSC_OFFSET + 1] + (low >= HIGH ? 1 : 0)) | 0,
    true,
  );
  bytes.setUint32(at + SYSTEM_TIME, now % HIGH, true);
  bytes.setUint32(at + SYSTEM_TIME + 4, Math.floor(now / HIGH), true);
  bytes.setUint32(at + TSC_TO_SYSTEM_MUL, SCALE.mul, true);
  bytes.setUint32(at + TSC_SHIFT, (SCALE.shift & 0xff) | (flags << 8), true);
  setVersion(version() + 1);
}
