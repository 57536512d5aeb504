/** A vCPU's registers in words, as the code that runs has them: 32 bits wide with an E, 64 bits wide with an R. */
import { isLongCode, registers as R } from '../../cpu/architecture/index.ts';

type Named = readonly (readonly [name: string, at: number])[];
const named = (letter: 'E' | 'R'): Named => [
  [`${letter}AX`, R.EAX],
  [`${letter}BX`, R.EBX],
  [`${letter}CX`, R.ECX],
  [`${letter}DX`, R.EDX],
  [`${letter}SI`, R.ESI],
  [`${letter}DI`, R.EDI],
  [`${letter}BP`, R.EBP],
  [`${letter}SP`, R.ESP],
];
const GENERAL = named('E');
const LONG_GENERAL: Named = [...named('R'), ...Array.from({ length: 8 }, (_, i) => [`R${8 + i}`, R.R8 + i] as const)];

const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** General registers: names, and their state words. */
export const generalOf = (regs: Int32Array): Named => (isLongCode(regs) ? LONG_GENERAL : GENERAL);

/** Name of the instruction pointer. */
export const ipName = (regs: Int32Array): 'RIP' | 'EIP' => (isLongCode(regs) ? 'RIP' : 'EIP');
export const flagsName = (regs: Int32Array): 'RFLAGS' | 'EFLAGS' => (isLongCode(regs) ? 'RFLAGS' : 'EFLAGS');

/** A register in hexadecimal; of 64 bits whole, also where it is no address. */
export const registerText = (regs: Int32Array, at: number): string =>
  (isLongCode(regs) ? word(regs[at + R.HIGH]!) : '') + word(regs[at]!);
