/** Debian's own drivers for a paravirtual screen, keyboard and pointer, as PVH: xen-fbfront, xen-kbdfront, and the kernel's console on them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { decodePng } from '../support/png.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-vfb-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { kernel, initrd } = debian('686-pae');

describe.skipIf(!haveGuests)(`Debian's Linux on a paravirtual screen ${NEEDS_GUESTS}`, () => {
  it('shows its console and what is written to /dev/fb0, and hears the keyboard', async () => {
    const [definition, script, empty, picture] = ['vfb.cfg', 'script', 'empty.png', 'picture.png'].map(name =>
      join(folder, name),
    );
    writeFileSync(
      definition,
      `name = "screen"\ntype = "pvh"\nmemory = 128\nkernel = "${kernel}"\nramdisk = "${initrd}"\n` +
        `cmdline = "console=tty0 console=hvc0 cryptomgr.notests"\nvfb = ['vnc=1,vncunused=1']\n`,
    );
    // Blue, green and red of one pixel, and a quarter of a million times that: 327 lines of 800.
    const fill =
      "printf '\\\\003\\\\002\\\\377\\\\000' > /tmp/p; for i in $(seq 18); do cat /tmp/p /tmp/p > /tmp/q; mv /tmp/q /tmp/p; done; cat /tmp/p > /dev/fb0";
    writeFileSync(
      script,
      [
        'expect INIT-DONE',
        `expect ${PROMPT}`,
        'wait 2000',
        `screenshot ${empty}`,
        'key l s space shift+. space / t enter',
        'wait 2000',
        `send ${fill}; sleep 2; cat /proc/bus/input/devices; grep -c proc /t; echo all-$((2 + 3))\\n`,
        'expect all-5',
        'wait 1000',
        `screenshot ${picture}`,
        '',
      ].join('\n'),
    );
    const vm = new Ringside('boot', definition, '--script', script, '--timeout', '700');
    onTestFinished(() => vm.kill());
    expect(await vm.end(300), vm.errors).toBe(0);
    expect(vm.output).toContain('Console: switching to colour frame buffer device 100x37');
    expect(vm.output).toMatch(/Name="Xen Virtual Keyboard"[\s\S]*Name="Xen Virtual Pointer"/);
    // What was typed at the screen ran there.
    expect(vm.output).toMatch(/^1\r?\nall-5/m);
    const text = decodePng(readFileSync(empty));
    expect([text.width, text.height]).toEqual([800, 600]);
    // The console's letters are grey (170) on black.
    const greys = text.rgb.filter((byte, i) => i % 3 === 0 && byte === 170).length;
    expect(greys).toBeGreaterThan(2000);
    const { rgb, width } = decodePng(readFileSync(picture));
    const at = (x: number, y: number): number[] => [...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
    for (const [x, y] of [
      [0, 0],
      [799, 0],
      [400, 150],
      [13, 326],
    ])
      expect(at(x, y)).toEqual([255, 2, 3]);
    expect(at(13, 590)).not.toEqual([255, 2, 3]);
  });
});
