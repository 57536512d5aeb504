/** MWAIT on the PC: the processor halts until an interrupt or a store to the line that MONITOR named (SDM vol. 2, MWAIT). */
import { describe, expect, it } from 'vitest';
import { d } from '../../cpu/test-support/bench.ts';
import { interruptGate, LOAD, program, programDomain, runToEnd } from './program.test-support.ts';
import { readState, saveDomain } from '../stream/state.ts';

const HANDLER = 0x200,
  COUNT = 0x800,
  LINE = 0x840,
  IDT = 0x1000,
  IDTR = 0x810;
const VECTOR = 0x20;
const ports = (...writes: [port: number, value: number][]) =>
  writes.flatMap(([port, value]) => [0xb0, value, 0xe6, port]);

/** MONITOR on LINE, then MWAIT with `extensions`; the count of timer interrupts, then the line's first byte, go to isa-debug-exit. */
const kernel = (flags: 'fa' | 'fb', extensions: number, timer: boolean) =>
  program(
    [
      '0f 01 1d',
      d(LOAD + IDTR),
      ports(
        [0x20, 0x11],
        [0x21, VECTOR],
        [0x21, 4],
        [0x21, 1],
        [0x21, timer ? 0xfe : 0xff],
        [0xa0, 0x11],
        [0xa1, 0x28],
        [0xa1, 2],
        [0xa1, 1],
        [0xa1, 0xff],
      ),
      // Channel 0 once, in 5 ms.
      ports([0x43, 0x30], [0x40, 0x4d], [0x40, 0x17]),
      'b8',
      d(LOAD + LINE),
      '31 c9 31 d2 0f 01 c8',
      flags,
      'b9',
      d(extensions),
      '0f 01 c9',
      'a0',
      d(LOAD + COUNT),
      '02 05',
      d(LOAD + LINE),
      'e6 f4 f4',
    ],
    {
      [HANDLER]: ['fe 05', d(LOAD + COUNT), ports([0x20, 0x20]), 'cf'],
      [IDTR]: [0xff, 0x07, d(LOAD + IDT)],
      [IDT + VECTOR * 8]: [interruptGate(HANDLER)],
    },
  );

describe('MWAIT on the PC', () => {
  it('an interrupt ends it: the handler runs, then what follows', () => {
    const domain = programDomain(kernel('fb', 0, true));
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 1 } });
    expect(domain.stats()).toMatchObject({ exitsByReason: { MWAIT: 1 } });
    expect(domain.stats().nowNs).toBeGreaterThan(4.9e6);
  });

  it('with ECX bit 0 a masked interrupt ends it, and is not taken', () => {
    const domain = programDomain(kernel('fa', 1, true));
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 0 } });
    expect(domain.stats().nowNs).toBeGreaterThan(4.9e6);
  });

  it('a store to the line ends it, also in a domain that was saved while it waited', () => {
    const wake = (change: (domain: ReturnType<typeof programDomain>) => ReturnType<typeof programDomain>) => {
      let domain = programDomain(kernel('fa', 0, false));
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
      return programDomain(kernel('fa', 0, false), {}, readState(file, 'program'));
    });
  });
});
