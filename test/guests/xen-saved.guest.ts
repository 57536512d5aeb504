/** Debian's Linux as a guest of Xen, saved in the middle of its boot without being asked, and gone on with in another machine. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

it.skipIf(!existsSync(kernel)).each(['pvh', 'hvm'])(
  `as %s with 2 vCPUs it comes to its shell, which answers ${NEEDS_GUESTS}`,
  async type => {
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
    tail.send(
      'cat /sys/devices/system/clocksource/clocksource0/current_clocksource; grep -c ^processor /proc/cpuinfo; sleep 1; echo all-$((2 + 3))\n',
    );
    await tail.expect('all-5', 60);
    expect(tail.output).toMatch(/^xen\r?\n2\r?$/m);
    expect(head.output + tail.output).not.toMatch(
      /Kernel panic|BUG:|Oops|soft lockup|detected stall|stalls on CPU|WARNING:/,
    );
    tail.send('poweroff -f\n');
    expect(await tail.end(60)).toBe(0);
  },
);

it.skipIf(!existsSync(kernel))(
  `as pvh it comes back to a snapshot that was taken while it wrote and pinged, its disk with it ${NEEDS_GUESTS}`,
  async () => {
    const definition = join(folder, 'deb.cfg');
    const lines = [
      'name="deb"',
      'type="pvh"',
      'memory=192',
      'kernel="/boot/k"',
      'ramdisk="/boot/i"',
      'extra="console=hvc0 cryptomgr.notests"',
      "disk=['phy:/dev/vg0/web,xvda,w']",
      "vif=['']",
    ];
    writeFileSync(definition, `${lines.join('\n')}\n`);
    const host = new Ringside(
      'sh',
      '--host',
      'pcpus=2,memory=700',
      '--boot',
      '0',
      '--file',
      `${kernel}:/boot/k`,
      '--file',
      `${initrd}:/boot/i`,
      '--file',
      `${definition}:/root/d.cfg`,
    );
    onTestFinished(() => host.kill());
    const DOMAIN_0 = ':~ # ';
    await host.expect(DOMAIN_0, 60);
    host.send('lvcreate -L 64 -n web vg0\r');
    await host.expect('created', 60);
    host.send('xl create -c /root/d.cfg\r');
    await host.expect(PROMPT, 400);
    /** The check sum of the disk's first 2 MiB, read from the disk; the label tells it from what a console shows again. */
    const sum = async (label: string, before: string): Promise<string> => {
      host.send(
        `${before}; echo 3 > /proc/sys/vm/drop_caches; echo ${label}=$(head -c 2097152 /dev/xvda | md5sum | cut -c1-32)=\n`,
      );
      const shown = new RegExp(`${label}=([0-9a-f]{32})=`);
      for (let tries = 0; tries < 1200 && !shown.test(host.output); tries++)
        await new Promise(resolve => setTimeout(resolve, 100));
      return shown.exec(host.output)?.[1] ?? `no ${label} in ${host.output.slice(-500)}`;
    };
    /** Ctrl-] leaves the console; what comes with it is lost. */
    const leave = async (): Promise<void> => {
      host.send('\x1d');
      await new Promise(resolve => setTimeout(resolve, 1500));
    };
    const before = await sum('first', 'dd if=/dev/urandom of=/dev/xvda bs=64k count=32 conv=fsync 2>/dev/null');
    host.send(
      '(while :; do dd if=/dev/urandom of=/dev/xvda seek=200 bs=64k count=8 conv=fsync 2>/dev/null; done) & ping 10.0.2.2 > /tmp/p & echo go-$((1+1))\n',
    );
    await host.expect('go-2', 60);
    await leave();
    host.send('xl snapshot deb one\r');
    await host.expect('Snapshot one of deb created', 100);
    host.send('xl console deb\r');
    const zeros = await sum('second', 'dd if=/dev/zero of=/dev/xvda bs=64k count=32 conv=fsync 2>/dev/null');
    await leave();
    host.send('xl revert deb one; echo reverted-$?\r');
    await host.expect('reverted-0', 100);
    host.send('xl console deb\r');
    expect([zeros, await sum('third', ':')]).toEqual(['b2d1236c286a3c0704224fe4105eca49', before]);
    expect(host.output).not.toMatch(/Kernel panic|BUG:|Oops|I\/O error|soft lockup/);
  },
);
