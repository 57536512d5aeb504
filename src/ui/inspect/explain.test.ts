import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/architecture/index.ts';
import { answererOf, explainExit, explainHypercall, wayOf } from './explain.ts';

describe('why an exit came', () => {
  it('reads the qualification of an I/O instruction as the SDM lays it out (table 28-5)', () => {
    // rep outsw to 0x1f0: two bytes, OUT, string, REP, the port in DX.
    const { fields, why } = explainExit({ reason: ExitReason.IO, qualification: 0x01f00031 });
    expect(fields.map(([bits, value]) => [bits, value])).toEqual([
      ['31–16', '0x01f0'],
      ['6', '0'],
      ['5', '1'],
      ['4', '1'],
      ['3', '0'],
      ['2–0', '1'],
    ]);
    expect(fields[5]![2]).toBe('size: 2 bytes');
    expect(why.answer).toContain('writes port 0x1f0 (the first IDE channel, data)');
    expect(explainExit({ reason: ExitReason.IO, qualification: 0x00600048 }).why.answer).toContain('reads port 0x60');
  });

  it('tells a write to the VGA window from a missing page (table 28-7)', () => {
    expect(
      explainExit({ reason: ExitReason.EPT_VIOLATION, qualification: 0x182, detail: 0xb8000 }).why.answer,
    ).toContain('window of the VGA adapter');
    expect(
      explainExit({ reason: ExitReason.EPT_VIOLATION, qualification: 0x181, detail: 0x40000000 }).why.answer,
    ).toContain('reads guest-physical address 0x40000000');
  });

  it('says that the APICs and the HPET are Xen’s, and neither firmware nor a card’s registers are an interrupt controller (register_mmio_handler of vlapic.c, vioapic.c)', () => {
    const at = (detail: number, qualification = 0x182) => ({ reason: ExitReason.EPT_VIOLATION, qualification, detail });
    for (const [address, name, code] of [
      [0xfee00300, 'local APIC', 'vlapic_mmio_write'],
      [0xfec00010, 'I/O APIC', 'vioapic_write'],
      [0xfed000f0, 'HPET', 'hpet_write'],
    ] as const) {
      expect(explainExit(at(address)).why.answer).toContain(`it is the ${name}, which Xen emulates`);
      expect(wayOf(at(address)).filter(([who]) => /model/.test(who))).toEqual([]);
      expect(wayOf(at(address))[3]).toEqual(['Xen', `emulates the ${name}`, code]);
      expect(wayOf(at(address, 0x181))[3]![2]).toBe(code.replace('write', 'read'));
      expect(answererOf(at(address))).toEqual({ name: 'Xen’s chip', by: 'xen' });
    }
    for (const address of [0xfffff000, 0xfebf1000, 0xb8000]) {
      expect(explainExit(at(address)).why.answer).not.toContain('APIC');
      expect(answererOf(at(address))).toEqual({ name: 'device model', by: 'guest' });
    }
  });

  it('tells a software interrupt of a paravirtual guest from an exception', () => {
    expect(explainExit({ reason: 0x100 + 3, qualification: 0 }).why.answer).toContain('an exception');
    expect(explainExit({ reason: 0x100 + 0x80, qualification: 0 }).why.answer).toContain('software interrupts');
  });

  it('reads no qualification where the reason gives none', () => {
    expect(explainExit({ reason: ExitReason.PREEMPTION_TIMER, qualification: 0x200040 }).fields).toEqual([]);
    expect(explainExit({ reason: ExitReason.INVLPG, qualification: 0x1000 }).fields).toHaveLength(1);
  });

  it('names who handles an exit, from the processor back to the guest; after a triple fault to Domain-0', () => {
    for (const reason of Object.values(ExitReason)) {
      const way = wayOf({ reason, qualification: 0 });
      expect([way[0]![0], way.at(-1)![0], way.length > 2], String(reason)).toEqual([
        'Processor',
        reason === ExitReason.TRIPLE_FAULT ? 'Domain-0' : 'Guest',
        true,
      ]);
    }
    // Where firmware puts it, and where QEMU has it before.
    for (const qualification of [0xb008000b, 0x0608000b])
      expect(wayOf({ reason: ExitReason.IO, qualification })[3]).toEqual([
        'Xen',
        'emulates the ACPI timer',
        'handle_pmt_io',
      ]);
    // The interval timer is Xen's own, the serial port is the model's.
    expect(wayOf({ reason: ExitReason.IO, qualification: 0x00400000 })[3]).toEqual([
      'Xen',
      'emulates the 8254 timer',
      'handle_pit_io',
    ]);
    expect(
      wayOf({ reason: ExitReason.IO, qualification: 0x03f80000 }, 'Domain-0')
        .slice(3, 5)
        .map(([who, , code]) => [who, code]),
    ).toEqual([
      ['Xen', 'ioreq_send'],
      ['Its model in Domain-0', undefined],
    ]);
  });

  it('has a sentence for every reason, for exceptions of a hypervisor without VT, and for hypercalls', () => {
    for (const reason of Object.values(ExitReason))
      expect(explainExit({ reason, qualification: 0 }).why.answer.length, String(reason)).toBeGreaterThan(20);
    const hypercall = { reason: 0x182, qualification: 0 };
    expect(explainExit(hypercall).why.answer).toContain('INT 0x82');
    expect(explainExit(hypercall).fields).toEqual([]);
    expect(wayOf(hypercall)[2]).toEqual(['Xen', 'does the hypercall that EAX names']);
    expect(explainExit({ reason: 0x10e, qualification: 0, detail: 0xc0001000 }).why.answer).toContain('0xc0001000');
    expect(explainHypercall(29).answer).toContain('yields');
    expect(explainHypercall(48).answer).toContain('arch_0');
  });
});
