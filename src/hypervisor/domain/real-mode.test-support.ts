/** Programs in real mode on a PC that was started without firmware: a multiboot kernel that goes back there. */
import { asm, d, w } from '../../cpu/test-support/bench.ts';
import type { PartlessOptions } from './assemble.ts';
import type { Domain } from './domain.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { LOAD, program, programDomain } from './program.test-support.ts';

export type Code = (string | number | number[])[];

/** Where the program starts, with all segments 0 and its stack below; words that it may use. */
export const REAL = 0x8000,
  WORDS = 0x9000;
const PIECE = 0x1000,
  GDT = 0x600,
  GDTR = 0x640;
const CODE16 = 0x18;

/** mov al, value; out 0xF4, al; hlt: ends the domain with that value. */
export const end = (value: number): Code => ['b0', value, 'e6 f4 f4'];
/** A kernel that copies `code` to REAL and starts it there, in real mode with interrupts off. `pieces`: more code, at addresses from REAL. */
export function realModeKernel(code: Code, pieces: Record<number, Code> = {}): Uint8Array {
  const start = asm(
    // lidt; 16-bit segments; CR0.PE off; far jump; segments; stack
    '0f 01 1e',
    w(REAL + 0x30),
    'b8 20 00 8e d8 8e c0 8e d0 0f 20 c0 24 fe 0f 22 c0 ea',
    w(REAL + 0x40),
    '00 00',
  );
  const real: Code = [
    start,
    Array.from({ length: 0x30 - start.length }, () => 0x90),
    'ff 03',
    d(0),
    Array.from({ length: 10 }, () => 0x90),
    '31 c0 8e d8 8e c0 8e d0 bc 00 70',
    ...code,
  ];
  const image: Record<number, Code> = {
    [PIECE]: real,
    [GDT]: [
      d(0),
      d(0),
      d(0x0000ffff),
      d(0x00cf9b00),
      d(0x0000ffff),
      d(0x00cf9300),
      d(0x0000ffff),
      d(0x00009b00),
      d(0x0000ffff),
      d(0x00009300),
    ],
    [GDTR]: ['27 00', d(LOAD + GDT)],
  };
  for (const [address, piece] of Object.entries(pieces)) image[PIECE + Number(address) - REAL] = piece;
  // mov esi, edi, ecx; rep movsb; lgdt; far jump
  return program(
    ['be', d(LOAD + PIECE), 'bf', d(REAL), 'b9', d(0x1000), 'f3 a4 0f 01 15', d(LOAD + GDTR), 'ea', d(REAL), w(CODE16)],
    image,
  );
}

export function realModeDomain(
  code: Code,
  pieces: Record<number, Code> = {},
  change: Partial<PartlessOptions> = {},
): Domain {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  return programDomain(realModeKernel(code, pieces), { machine, record: createDomain(machine, 4), ...change });
}
