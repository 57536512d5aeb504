import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      out += text;
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(text => {
      errors += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('lists a flat binary, data where there is no instruction', () => {
    expect(main([file, '--offset', '1', '--base', '0x7c00'])).toBe(0);
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

  it('lists a binary that ends inside an instruction, says where, and ends with status 2', () => {
    writeFileSync(file, Uint8Array.from([0x90, 0xe8, 0x01, 0x02]));
    expect(main([file])).toBe(2);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ +/g, ' ')),
    ).toEqual(['00000000 90 nop', '00000001 e8 db 0xe8', '00000002 01 db 0x1', '00000003 02 db 0x2']);
    expect(errors).toBe(`disasm: ${file}: the instruction at byte 0x1 is cut off by the end of the file, at 0x4\n`);
  });

  it('answers wrong use with one sentence and status 2', () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '');
    const misuse: [string[], RegExp][] = [
      [[], /^disasm: no file given/],
      [[join(folder, 'none')], /none: there is no such file\n$/],
      [[folder], /this is a folder, not a file\n$/],
      [[file, '--bits', '8'], /--bits 8: code is 16, 32 or 64 bits\n$/],
      [[file, '--syntax', 'masm'], /--syntax masm: there are intel and att\n$/],
      [[file, '--offset', '99'], /ends after 7 bytes\n$/],
      [[file, '--offset', '-1'], /offset/],
      [[file, '--base', 'abc'], /--base abc: not a number/],
      [[file, file], /one file at a time/],
      [[empty], /empty, there is nothing at byte 0\n$/],
      [[file, '--nonsense'], /nonsense/],
    ];
    for (const [argv, message] of misuse) {
      errors = '';
      expect(main(argv), argv.join(' ')).toBe(2);
      expect(errors).toMatch(message);
    }
    expect(out).toBe('');
  });
});
