/** A vCPU that was up before is started again by INIT and SIPI, as hvmloader's processors are by Linux (SDM vol. 3, 9.4; xen/arch/x86/hvm/vlapic.c). */
import { expect, it } from 'vitest';
import { XEN_VCPU } from './layout.ts';
import { RUNSTATE } from './abi.ts';
import { testGuest } from './pvh-program.test-support.ts';
import { VCPU_INFO } from './shared.ts';
import { xenOf } from './of-domain.ts';

const VECTOR = 0x51,
  IRR = 0xfee00200;

it('is offline in between, and gets the upcall that its local APIC lost', () => {
  const { domain } = testGuest({ vcpus: 2 });
  const { ports, words } = xenOf(domain)!;
  const vcpu = ports.vcpu(1);
  const start = (): void => {
    domain.vcpus.init(1);
    expect(words[vcpu + XEN_VCPU.STATE]).toBe(RUNSTATE.OFFLINE);
    domain.vcpus.startup(1, 0x10);
    expect(words[vcpu + XEN_VCPU.STATE]).not.toBe(RUNSTATE.OFFLINE);
  };
  start();
  words[vcpu + XEN_VCPU.VECTOR] = VECTOR;
  ports.machine.bytes[words[vcpu + XEN_VCPU.INFO] + VCPU_INFO[32].evtchn_upcall_pending] = 1;
  start();
  domain.platform.currentProcessor = 1;
  expect((domain.platform.ownBus.readMemory(IRR + (VECTOR >> 5) * 0x10, 4) >>> (VECTOR & 31)) & 1).toBe(1);
});
