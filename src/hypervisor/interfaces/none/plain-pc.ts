/** No hypervisor at all: the guest sees a PC. What another interface does not change stays as it is here. */
import { shownBy } from '../../../cpu/architecture/index.ts';
import type { State } from '../../../devices/index.ts';
import type { GuestInterface, GuestParts, GuestTraits, InterfaceKind, MsrValue } from '../../domain/guest-interface.ts';

/**
 * IA32_ARCH_CAPABILITIES (SDM vol. 4, table 2-2), of the plain PC alone: nothing is loaded past a fault (Meltdown). Systems that do not know the model as
 * one that is free of it ask here: Xen would give each PV guest tables of its own (XPTI).
 */
const ARCH_CAPABILITIES = 0x10a,
  RDCL_NO = 1;

export class PlainPc implements GuestInterface {
  readonly name: string = 'none';
  protected readonly parts: GuestParts;
  readonly cpuidFaults: boolean = false;

  constructor(parts: GuestParts) {
    this.parts = parts;
  }

  get tellsStolenTime(): boolean {
    return false;
  }

  afterExit(): void {}

  // CPUID does not leave the processor.
  identify(): void {}

  refuseCpuid(): void {}

  ownsMsr(index: number): boolean {
    return index === ARCH_CAPABILITIES;
  }

  readMsr(_index: number): MsrValue | undefined {
    return shownBy(this.parts.processor.regs).has('arch_capabilities') ? [RDCL_NO, 0] : undefined;
  }

  writeMsr(_index: number, _low: number, _high: number): boolean {
    return false;
  }

  hypercall(): boolean {
    return false;
  }

  guestEvent(): void {}

  invalidOpcode(): boolean {
    return false;
  }

  haltsForGood(): boolean {
    return false;
  }

  tripleFault(): boolean {
    return false;
  }

  stuck(): void {}

  enter(): void {}

  forget(): void {}

  service(): void {}

  demand(_gfn: number): boolean {
    return false;
  }

  modelElsewhere(): undefined {}

  start(): void {}

  load(): undefined {}

  placeFirmware(): void {}

  restoring(): void {}

  restored(): void {}

  saveRest(): State {
    return {};
  }

  restoreRest(_state: State): void {}

  cancelSuspend(): void {}
}

const TRAITS: GuestTraits = { board: { hpet: true }, firmware: 'rom', resetIsNewDomain: false, boot: {} };

export const PLAIN_PC: InterfaceKind = { traits: () => TRAITS, create: parts => new PlainPc(parts) };
