/** What the enlightenments of a guest work on. */
import type { LocalApic } from '../../../devices/index.ts';
import type { Timers } from '../../../devices/index.ts';
import type { GuestAccess } from '../../memory/guest-access.ts';

export interface ViridianParts {
  /** Bits of VIRIDIAN. */
  features: number;
  vcpus: number;
  currentVcpu(): number;
  /** State words of the vCPU that runs. */
  regs: Int32Array;
  /** Machine memory, and the guest's. */
  bytes: Uint8Array;
  access: GuestAccess;
  written(mfn: number): void;
  localApic(vcpu: number): LocalApic | undefined;
  /** An edge-triggered interrupt; lost where software has the APIC disabled. */
  interrupt(vcpu: number, vector: number): void;
  timers: Timers;
  /** Time stamp counter as vCPU 0 reads it. */
  tsc(): readonly [low: number, high: number];
  flushTlb(): void;
  /** Others have their turn. */
  yield(): void;
  /** If the guest shuts down, it has crashed. */
  latchCrash(): void;
  /** A line of the hypervisor's log. */
  log(text: string): void;
  crash(sentence: string): void;
}

/** Registers that name a page of the guest's: bit 0 enabled, frame from bit 12. */
const PAGE_ENABLED = 1;

/** Where the page of such a register lies in machine memory now; -1: it is not enabled, or there is no memory that may be written. */
export function pageOf({ access }: ViridianParts, msr: Uint32Array): number {
  if (!(msr[0] & PAGE_ENABLED)) return -1;
  return access.physicalOffset(msr[1] * 2 ** 32 + ((msr[0] & ~0xfff) >>> 0), true);
}

/** Fills a page that was found with zeroes, or with what is given. */
export function putPage(parts: ViridianParts, offset: number, content?: Uint8Array): void {
  if (content) parts.bytes.set(content, offset);
  else parts.bytes.fill(0, offset, offset + 4096);
  parts.written(offset / 4096);
}
