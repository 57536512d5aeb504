import { registers as R } from '../../src/cpu/architecture/index.ts';
import type { InterfaceKind } from '../../src/hypervisor/domain/guest-interface.ts';
import { PLAIN_PC, PlainPc } from '../../src/hypervisor/interfaces/none/plain-pc.ts';

/** A hypervisor that adds: VMCALL leaves EBX + ECX in EAX. */
class Sums extends PlainPc {
  override readonly name = 'sums';

  override hypercall(): boolean {
    const { processor } = this.parts;
    processor.regs[R.EAX] = processor.regs[R.EBX] + processor.regs[R.ECX];
    processor.skipInstruction();
    return true;
  }
}

export const SUMS: InterfaceKind = { ...PLAIN_PC, create: parts => new Sums(parts) };
