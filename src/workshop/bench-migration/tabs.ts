/** A guest that goes there and back between two tabs of Chromium: bench/migration-tabs.mjs has it do so, and says how each move went. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../cli/repository.ts';
import { definitionOf, type Row } from './guest.ts';
import type { Measured } from './moves.ts';

/** A move, of whose rounds the number is known alone. */
export type Told = Omit<Measured, 'rounds'> & { rounds: number };

/** @throws Error with what the script says where it ends early */
export async function movesInTabs(row: Row, moves: number): Promise<Told[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-migration-'));
  try {
    const files = definitionOf(row).map(({ name, data }) => {
      writeFileSync(join(folder, name), data);
      return join(folder, name);
    });
    return await moved(moves, files);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function moved(moves: number, files: readonly string[]): Promise<Told[]> {
  const script = join(repository(), 'bench', 'migration-tabs.mjs');
  const child = spawn(process.execPath, [script, String(moves), ...files], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '',
    problem = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (problem += text.toString()));
  const status = await new Promise(resolve => child.once('close', resolve));
  if (status !== 0) throw new Error(`The tabs ended early (status ${status}): ${problem}`);
  return said
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Told);
}
