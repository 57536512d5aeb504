import { describe, expect, it } from 'vitest';
import { ExitReason, registers as R } from '../../../cpu/architecture/index.ts';
import type { LastExit, VcpuState } from '../../../hypervisor/view/index.ts';
import { aboutPlace, type Data, headline, momentsAt, placesOf, registersOf, vectorOf } from './facts.ts';
import type { Moment } from './last-moments.ts';

const exit = (number: number, reason: number, more: Partial<LastExit> = {}): LastExit => ({
  number,
  reason,
  ip: 0x1000,
  qualification: 0,
  detail: 0,
  ...more,
});
/** A vCPU in a flat 32-bit address space with these bytes, and no symbol or instruction elsewhere. */
function vcpu(bytes: Record<number, readonly number[]> = {}): VcpuState {
  const regs = new Int32Array(R.STATE_WORDS);
  regs[R.CR0] = 1;
  return {
    regs,
    eflags: 0x246,
    undelivered: [],
    linear: (_segment: number, offset: number) => offset >>> 0,
    bytesAt: (linear: number, count: number) => Uint8Array.from(bytes[linear] ?? []).slice(0, count),
  } as unknown as VcpuState;
}

describe('last exits', () => {
  const [first, second, write] = [
    exit(9, ExitReason.IO, { qualification: 0x3f5_0000 }),
    exit(7, ExitReason.IO, { qualification: 0x3f4_0000 }),
    exit(8, ExitReason.EPT_VIOLATION, { qualification: 2, detail: 0xb8000 }),
  ];

  it('of one place stand together, the newest first', () => {
    expect(placesOf([first, write, second]).map(place => place.map(({ number }) => number))).toEqual([[9, 7], [8]]);
  });

  it('tell the ports of a place, or from which address to which it wrote', () => {
    expect(aboutPlace(vcpu(), [first, second], 0)).toBe('ports 0x3f4, 0x3f5');
    expect(aboutPlace(vcpu(), [write, { ...write, detail: 0xb8004 }], 0)).toBe('write 000b8000 to 000b8004');
  });
});

describe('the way to the end', () => {
  it('leads by the hypercall and the reason that the guest gave', () => {
    // mov eax, 29; int 0x82, with SCHEDOP_shutdown and a reason of 3 (xen/include/public/sched.h).
    const state = vcpu({ 0x1000: [0xcd, 0x82], 0xffb: [0xb8, 29, 0, 0, 0], 0x2000: [3, 0, 0, 0] });
    state.regs[R.EBX] = 2;
    state.regs[R.ECX] = 0x2000;
    const moments = momentsAt(state, exit(5, ExitReason.VMCALL, { detail: 29 }), 0, '');
    expect(moments.slice(1).map(({ name, text }) => [name, text])).toEqual([
      ['VMCALL', 'the guest calls Xen'],
      ['sched_op', 'SCHEDOP_shutdown, reason 3 crash'],
      ['keeps it', 'its definition says preserve'],
    ]);
  });

  it('of one that did not end itself says where it was seen last, and what its host said', () => {
    const moments = momentsAt(vcpu(), exit(5, ExitReason.HLT), 0, 'its worker died');
    expect(moments.map(({ head }) => head)).toEqual(['seen last at', 'exit', 'Domain-0']);
    expect(moments.at(-1)!.text).toBe('its worker died');
  });

  it('of a triple fault has the first gate that stood in the way at its head, and another one when it is chosen', () => {
    const moments: Moment[] = [
      { kind: 'event', head: '', name: '#GP(0028)', text: '' },
      { kind: 'gate', head: 'IDT entry 13', name: 'P = 0', text: 'not present: #NP(006b)', vector: 13 },
      { kind: 'gate', head: 'IDT entry 8', name: 'P = 0', text: 'not present: #NP(0043)', vector: 8 },
    ];
    const data = { moments, lasts: [exit(1, ExitReason.TRIPLE_FAULT, { ip: 0x7c6b })] } as unknown as Data;
    const shown = { data, choose: () => {}, target: {} };
    expect(headline({ ...shown, chosen: '' })).toBe(' stopped: triple fault at 00007c6b. IDT entry 13: not present.');
    expect([vectorOf({ ...shown, chosen: '' }), vectorOf({ ...shown, chosen: 'g8' })]).toEqual([13, 8]);
  });
});

it('has registers in the order in which they are read, with their places where instructions write them', () => {
  const rows = registersOf(vcpu());
  expect(
    rows
      .slice(0, 10)
      .map(([name]) => name)
      .join(' '),
  ).toBe('EAX EBX ECX EDX ESI EDI EBP ESP EIP EFL');
  expect(rows[1]).toEqual(['EBX', '00000000', R.EBX]);
});
