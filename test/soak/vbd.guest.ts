/** Disks of Debian's 686-pae kernel through its own xen-blkfront: as PVH on rings alone, and as HVM after it has unplugged the emulated drive. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-vbd-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { kernel, initrd } = debian('686-pae');
const MIB = 2 ** 20;

function image(name: string, bytes = 24 * MIB): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
}

function start(type: string, ...more: string[]): Ringside {
  const vm = new Ringside(
    'boot',
    '--type',
    type,
    '--kernel',
    kernel,
    '--ramdisk',
    `${initrd}-modules`,
    '--memory',
    '192',
    '--cmdline',
    'console=hvc0 cryptomgr.notests mods=xen-blkfront,ata_piix,sd_mod,crc32c_generic,ext4',
    ...more,
  );
  onTestFinished(() => vm.kill());
  return vm;
}

async function ask(vm: Ringside, command: string, seconds = 120): Promise<string> {
  const from = vm.output.length;
  const mark = `mark-${Math.floor(from / 7)}`;
  vm.send(`${command}; echo ${mark.replace('-', "'-'")}\n`);
  await vm.expect(`${mark}\r`, seconds);
  return vm.output.slice(from);
}

const sum = (text: string): string[] => [...text.matchAll(/^([0-9a-f]{32}) /gm)].map(match => match[1]);
const BROKEN = /Kernel panic|BUG:|Oops|I\/O error|blk_update_request|wrong operation|disabled for further use/;

describe.skipIf(!haveGuests)(`Debian's Linux on a paravirtual disk ${NEEDS_GUESTS}`, () => {
  it.each(['pvh', 'hvm'])(
    'as %s makes a file system, writes, flushes, mounts it again, and reads what it wrote',
    async type => {
      const vm = start(type, '--disk', image(`${type}.img`));
      await vm.expect(BOOTED, 600);
      await vm.expect(PROMPT, 120);
      expect(vm.output).toContain(
        'blkfront: xvda: flush diskcache: enabled; persistent grants: enabled; indirect descriptors: enabled',
      );
      expect(await ask(vm, 'ls /sys/block')).not.toMatch(/\bsda\b/);
      await ask(vm, 'mke2fs /dev/xvda >/dev/null && mount -t ext4 /dev/xvda /mnt');
      const before = await ask(
        vm,
        'cp /bin/busybox /mnt/a; head -c 3000000 /dev/urandom > /mnt/b; sync; md5sum /bin/busybox /mnt/b',
      );
      const after = await ask(
        vm,
        'umount /mnt; echo 3 > /proc/sys/vm/drop_caches; mount -t ext4 /dev/xvda /mnt; md5sum /mnt/a /mnt/b',
      );
      expect(sum(before)).toHaveLength(2);
      expect(sum(after)).toEqual(sum(before));
      expect(vm.output).not.toMatch(BROKEN);
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
    },
  );

  it.each([
    ['once it has suspended itself, as it was asked to', ['--until', 'now-saved']],
    // Some time after the writes have begun.
    ['at a moment of which it knows nothing', ['--save-at', '2500000000']],
  ])('is saved while it writes, %s, and goes on without a byte lost', async (_how, when) => {
    const state = join(folder, `saved-${when[0]}`);
    const vm = start('pvh', '--disk', image(`saved-${when[0]}.img`), '--save', state, ...when);
    await vm.expect(PROMPT, 600);
    const loop = 'while :; do head -c 300000 /dev/urandom > /mnt/f; sync; done';
    vm.send(
      `mke2fs /dev/xvda >/dev/null; mount -t ext4 /dev/xvda /mnt; cp /bin/busybox /mnt/a; sync; (${loop}) & sleep 3; echo now''-saved\n`,
    );
    expect(await vm.end(300)).toBe(0);
    const again = new Ringside('boot', '--restore', state);
    onTestFinished(() => again.kill());
    await ask(again, 'true');
    await ask(again, 'sleep 2; kill %1; wait; sync; umount /mnt; mount -t ext4 /dev/xvda /mnt');
    const sums = sum(await ask(again, 'md5sum /bin/busybox /mnt/a; ls -l /mnt'));
    expect(sums[1]).toBe(sums[0]);
    expect(again.output).toMatch(/ f\r?\n/);
    expect(again.output).not.toMatch(BROKEN);
    again.send('poweroff -f\n');
    expect(await again.end(60)).toBe(0);
  });

  it('sees a disk that is read-only as such', async () => {
    const vm = start('pvh', '--disk', `${image('ro.img', 4 * MIB)},ro`);
    await vm.expect(PROMPT, 600);
    expect(await ask(vm, 'cat /sys/block/xvda/ro /sys/block/xvda/size')).toMatch(/^1\r?\n8192\r?$/m);
    expect(await ask(vm, 'dd if=/dev/zero of=/dev/xvda count=1 2>&1')).toMatch(
      /Operation not permitted|Read-only|Permission denied/,
    );
  });
});
