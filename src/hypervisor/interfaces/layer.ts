/**
 * An interface that a hypervisor shows next to its own: CPUID leaves, MSRs and hypercalls of somebody else's, asked before those of the guest's interface (which
 * make room for them). Hyper-V's, under Xen or KVM, is one. What is the layer's own it keeps in records of its own.
 */
import type { CpuidAnswer } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';
import type { MsrValue } from '../domain/guest-interface.ts';

export interface Layer {
  /** Undefined: the leaf is not its. */
  leaf(leaf: number): CpuidAnswer | undefined;
  ownsMsr(index: number): boolean;
  /** One of its MSRs; undefined: #GP. */
  readMsr(index: number): MsrValue | undefined;
  /** False: #GP. */
  writeMsr(index: number, low: number, high: number): boolean;
  /** A hypercall from ring 0, with this value in EAX. False: it is not its. */
  hypercall(eax: number): boolean;
  /** The guest starts. */
  reset(): void;
  /** A record of the domain's, and one for each vCPU. */
  save(): { domain: State; vcpus: State[] };
  /** @throws StateError, naming record and field */
  restore(domain: State | undefined, vcpus: readonly (State | undefined)[]): void;
}
