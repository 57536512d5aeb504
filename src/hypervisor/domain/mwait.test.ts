/** MWAIT on the PC: the processor halts until an interrupt or a store to the line that MONITOR named (SDM vol. 2, MWAIT). */
import { describe, expect, it } from 'vitest';
import { asm, d } from '../../cpu/test-support/asm.ts';
import {
  ENTRY,
  interruptGate,
  LOAD,
  ports,
  program,
  programDomain,
  runToEnd,
  startPics,
} from './program.test-support.ts';
import { readState, saveDomain } from '../interfaces/xen/stream/state.ts';
import { statsOf } from './stats.test-support.ts';

const HANDLER = 0x200,
  COUNT = 0x800,
  LINE = 0x840,
  IDT = 0x1000,
  IDTR = 0x810;
const VECTOR = 0x20;

/** MONITOR on LINE, then MWAIT with `extensions`; the count of timer interrupts, then the line's first byte, go to isa-debug-exit. */
const kernel = (flags: 'cli' | 'sti', extensions: number, timer: boolean) =>
  program(
    [
      `lidt [${LOAD + IDTR}]`,
      startPics(timer ? 0xfe : 0xff, 0xff),
      // Channel 0 once, in 5 ms.
      ports([0x43, 0x30], [0x40, 0x4d], [0x40, 0x17]),
      `mov eax, ${LOAD + LINE}; xor ecx, ecx; xor edx, edx; monitor`,
      flags,
      `
        mov ecx, ${extensions}; mwait; mov al, [${LOAD + COUNT}]; add al, [${LOAD + LINE}]
        out 0xf4, al; hlt
      `,
    ],
    {
      [HANDLER]: [`inc byte [${LOAD + COUNT}]`, ports([0x20, 0x20]), 'iret'],
      [IDTR]: [0xff, 0x07, d(LOAD + IDT)],
      [IDT + VECTOR * 8]: [interruptGate(HANDLER)],
    },
  );

it('a single step ends HLT at once: the trap comes behind it (SDM vol. 3, 17.3.1.4)', () => {
  const domain = programDomain(
    program([`lidt [${LOAD + IDTR}]; pushfd; or dword [esp], 0x100; popfd; hlt; nop`], {
      [HANDLER]: ['mov eax, [esp]; out 0xf4, al; hlt'],
      [IDTR]: [0xff, 0x07, d(LOAD + IDT)],
      [IDT + 8]: [interruptGate(HANDLER)],
    }),
  );
  const hlt = ENTRY + asm(`mov esp, 0; lidt [0]; pushfd; or dword [esp], 0x100; popfd`).length;
  expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: (hlt + 1) & 0xff } });
});

describe('MWAIT on the PC', () => {
  it('an interrupt ends it: the handler runs, then what follows', () => {
    const domain = programDomain(kernel('sti', 0, true));
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 1 } });
    expect(statsOf(domain)).toMatchObject({ exitsByReason: { MWAIT: 1 } });
    expect(statsOf(domain).nowNs).toBeGreaterThan(4.9e6);
  });

  it('with ECX bit 0 a masked interrupt ends it, and is not taken', () => {
    const domain = programDomain(kernel('cli', 1, true));
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 0 } });
    expect(statsOf(domain).nowNs).toBeGreaterThan(4.9e6);
  });

  it('a store to the line ends it, also in a domain that was saved while it waited', () => {
    const wake = (change: (domain: ReturnType<typeof programDomain>) => ReturnType<typeof programDomain>) => {
      let domain = programDomain(kernel('cli', 0, false));
      expect(runToEnd(domain).state).toBe('parked');
      domain = change(domain);
      domain.memory.write(LOAD + LINE + 64, Uint8Array.of(7));
      expect(runToEnd(domain).state).toBe('parked');
      domain.memory.write(LOAD + LINE, Uint8Array.of(7));
      expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 7 } });
    };
    wake(domain => domain);
    wake(domain => {
      const file = Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' }));
      return programDomain(kernel('cli', 0, false), {}, readState(file, 'program'));
    });
  });
});
