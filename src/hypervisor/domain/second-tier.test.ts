/** The second tier in a domain: with several vCPUs, and next to the interpreter alone. */
import { describe, expect, it } from 'vitest';
import { loadCompiler } from '../../cpu/index.ts';
import { asm, d } from '../../cpu/test-support/asm.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { LOAD, program, programDomain, runToEnd, toProtectedMode } from './program.test-support.ts';
import type { Domain } from './domain.ts';
import { statsOf } from './stats.test-support.ts';

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
  const store = (address: number, value: number): (string | number[])[] => [`mov dword [${address}], ${value}`];
  const round = asm(
    `
      inc ecx; mov [${constant}], ecx; mov edx, 4000
      again: dec edx; jne again
      again2: pause; cmp [${SEEN}], ecx; jne again2; cmp ecx, ${WRITES}
    `,
  );
  const kernel = program(
    [
      `
        mov esi, ${LOAD + TRAMPOLINE}; mov edi, ${START}; mov ecx, 512; rep movsb; mov al, 0xff
        out 0x21, al; out 0xa1, al
      `,
      ...store(APIC + 0xf0, 0x1ff),
      ...store(APIC + 0x300, 0xc0000 | INIT),
      ...store(APIC + 0x300, 0xc4600 | (START >> 12)),
      `again: pause; cmp [${READY}], strict dword 1; jb again; xor ecx, ecx`,
      'round:',
      round,
      'jb round; mov al, 7; out 0xf4, al; hlt',
    ],
    {
      [OTHER]: [
        `
          mov ax, 0x10; mov ds, ax; mov es, ax; mov ss, ax; mov esp, ${LOAD + STACK}
          lock inc dword [${READY}]
        `,
        `
          again: call ${LOAD + FUNCTION}; cmp eax, [${constant}]; je same; inc dword [${OLD}]
          same: mov [${SEEN}], eax; jmp again
        `,
      ],
      [FUNCTION]: ['mov eax, 0; ret'],
      [GDT]: [d(0), d(0), d(0x0000ffff), d(0x00cf9b00), d(0x0000ffff), d(0x00cf9300)],
      [TRAMPOLINE]: toProtectedMode(LOAD + GDT, 0x17, LOAD + OTHER),
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
        outcome: [domain.instructions, word(domain, OLD), word(domain, SEEN), statsOf(domain).exitsByReason],
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
