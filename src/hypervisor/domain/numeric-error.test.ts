/** x87 errors as a PC reports them, with CR0.NE clear: SDM vol. 1, appendix D.2 and figure D-1. */
import { describe, expect, it } from 'vitest';
import { asm, d } from '../../cpu/test-support/asm.ts';
import type { Domain } from './domain.ts';
import { interruptGate, LOAD, ports, program, programDomain, runToEnd, startPics } from './program.test-support.ts';
import { readState, saveDomain } from '../interfaces/xen/stream/state.ts';
import { statsOf } from './stats.test-support.ts';

const HANDLER = 0x200,
  COUNT = 0x800,
  STATUS = 0x804,
  CONTROL = 0x808,
  EARLY = 0x80c,
  IDT = 0x1000,
  IDTR = 0x810;
const VECTOR = 0x2d;

/** Divides by zero with the exception unmasked, then goes on to the next waiting instruction. */
const kernel = (interrupts: boolean) =>
  program(
    [
      `lidt [${LOAD + IDTR}]`,
      // IRQ 13 and the cascade.
      startPics(0xfb, 0xdf),
      // CR0.NE off.
      `
        mov eax, cr0; and eax, -33; mov cr0, eax; fninit; fldcw [${LOAD + CONTROL}]; fld1; fldz
        fdivp st1, st0; mov al, [${LOAD + COUNT}]; mov [${LOAD + EARLY}], al
      `,
      interrupts ? 'sti; nop' : 'nop; nop',
      `fld1; mov al, [${LOAD + COUNT}]; out 0xf4, al; hlt`,
    ],
    {
      // IGNNE# lets FLDPI through.
      [HANDLER]: [
        `inc byte [${LOAD + COUNT}]; fnstsw [${LOAD + STATUS}]; out 0xf0, al; fldpi; fnclex`,
        ports([0xa0, 0x20], [0x20, 0x20]),
        'iret',
      ],
      [CONTROL]: [0x7b, 0x03],
      [IDTR]: [0xff, 0x07, d(LOAD + IDT)],
      [IDT + VECTOR * 8]: [interruptGate(HANDLER)],
    },
  );

const byte = (domain: Domain, offset: number) => {
  const into = new Uint8Array(1);
  domain.memory.read(LOAD + offset, into);
  return into[0];
};

describe('CR0.NE clear on the PC', () => {
  it('the next waiting instruction raises IRQ 13; port 0xF0 lets the handler use the x87 until it clears the error', () => {
    const domain = programDomain(kernel(true));
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 1 } });
    expect([byte(domain, EARLY), byte(domain, STATUS) & 0x84]).toEqual([0, 0x84]);
    expect(statsOf(domain).exitsByReason).toMatchObject({ FERR: 1 });
  });

  it('with interrupts off the processor waits at the instruction, and a saved domain waits on', () => {
    const domain = programDomain(kernel(false));
    const parked = { state: 'parked', untilNs: Infinity, latestNs: Infinity };
    expect(runToEnd(domain)).toEqual(parked);
    const file = Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' }));
    const again = programDomain(kernel(false), {}, readState(file, 'program'));
    expect([runToEnd(again), again.platform.save()['coprocessor-error']]).toEqual([parked, { requested: true }]);
    // IRQ 13 is still asked for: the interrupt comes as soon as it is let in.
    again.processor.eflags |= 0x200;
    expect(runToEnd(again)).toMatchObject({ state: 'ended', ending: { value: 1 } });
  });

  it('a write to port 0xF0 without an error ignores none that comes later (82371SB, COPROCESSOR_ERR)', () => {
    const bytes = kernel(true);
    // Over the initialization.
    bytes.copyWithin(0x28, 0x25, 0x180);
    bytes.set(asm('out 0xf0, al; nop'), 0x25);
    expect(runToEnd(programDomain(bytes))).toMatchObject({ state: 'ended', ending: { value: 1 } });
  });
});
