/** A domain whose guest runs 64-bit code: what its saved state keeps. */
import { expect, it } from 'vitest';
import { loadLevel } from '../../cpu/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { d, hex, w } from '../../cpu/test-support/asm.ts';
import { readState, saveDomain } from '../interfaces/xen/stream/state.ts';
import type { Domain } from './domain.ts';
import { LOAD, program, programDomain, runToEnd } from './program.test-support.ts';

const LONG = 0x200,
  GDTR = 0x300,
  GDT = 0x308,
  TABLES = 0x200000;
/** Turns long mode on over one page of 1 GiB, counts down, and tells the top byte of R12. */
const kernel = program(
  [
    `mov dword [${TABLES}], ${TABLES + 0x1003}; mov dword [${TABLES + 0x1000}], 0x83; mov eax, ${TABLES}; mov cr3, eax`,
    'mov eax, cr4; or eax, 0x20; mov cr4, eax; mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr',
    `mov eax, cr0; or eax, 0x80000000; mov cr0, eax; lgdt [${LOAD + GDTR}]; jmp 8:${LOAD + LONG}`,
  ],
  {
    // mov rax, 0x1122334455667788; mov r12, rax; mov ecx, 10000; again: dec ecx; jnz again
    [LONG]: [
      hex('48b88877665544332211 4989c4 b910270000 ffc975fc'),
      // mov rbx, r12; shr rbx, 56; mov al, bl; out 0xf4, al; hlt
      hex('4c89e3 48c1eb38 88d8 e6f4 f4'),
    ],
    [GDTR]: [w(15), d(LOAD + GDT)],
    [GDT]: [d(0), d(0), d(0xffff), d(0x00af9b00)],
  },
);
const stateOf = (domain: Domain): Uint8Array =>
  Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' }));

it('goes on from a state that was saved in 64-bit code, on a processor of the level that the state names', async () => {
  await loadLevel('x86-64-v2');
  const domain = programDomain(kernel, { cpuLevel: 'x86-64-v2' });
  domain.stopAtInstruction = 5000;
  domain.runSlice();
  const state = stateOf(domain);
  expect(runToEnd(programDomain(kernel, {}, readState(state, 'program')))).toMatchObject({
    state: 'ended',
    ending: { value: 0x11 },
  });
  domain.processor.regs[R.CPU_LEVEL] = 77;
  const other = stateOf(domain);
  expect(() => readState(other, 'program')).toThrow('its processor is of a level that this version does not have');
});
