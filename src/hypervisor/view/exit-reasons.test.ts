import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/architecture/edge.ts';
import { EXIT_COUNTERS, exitCounter, exitName, exitSource, exitTitle, reasonOf } from './exit-reasons.ts';
import { hypercallName } from '../interfaces/xen/abi.ts';

describe('names of exits', () => {
  it('are there for every reason the processor knows, each with a counter of its own', () => {
    const reasons = [
      ...Object.values(ExitReason),
      ...Array.from({ length: 256 }, (_, vector) => ExitReason.IDT_FIRST + vector),
    ];
    for (const reason of reasons) {
      expect(exitTitle(reason)).not.toMatch(/^Reason/);
      expect(reasonOf(exitCounter(reason))).toBe(reason);
      expect(exitCounter(reason)).toBeLessThan(EXIT_COUNTERS);
    }
  });

  it('are those of the vector where a paravirtual guest came through the hypervisor’s own table', () => {
    expect(exitName(0x10e)).toBe('IDT_14');
    expect([0x10e, 0x180, 0x182].map(exitTitle)).toEqual(['#PF page fault', 'INT 0x80', 'Hypercall, INT 0x82']);
    expect([exitSource(0x10e), exitSource(0x182)]).toEqual([
      'Intel SDM vol. 3, table 6-1',
      'xen/include/public/arch-x86/xen-x86_32.h (TRAP_INSTR)',
    ]);
    expect(exitSource(ExitReason.IO)).toBe('Intel SDM vol. 3, appendix C');
  });
});

// xen/include/public/xen.h, __HYPERVISOR_*
it('hypercalls have the names of the public header', () => {
  expect([0, 1, 12, 17, 26, 32, 48].map(hypercallName)).toEqual([
    'set_trap_table',
    'mmu_update',
    'memory_op',
    'xen_version',
    'mmuext_op',
    'event_channel_op',
    'arch_0',
  ]);
});
