/** Identifiers of the local APICs of Xen's guests: vCPU number times two, in the APIC and in CPUID (reference: hvm-pvh.md; xen/arch/x86/hvm/vlapic.c). */
import { expect, it } from 'vitest';
import * as R from '../../../cpu/architecture/registers.ts';
import { testGuest } from './pvh-program.test-support.ts';

const APIC_ID_REGISTER = 0xfee00020;

it('are even numbers', () => {
  const { domain } = testGuest({ vcpus: 3 });
  expect(domain.vcpus.all.slice(1).map(vcpu => vcpu.saved[R.APIC_ID])).toEqual([2, 4]);
  const seen = domain.vcpus.all.map(vcpu => {
    domain.platform.currentProcessor = vcpu.id;
    return domain.platform.ownBus.readMemory(APIC_ID_REGISTER, 4) >>> 24;
  });
  expect(seen).toEqual([0, 2, 4]);
});
