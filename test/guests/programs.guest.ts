/** Programs that own the machine: memtest86+ and GRUB, driven by keyboard, their screens compared with pictures next to this file. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from '../support/command-line.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';
import { decodePng, difference } from '../support/png.ts';

const memtest = file('.cache/guests/tools/memtest86+ia32.bin');
const grubCd = file('.cache/guests/cds/grub-rescue-cdrom.iso');
const disk = file('.cache/guests/disks/debian-disk.img');
const folder = mkdtempSync(join(tmpdir(), 'ringside-programs-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Clock rates and spinning bars may differ; a glyph that is missing in a row may not. */
const MOST_DIFFERENT = 0.002;

/** Runs a script to its end; its screenshots are in `folder`. */
async function play(lines: string[], ...argv: string[]): Promise<WarmRingside> {
  const script = join(folder, 'script');
  writeFileSync(script, `${lines.join('\n')}\n`);
  const vm = new WarmRingside('boot', ...argv, '--script', script, '--timeout', '300');
  onTestFinished(() => vm.kill());
  expect(await vm.end(400), vm.errors).toBe(0);
  return vm;
}

const shot = (name: string): string => join(folder, `${name}.png`);
const differs = (name: string): number =>
  difference(decodePng(readFileSync(shot(name))), decodePng(readFileSync(file(`test/guests/screens/${name}.png`))));

describe('programs without an operating system', () => {
  it.skipIf(!existsSync(memtest))(
    `memtest86+ shows its menus and goes through its first tests without an error ${NEEDS_GUESTS}`,
    async () => {
      const vm = await play(
        [
          'expect Press <F1> to configure',
          'key f1',
          'expect <F3>  CPU sequencing mode',
          'key f1',
          'expect Current selection:',
          'wait 100',
          `screenshot ${shot('memtest-menu')}`,
          'key f10',
          'wait 200',
          'key f10',
          'expect #0  [Address test, walking ones',
          'expect #2  [Address test, own address',
          'expect #3  [Moving inversions, 1s & 0s]',
          'expect #4  [Moving inversions, 8 bit pattern]',
        ],
        '--kernel',
        memtest,
        '--memory',
        '8',
      );
      expect(vm.output).toContain('Errors: 0 ');
      expect(vm.output).not.toMatch(/Errors: +[1-9]/);
      expect(differs('memtest-menu')).toBeLessThan(MOST_DIFFERENT);
    },
  );

  it.skipIf(!existsSync(disk)).each(['seabios', 'ringside'])(
    `GRUB's rescue CD comes to its prompt through %s, obeys, and starts the GRUB of a disk ${NEEDS_GUESTS}`,
    async bios => {
      const picture = `grub-prompt-${bios}`;
      await play(
        [
          'expect GNU GRUB',
          'wait 200',
          'key c',
          'expect grub>',
          'key e c h o space h e l l o minus f r o m minus g r u b enter',
          'expect hello-from-grub',
          'wait 500',
          `screenshot ${shot(picture)}`,
          // chainloader (hd0)+1: it closes the A20 gate and looks whether that was obeyed.
          'key c h a i n l o a d e r space shift+9 h d 0 shift+0 shift+= 1 enter',
          'wait 500',
          'key b o o t enter',
          'expect Debian Linux, 686-pae',
        ],
        '--cdrom',
        grubCd,
        '--disk',
        disk,
        '--boot',
        'd',
        '--bios',
        bios,
      );
      expect(differs(picture)).toBeLessThan(MOST_DIFFERENT);
    },
  );
});
