/** Debian of 64 bits: from our BIOS and GRUB to its shell; and as a guest of KVM with two processors and devices of virtio, saved and restored. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { Shell } from '../support/guest-shell.ts';
import { file } from '../support/needs.ts';

const disk = file('.cache/guests/disks/debian-amd64-disk.img');
const folder = mkdtempSync(join(tmpdir(), 'ringside-amd64-'));
afterAll(() => rmSync(folder, { recursive: true }));

const DEVICES = ['--disk', `${disk},virtio`, '--nic', 'virtio'];
/** Modules of the initramfs, with what they depend on. */
const LOAD =
  'while read group ko; do case $group in virtio_pci|virtio_blk|virtio_net) insmod /lib/modules/$ko 2>/dev/null;; esac; done < /lib/modules/list';

it.skipIf(!existsSync(disk))(
  'Debian amd64 boots from a disk of virtio as a guest of KVM, runs programs of 64 bits on two processors, and goes on from a saved state [needs npm run guests -- --amd64]',
  async () => {
    const state = join(folder, 'state');
    const machine = ['--type', 'kvm', '--vcpus', '2', '--cpu', 'x86-64-v2', '--memory', '256'];
    const vm = new Ringside('boot', ...machine, ...DEVICES, '--until', 'save-now-5', '--save', state);
    onTestFinished(() => vm.kill());
    const shell = new Shell(vm);
    await shell.boot();
    expect(await shell.run('uname -m; grep -c " lm " /proc/cpuinfo; echo 123456789012 \\* 1000003 | bc')).toBe(
      'x86_64\n2\n123457159382367036',
    );
    const log = await shell.run('dmesg');
    expect(log).toContain('Hypervisor detected: KVM');
    expect(log).toMatch(/kvm-clock: Using msrs 4b564d01 and 4b564d00/);
    expect(log).toContain('kvm-guest: PV spinlocks enabled');
    expect(log).toMatch(/smp: Brought up 1 node, 2 CPUs/);
    // The disk that it was loaded from, and a card that asks for its address.
    await shell.run(LOAD);
    expect(await shell.run('dd if=/dev/vda bs=512 count=1 2>/dev/null | tail -c 2 | xxd -p')).toBe('55aa');
    await shell.run('ip link set eth0 up; udhcpc -q -n -i eth0 > /dev/null 2>&1');
    expect(await shell.run('ip addr show eth0')).toMatch(/inet 10\.0\.2\.15/);
    // Both processors work, and tell each other of what each has to forget of memory (IPIs).
    const work =
      'for c in 0 1; do taskset -p $((1 << c)) $$ > /dev/null; dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum; done';
    const sums = (await shell.run(work)).split('\n');
    expect(new Set(sums)).toEqual(new Set(['b5cfa9d6c8febd618f91ac2843d50a1c  -']));
    const calls = await shell.run("awk '/RES:|CAL:|TLB:/ { n += $2 + $3 } END { print n }' /proc/interrupts");
    expect(Number(calls)).toBeGreaterThan(10);
    await shell.run('dd if=/dev/vda of=/tmp/head bs=1M count=4 2>/dev/null; md5sum < /tmp/head > /tmp/sum');
    vm.send('echo save-now-$((2 + 3))\n');
    expect(await vm.end(120)).toBe(0);

    const after = new Ringside('boot', '--restore', state, ...DEVICES.slice(0, 2));
    onTestFinished(() => after.kill());
    const again = new Shell(after);
    after.send('\n');
    expect(await again.run('grep -c ^processor /proc/cpuinfo; md5sum < /tmp/head | cmp - /tmp/sum && echo same')).toBe(
      '2\nsame',
    );
  },
);
