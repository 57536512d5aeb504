/** What Domain 0 carries out before a guest is built, it carries out for `ringside boot` as for `xl create` in `ringside sh`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeExt2 } from '../../../scripts/archive/ext2.ts';
import { assemble } from '../../cpu/assembler/index.ts';
import type { Blueprint } from '../../dom0/toolstack/running-domain.ts';
import { parseBootOptions, UsageError } from './options.ts';
import { prepareAll } from './prepare.ts';
import { Session } from './session.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'boot-loader-'));
  const kernel = assemble(fixture('last-words.asm'));
  expect(kernel.problems).toEqual([]);
  // As mke2fs -d makes it: no partitions, and a menu whose default is the first entry of its second level.
  const files = new Map([
    ['boot/quick.elf', kernel.bytes],
    ['boot/grub/grub.cfg', new TextEncoder().encode(fixture('submenu-grub.cfg'))],
  ]);
  writeFileSync(join(folder, 'plain.img'), writeExt2(2 ** 21, files, { label: 'plain', uuid: new Uint8Array(16) }));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The guest of a definition that lies next to its image, and what it was told meanwhile. */
function prepared(lines: string): { guests: Blueprint[]; told: string } {
  const path = join(folder, 'plain.cfg');
  writeFileSync(path, `name = "plain"\ntype = "pvh"\nmemory = 32\ndisk = [ 'tap:aio:plain.img,xvda,w' ]\n${lines}`);
  let told = '';
  const output = { text: (text: string) => void (told += text) } as unknown as Parameters<typeof prepareAll>[1];
  try {
    return { guests: prepareAll(parseBootOptions([path]), output), told };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { guests: [], told: told + error.message };
  }
}

describe('ringside boot with a definition that names a boot loader (pygrub(1), libxl_bootloader.c)', () => {
  it("takes the kernel from the guest's disk, by its menu, and starts it", async () => {
    const { guests, told } = prepared('bootloader = "/usr/lib/xen/bin/pygrub"\nextra = "quiet"\n');
    expect(told).not.toContain('error');
    expect(guests[0].boot).toMatchObject({
      kind: 'pvh',
      name: 'quick.elf',
      cmdline: 'root=UUID=11111111-2222-3333-4444-555555555534 ro console=hvc0 quiet',
    });
    let shown = '';
    const session = new Session(guests, {
      virtualTime: true,
      inWorkers: false,
      pcpus: 1,
      seed: 0,
      note: () => {},
      flush: () => {},
      output: byte => void (shown += String.fromCharCode(byte)),
    });
    await session.start();
    await session.over;
    expect(shown).toBe('first line of a short life\nlast words\n');
  });

  it('tells the boot loader what bootloader_args says', () => {
    expect(
      prepared('bootloader = "pygrub"\nbootloader_args = [ "--kernel=/boot/quick.elf", "--args=single" ]\n').guests[0]
        .boot,
    ).toMatchObject({ name: 'quick.elf', cmdline: 'single' });
    const { guests, told } = prepared('bootloader = "pygrub"\nbootloader_args = [ "--kernel=/boot/none" ]\n');
    expect(guests).toEqual([]);
    expect(told).toContain('plain.cfg:5:14: pygrub found no kernel on xvda. xvda (ext2): there is no file /boot/none.');
  });

  it('reads the menu in place of PV-GRUB, and says so', () => {
    const { guests, told } = prepared('kernel = "/usr/lib/xen/boot/pv-grub-x86_32.gz"\n');
    expect(guests[0].boot).toMatchObject({ name: 'quick.elf' });
    expect(told).toContain('PV-GRUB');
  });
});
