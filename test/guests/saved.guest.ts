/** A state saved in the middle of a boot from disk, and what virtual time promises, with a disk and a network card. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const disk = file('.cache/guests/disks/debian-disk.img');
const folder = mkdtempSync(join(tmpdir(), 'ringside-saved-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where Linux has found the disk and loads modules, as a part of all instructions to the shell. */
const MIDDLE = 0.85;

async function run(name: string, ...argv: string[]): Promise<{ output: string; instructions: number }> {
  const stats = join(folder, `${name}.json`);
  const vm = new Ringside('boot', ...argv, '--virtual-time', '--seed', '1', '--stats', stats);
  onTestFinished(() => vm.kill());
  expect(await vm.end(600), vm.errors).toBe(0);
  return { output: vm.output, instructions: JSON.parse(readFileSync(stats, 'utf8')).instructions };
}

it.skipIf(!existsSync(disk))(
  `Debian on disk, saved in the middle of its boot, goes on to the shell as if nothing had been ${NEEDS_GUESTS}`,
  async () => {
    const devices = ['--disk', disk, '--nic', 'pcnet'];
    const state = join(folder, 'middle.state');
    const whole = await run('whole', ...devices, '--until', PROMPT);
    const middle = Math.floor(whole.instructions * MIDDLE);
    const head = await run('head', ...devices, '--save', state, '--save-at', String(middle));
    const tail = await run('tail', '--restore', state, '--until', PROMPT);
    expect(head.instructions).toBe(middle);
    expect(head.output).toContain('Linux version');
    expect(head.output).not.toContain(PROMPT);
    // The same bytes and the same count also say that two runs in virtual time agree.
    expect(head.output + tail.output).toBe(whole.output);
    expect(tail.instructions).toBe(whole.instructions);
  },
);
