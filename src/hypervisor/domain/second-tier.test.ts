/** The second tier in a domain: with several vCPUs, and beside the interpreter alone. */
import { describe, expect, it } from 'vitest';
import { loadCompiler } from '../../cpu/index.ts';
import { asm, d } from '../../cpu/test-support/bench.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { CODE_SELECTOR, LOAD, program, programDomain, runToEnd } from './program.test-support.ts';
import type { Domain } from './domain.ts';

const APIC = 0xfee00000,
  INIT = 0x4500;
/** Where processor 1 starts in real mode, and words that both share. */
const START = 0x8000,
  READY = 0x9000,
  SEEN = 0x9004,
  OLD = 0x9008;
const OTHER = 0x400,
  GDT = 0x600,
  TRAMPOLINE = 0x1000,
  FUNCTION = 0x1800,
  STACK = 0x1f00;
const WRITES = 250;

/**
 * Processor 1 calls a function that returns a constant, again and again; processor 0 writes another constant into it and waits until it is returned. Processor 1
 * counts in OLD how often what it got is not what stands there.
 */
function writerAndRunner(jitThreshold: number): Domain {
  const constant = LOAD + FUNCTION + 1;
  const store = (address: number, value: number): (string | number[])[] => ['c7 05', d(address), d(value)];
  const round = asm(
    // inc ecx; mov [constant], ecx; mov edx, 4000; dec edx; jnz; wait: pause; cmp [SEEN], ecx; jne wait; cmp ecx, WRITES
    '41 89 0d',
    d(constant),
    'ba',
    d(4000),
    '4a 75 fd f3 90 39 0d',
    d(SEEN),
    '75 f6 81 f9',
    d(WRITES),
  );
  const kernel = program(
    [
      'be',
      d(LOAD + TRAMPOLINE),
      'bf',
      d(START),
      'b9',
      d(512),
      'f3 a4 b0 ff e6 21 e6 a1',
      ...store(APIC + 0xf0, 0x1ff),
      ...store(APIC + 0x300, 0xc0000 | INIT),
      ...store(APIC + 0x300, 0xc4600 | (START >> 12)),
      // pause; cmp dword [READY], 1; jb back; xor ecx, ecx; the rounds; mov al, 7; out 0xF4, al; hlt
      'f3 90 81 3d',
      d(READY),
      d(1),
      '72 f2 31 c9',
      round,
      '0f 82',
      d(-(round.length + 6)),
      'b0 07 e6 f4 f4',
    ],
    {
      [OTHER]: [
        '66 b8 10 00 8e d8 8e c0 8e d0 bc',
        d(LOAD + STACK),
        'f0 ff 05',
        d(READY),
        // call FUNCTION; cmp eax, [constant]; je over; inc [OLD]; over: mov [SEEN], eax; jmp back
        'e8',
        d(FUNCTION - OTHER - 27),
        '3b 05',
        d(constant),
        '74 06 ff 05',
        d(OLD),
        'a3',
        d(SEEN),
        'eb e6',
      ],
      [FUNCTION]: ['b8', d(0), 'c3'],
      [GDT]: [d(0), d(0), d(0x0000ffff), d(0x00cf9b00), d(0x0000ffff), d(0x00cf9300)],
      [TRAMPOLINE]: ['fa 66 0f 01 16 40 80 0f 20 c0 0c 01 0f 22 c0 66 ea', d(LOAD + OTHER), [CODE_SELECTOR, 0]],
      [TRAMPOLINE + 0x40]: ['17 00', d(LOAD + GDT)],
    },
  );
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  return programDomain(kernel, {
    machine,
    record: createDomain(machine, 4, 1024, { vcpus: 2 }),
    apic: true,
    jitThreshold,
  });
}

const word = (domain: Domain, address: number): number => {
  const bytes = new Uint8Array(4);
  domain.memory.read(address, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
};

describe('the second tier with two vCPUs', () => {
  it('runs what one of them wrote at the other’s next instruction, and as many instructions as the interpreter alone', async () => {
    const create = await loadCompiler();
    const run = (threshold: number) => {
      const domain = writerAndRunner(threshold);
      domain.processor.regions?.useCompiler(create);
      expect(runToEnd(domain, 20_000)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
      // A write may fall between a call's end and the comparison, and no later.
      expect(word(domain, OLD)).toBeLessThanOrEqual(WRITES);
      return {
        domain,
        outcome: [domain.instructions, word(domain, OLD), word(domain, SEEN), domain.stats().exitsByReason],
      };
    };
    const alone = run(0),
      both = run(1);
    expect(both.outcome).toEqual(alone.outcome);
    expect(alone.domain.processor.regions).toBeNull();
    const { dropped, retired } = both.domain.processor.regions!.statistics;
    expect(dropped).toBeGreaterThan(2);
    expect(retired).toBeGreaterThan(0.1 * both.domain.instructions);
  });
});
