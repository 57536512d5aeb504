/** For tests: what nasm makes of lines. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const haveNasm = spawnSync('nasm', ['-v']).status === 0;

/** The bytes, or the lines that nasm refuses. */
export function nasm(source: string): { bytes: Uint8Array; refused: Map<number, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-nasm-'));
  try {
    const [from, to] = [join(folder, 'code.asm'), join(folder, 'code.bin')];
    writeFileSync(from, source);
    const { status, stderr } = spawnSync('nasm', ['-f', 'bin', '-w-all', '-o', to, from], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const refused = new Map([...stderr.matchAll(/:(\d+): error: (.*)/g)].map(([, line, why]) => [Number(line), why!]));
    if (status !== 0 && refused.size === 0) throw new Error(`nasm failed: ${stderr}`);
    return { bytes: status === 0 ? readFileSync(to) : new Uint8Array(0), refused };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
