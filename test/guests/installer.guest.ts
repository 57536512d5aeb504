/** Debian's installer: its menus in text, driven by keyboard through its first ten questions. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-installer-'));
afterAll(() => rmSync(folder, { recursive: true }));
const kernel = file('.cache/installer/linux');

/** What it asks, in its order; the network is configured without a question, by DHCP. There is no archive behind the network, which it says, and asks again. */
const QUESTIONS = [
  'Select a language',
  'Select your location',
  'Configure the keyboard',
  'Hostname:',
  'Domain name:',
  'Debian archive mirror country:',
  'Debian archive mirror:',
  'HTTP proxy information',
  'Bad archive mirror',
  'Debian archive mirror country:',
];

it.skipIf(!existsSync(kernel))(
  'its menus are answered by keyboard, ten questions of them [needs npm run guests -- --installer]',
  { timeout: 900_000 },
  async () => {
    const script = join(folder, 'script');
    writeFileSync(script, `${QUESTIONS.map(question => `expect ${question}`).join('\nkey enter\n')}\n`);
    // nomodeset: without it Linux takes the adapter's frame buffer, whose text nobody can read here.
    const vm = new Ringside(
      'boot',
      '--kernel',
      kernel,
      '--initrd',
      file('.cache/installer/initrd.gz'),
      '--cmdline',
      'vga=normal fb=false nomodeset cryptomgr.notests quiet',
      '--memory',
      '512',
      '--nic',
      'pcnet',
      '--script',
      script,
      '--timeout',
      '600',
    );
    onTestFinished(() => vm.kill());
    expect(await vm.end(620), vm.errors).toBe(0);
  },
);
