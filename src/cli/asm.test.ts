import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asm } from './asm.ts';

describe('ringside asm', () => {
  let folder: string;
  let source: string;
  let out: string;
  let errors: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringside-asm-'));
    source = join(folder, 'code.asm');
    writeFileSync(source, 'bits 16\norg 7c00h\nstart: jmp start ; for ever\n\ntimes 10 db 1\n');
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

  it('writes the bytes beside the source, or where it is told', () => {
    expect([asm([source]), errors, out]).toEqual([0, '', '']);
    expect(readFileSync(join(folder, 'code.img')).toString('hex')).toBe(`ebfe${'01'.repeat(10)}`);
    expect(asm([source, '-o', join(folder, 'other')])).toBe(0);
    expect(readFileSync(join(folder, 'other')).length).toBe(12);
  });

  it('goes over no source, by whatever name', () => {
    const text = readFileSync(source);
    symlinkSync(source, join(folder, 'link'));
    for (const output of [source, `${folder}/./code.asm`, join(folder, 'link')]) {
      expect(asm([source, '-o', output])).toBe(2);
      expect(errors).toBe('ringside asm: the bytes would go over the source; write -o FILE.\n');
      errors = '';
    }
    expect(readFileSync(source)).toEqual(text);
  });

  it('lists lines with their addresses and bytes', () => {
    expect(asm([source, '-l'])).toBe(0);
    expect(out.replace(/ +/g, ' ')).toBe(
      ' bits 16\n org 7c00h\n00007c00 ebfe start: jmp start ; for ever\n\n00007c02 0101010101010101… times 10 db 1\n',
    );
  });

  it('tells every mistake with its place, and writes nothing', () => {
    writeFileSync(source, 'mov ax, bl\nnop\nmov al, 300\n');
    expect(asm([source])).toBe(1);
    expect(errors.split('\n').map(line => line.replace(source, '').split(': ')[0])).toEqual([':1:5', ':3:9', '']);
    expect(existsSync(join(folder, 'code.img'))).toBe(false);
  });

  it('refuses wrong use with a sentence', () => {
    expect([asm([]), asm([source, source]), asm(['--what']), asm([source, '-o', source])]).toEqual([2, 2, 2, 2]);
    expect([asm([join(folder, 'none.asm')]), asm([folder]), asm([source, '-o', join(folder, 'no', 'where')])]).toEqual([
      1, 1, 1,
    ]);
    expect(errors.trim().split('\n')).toHaveLength(7);
    expect([asm(['--help']), out.startsWith('Usage: ringside asm SOURCE')]).toEqual([0, true]);
  });
});
