/** Debian's installer: its menus in the frame buffer, driven by keyboard through their first ten questions. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { fileOfInitramfs, textOf } from '../support/framebuffer-text.ts';
import { initrd, kernel, QUESTIONS } from '../support/installer.ts';
import { decodePng } from '../support/png.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-installer-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
