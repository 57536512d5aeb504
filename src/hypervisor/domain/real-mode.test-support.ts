/** Programs in real mode on a PC that was started without firmware: a multiboot kernel that goes back there. */
import { asm16, type Code, d, w, machineCode } from '../../cpu/test-support/asm.ts';
import type { PartlessOptions } from '../interfaces/assemble.ts';
import type { Domain } from './domain.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { LOAD, program, programDomain } from './program.test-support.ts';

/** Where the program starts, with all segments 0 and its stack below; words that it may use. */
export const REAL = 0x8000,
  WORDS = 0x9000;
const PIECE = 0x1000,
  GDT = 0x600,
  GDTR = 0x640;
const CODE16 = 0x18,
  DATA16 = 0x20;

/** Ends the domain with that value. */
export const end = (value: number): number[] => asm16(`mov al, ${value}; out 0xf4, al; hlt`);
/** A kernel that copies `code` to REAL and starts it there, in real mode with interrupts off. `pieces`: more code, at addresses from REAL. */
export function realModeKernel(code: Code, pieces: Record<number, Code> = {}): Uint8Array {
  const real = machineCode(
    [
      `
        lidt [idtr]; mov ax, ${DATA16}; mov ds, ax; mov es, ax; mov ss, ax
        mov eax, cr0; and al, 0xfe; mov cr0, eax; jmp 0:begin
        idtr: dw 0x3ff; dd 0
        begin: xor ax, ax; mov ds, ax; mov es, ax; mov ss, ax; mov sp, 0x7000
      `,
      ...code,
    ],
    16,
    REAL,
  );
  const image: Record<number, Code> = {
    [PIECE]: [real],
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
    [GDTR]: [w(0x27), d(LOAD + GDT)],
  };
  for (const [address, piece] of Object.entries(pieces))
    image[PIECE + Number(address) - REAL] = [machineCode(piece, 16, Number(address))];
  return program(
    [
      `
        mov esi, ${LOAD + PIECE}; mov edi, ${REAL}; mov ecx, 0x1000; rep movsb
        lgdt [${LOAD + GDTR}]; jmp dword ${CODE16}:${REAL}
      `,
    ],
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
