/** For tests and `fuzz:disasm`: what objdump (binutils) makes of bytes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodeSize, Syntax } from '../../cpu/table/index.ts';

export interface Line {
  length: number;
  text: string;
}

export function hasObjdump(): boolean {
  return spawnSync('objdump', ['--version']).status === 0;
}

const MACHINE: Record<CodeSize, readonly [machine: string, options: string]> = {
  16: ['i8086', 'i8086'],
  32: ['i386', 'i386'],
  64: ['i386:x86-64', 'intel64'],
};

/** Disassembles a flat binary from address 0: a line for each address at which objdump begins an instruction. */
export function objdump(bytes: Uint8Array, bits: CodeSize, syntax: Syntax): Map<number, Line> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-objdump-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, bytes);
    const options = [
      '-D',
      '-z',
      '-b',
      'binary',
      '-m',
      MACHINE[bits][0],
      '-M',
      `${MACHINE[bits][1]},${syntax}`,
      '--insn-width=32',
      file,
    ];
    const result = spawnSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 30 });
    if (result.status !== 0)
      throw new Error(`objdump failed (${result.signal ?? result.error ?? result.status}): ${result.stderr}`);
    const lines = new Map<number, Line>();
    for (const line of result.stdout.split('\n')) {
      const match = /^ *([0-9a-f]+):\t([0-9a-f ]+?) *(?:\t(.*))?$/.exec(line);
      if (match)
        lines.set(Number.parseInt(match[1]!, 16), { length: match[2]!.split(' ').length, text: match[3] ?? '' });
    }
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
