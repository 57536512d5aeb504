import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { list, main } from './disasm.ts';

describe('disasm', () => {
  let folder: string;
  let file: string;
  let out: string;
  let errors: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringside-disasm-'));
    file = join(folder, 'code.bin');
    writeFileSync(file, Uint8Array.from([0x90, 0x31, 0xc0, 0x0f, 0x04, 0xeb, 0xf9]));
    out = '';
    errors = '';
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const run = (argv: string[]): Promise<number> =>
    main(
      argv,
      text => void (out += text),
      text => void (errors += text),
    );

  it('lists a flat binary, data where there is no instruction', async () => {
    expect(await run([file, '--offset', '1', '--base', '0x7c00'])).toBe(0);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ +/g, ' ')),
    ).toEqual(['00007c01 31c0 xor eax,eax', '00007c03 0f db 0xf', '00007c04 04eb add al,0xeb', '00007c06 f9 stc']);
  });

  it('reads the same bytes as 16-bit and 64-bit code, in AT&T syntax if asked', () => {
    const code = Uint8Array.from([0x48, 0x8b, 0x07]);
    const texts = (bits: 16 | 64, syntax: 'intel' | 'att'): string[] =>
      [...list(code, { bits, syntax, offset: 0, base: 0 })].map(line => line.slice(line.indexOf(' ', 14)).trim());
    expect(texts(64, 'att')).toEqual(['mov (%rdi),%rax']);
    expect(texts(16, 'intel')).toEqual(['dec ax', 'mov ax,WORD PTR [bx]']);
  });

  it('lists a binary that ends inside an instruction, says where, and ends with status 2', async () => {
    writeFileSync(file, Uint8Array.from([0x90, 0xe8, 0x01, 0x02]));
    expect(await run([file])).toBe(2);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ +/g, ' ')),
    ).toEqual(['00000000 90 nop', '00000001 e8 db 0xe8', '00000002 01 db 0x1', '00000003 02 db 0x2']);
    expect(errors).toBe(`disasm: ${file}: the instruction at byte 0x1 is cut off by the end of the file, at 0x4\n`);
  });

  it('answers wrong use with a sentence, its usage and status 2', async () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '');
    const misuse: [string[], RegExp][] = [
      [[], /^disasm: no file given/],
      [[join(folder, 'none')], /none: there is no such file\n/],
      [[folder], /this is a folder, not a file\n/],
      [[file, '--bits', '8'], /--bits 8: write one of 16, 32, 64\.\n/],
      [[file, '--syntax', 'masm'], /--syntax masm: write one of intel, att\.\n/],
      [[file, '--offset', '99'], /ends after 7 bytes\n/],
      [[file, '--offset', '-1'], /offset/],
      [[file, '--base', 'abc'], /--base abc: not a number/],
      [[file, file], /one file at a time/],
      [[empty], /empty, there is nothing at byte 0\n/],
      [[file, '--nonsense'], /nonsense/],
    ];
    for (const [argv, message] of misuse) {
      errors = '';
      expect(await run(argv), argv.join(' ')).toBe(2);
      expect(errors).toMatch(message);
      expect(errors).toMatch(/\nusage: disasm FILE \[--bits 16\|32\|64\] [^\n]*\n$/);
    }
    expect(out).toBe('');
  });
});
