/** What CPUID tells a guest of Xen: the processor's leaves under Xen's policy, Xen's own, and those of what it shows next to that. */
import { type CpuidAnswer, type Features, registers as R, shownBy } from '../../../cpu/architecture/index.ts';
import type { Layer } from '../layer.ts';
import { answerCpuid, isHypervisorLeaf, leafOf } from '../cpuid.ts';
import { ofParavirtual, xenLeaf } from './cpuid-leaves.ts';

/** The domain and vCPU that execute CPUID. */
interface Asking {
  readonly record: { id: number };
  /** Number of the vCPU that runs. */
  readonly current: number;
  readonly isHvm: boolean;
  readonly layer: Pick<Layer, 'leaf'> | undefined;
}

export class Identity {
  private readonly guest: Asking;
  private readonly regs: Int32Array;
  private kept: CpuidAnswer | undefined;
  private readonly asked = new Int32Array(5);
  private askedOf: Features | undefined;

  /** `regs`: state words of the vCPU that runs. */
  constructor(guest: Asking, regs: Int32Array) {
    this.guest = guest;
    this.regs = regs;
  }

  /** EAX to EDX get the answer to EAX and ECX. Programs ask the same again and again: the processor's last answer is kept. */
  tell(): void {
    const { regs, asked } = this,
      { current } = this.guest;
    const eax = regs[R.EAX],
      ecx = regs[R.ECX],
      apicBase = regs[R.MSR_APIC_BASE],
      apicId = regs[R.APIC_ID],
      shown = shownBy(regs);
    if (
      !this.kept ||
      eax !== asked[0] ||
      ecx !== asked[1] ||
      apicBase !== asked[2] ||
      apicId !== asked[3] ||
      shown !== this.askedOf ||
      current !== asked[4]
    ) {
      const answer = this.answer(eax, ecx);
      // A hypervisor's leaves depend on more than that.
      this.kept = isHypervisorLeaf(eax) ? undefined : answer;
      asked.set([eax, ecx, apicBase, apicId, current]);
      this.askedOf = shown;
      return answerCpuid(regs, answer);
    }
    answerCpuid(regs, this.kept);
  }

  answer(leaf: number, subleaf: number): CpuidAnswer {
    const { regs } = this,
      { layer, record, current, isHvm } = this.guest;
    const own =
      layer?.leaf(leaf) ??
      xenLeaf(leaf, subleaf, { id: record.id, vcpu: current, pv: !isHvm, moved: layer !== undefined });
    if (own) return own;
    const answer = leafOf(regs, leaf, subleaf);
    return isHvm ? answer : ofParavirtual(leaf, answer);
  }
}
