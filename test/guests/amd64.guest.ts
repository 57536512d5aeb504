/** Debian of 64 bits, from our BIOS and GRUB to its shell. */
import { existsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const disk = file('.cache/guests/disks/debian-amd64-disk.img');

it.skipIf(!existsSync(disk))(
  'Debian amd64 boots from a disk, runs programs of 64 bits, and powers off [needs npm run guests -- --amd64]',
  async () => {
    const vm = new Ringside('boot', disk, '--cpu', 'x86-64-v2', '--memory', '256');
    onTestFinished(() => vm.kill());
    await vm.expect(BOOTED, 400);
    await vm.expect(PROMPT, 60);
    vm.send('uname -m; grep -c " lm " /proc/cpuinfo; echo 123456789012 \\* 1000003 | bc; echo all-$((2 + 3))\n');
    await vm.expect('all-5', 60);
    expect(vm.output).toMatch(/^x86_64\r?\n1\r?\n123457159382367036/m);
    expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops|unstable/);
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
  },
);
