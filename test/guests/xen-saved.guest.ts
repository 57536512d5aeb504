/** Debian's Linux as a guest of Xen, saved in the middle of its boot without being asked, and gone on with in another machine. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { debian, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';

const { kernel, initrd } = debian('686-pae');
const folder = mkdtempSync(join(tmpdir(), 'ringside-xen-saved-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Instructions: the second processor is up and drivers come; the shell is some 600 million away. */
const MIDDLE = 300_000_000;

it.skipIf(!existsSync(kernel)).each(['pvh', 'hvm'])(`as %s with 2 vCPUs it comes to its shell, which answers ${NEEDS_GUESTS}`, async type => {
  const start = (...argv: string[]): Ringside => {
    const vm = new Ringside('boot', ...argv, '--virtual-time', '--seed', '1');
    onTestFinished(() => vm.kill());
    return vm;
  };
  const state = join(folder, type);
  const guest = [
    '--type',
    type,
    '--vcpus',
    '2',
    '--kernel',
    kernel,
    '--ramdisk',
    initrd,
    '--memory',
    '192',
    '--cmdline',
    'console=hvc0 cryptomgr.notests',
  ];
  const head = start(...guest, '--save', state, '--save-at', String(MIDDLE));
  expect(await head.end(300), head.errors).toBe(0);
  expect(head.output).not.toContain(PROMPT);
  const tail = start('--restore', state);
  await tail.expect(PROMPT, 400);
  tail.send('cat /sys/devices/system/clocksource/clocksource0/current_clocksource; grep -c ^processor /proc/cpuinfo; sleep 1; echo all-$((2 + 3))\n');
  await tail.expect('all-5', 60);
  expect(tail.output).toMatch(/^xen\r?\n2\r?$/m);
  expect(head.output + tail.output).not.toMatch(/Kernel panic|BUG:|Oops|soft lockup|detected stall|stalls on CPU|WARNING:/);
  tail.send('poweroff -f\n');
  expect(await tail.end(60)).toBe(0);
});
