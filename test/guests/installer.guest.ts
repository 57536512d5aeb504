/** Debian's installer: its menus in text and in the frame buffer, driven by keyboard through their first ten questions. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { fileOfInitramfs, textOf } from '../support/framebuffer-text.ts';
import { file } from '../support/needs.ts';
import { decodePng } from '../support/png.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-installer-'));
afterAll(() => rmSync(folder, { recursive: true }));
const kernel = file('.cache/installer/linux'),
  initrd = file('.cache/installer/initrd.gz');

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
      initrd,
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

/** Until the question is there, in virtual time: the system starts, or the network is configured, or an archive is looked for; else it takes a moment. */
const WAITS_MS = [45_000, 15_000, 15_000, 60_000, 15_000, 15_000, 15_000, 15_000, 60_000, 15_000];

it.skipIf(!existsSync(kernel))(
  'in the frame buffer its menus are answered by keyboard, ten questions of them [needs npm run guests -- --installer]',
  { timeout: 1_800_000 },
  async () => {
    const font = fileOfInitramfs(gunzipSync(readFileSync(initrd)), 'lib/unifont.bgf');
    const picture = (i: number) => join(folder, `${i}.png`);
    const script = join(folder, 'pictures');
    writeFileSync(script, `${WAITS_MS.map((ms, i) => `wait ${ms}\nscreenshot ${picture(i)}`).join('\nkey enter\n')}\n`);
    const options = [
      '--cmdline',
      'cryptomgr.notests quiet',
      '--memory',
      '512',
      '--nic',
      'pcnet',
      '--virtual-time',
      '--script',
      script,
    ];
    const vm = new Ringside('boot', '--kernel', kernel, '--initrd', initrd, ...options, '--timeout', '1200');
    onTestFinished(() => vm.kill());
    expect(await vm.end(1220), vm.errors).toBe(0);
    QUESTIONS.forEach((question, i) => {
      expect(textOf(decodePng(readFileSync(picture(i))), font).join('\n')).toContain(question);
    });
  },
);
