/** Texts that the samples of the oracle and fuzz:disasm leave open. Expected: objdump of binutils 2.40. */
import { expect, it } from 'vitest';
import { DECODED, decode, disassemble, newDecoded, type Syntax } from './index.ts';

function textOf(bytes: string, syntax: Syntax): string {
  const code = Uint8Array.from(bytes.split(' '), byte => Number.parseInt(byte, 16)),
    decoded = newDecoded();
  expect(decode(code, 0, code.length, 64, decoded)).toBe(DECODED);
  return disassemble(decoded, 0, syntax);
}

it.each([
  ['66 2e 0f 1f 84 00 00 00 00 00', 'cs nopw 0x0(%rax,%rax,1)', 'cs nop WORD PTR [rax+rax*1+0x0]'],
  ['3e 0f b1 17', 'ds cmpxchg %edx,(%rdi)', 'ds cmpxchg DWORD PTR [rdi],edx'],
  ['3e 55', 'ds push %rbp', 'ds push rbp'],
  ['2e e8 00 00 00 00', 'cs call 0x6', 'cs call 0x6'],
  ['3e 75 01', 'jne,pt 0x4', 'ds jne 0x4'],
  ['2e e2 02', 'loop,pn 0x5', 'cs loop 0x5'],
  ['3e 67 e2 02', 'loopl,pt 0x6', 'ds addr32 loop 0x6'],
  ['67 e0 02', 'loopnel 0x5', 'addr32 loopne 0x5'],
  ['26 74 00', 'es je 0x3', 'es je 0x3'],
  ['3e ff d0', 'notrack call *%rax', 'notrack call rax'],
  ['3e ff 20', 'notrack jmp *(%rax)', 'notrack jmp QWORD PTR [rax]'],
  ['3e a4', 'movsb %ds:(%rsi),%es:(%rdi)', 'movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]'],
  ['36 aa', 'ss stos %al,%es:(%rdi)', 'ss stos BYTE PTR es:[rdi],al'],
  ['3e d7', 'xlat %ds:(%rbx)', 'xlat BYTE PTR ds:[rbx]'],
])('%s has an override without effect in 64-bit code', (bytes, att, intel) => {
  expect(textOf(bytes, 'att')).toBe(att);
  expect(textOf(bytes, 'intel')).toBe(intel);
});
