/** Debian's installer: its menus in text, driven by keyboard through their first ten questions; in the frame buffer: test/soak/menus-in-pictures.guest.ts. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { limit, Ringside } from '../support/command-line.ts';
import { initrd, kernel, QUESTIONS } from '../support/installer.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-installer-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(!existsSync(kernel))(
  'its menus are answered by keyboard, ten questions of them [needs npm run guests -- --installer]',
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
      ...limit(300),
    );
    onTestFinished(() => vm.kill());
    expect(await vm.end(310), vm.errors).toBe(0);
  },
);
