/** Debian on a volume of the host's own disk: what it synced is there after the host was killed, and its file system is whole. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const image = file('.cache/guests/disks/debian-disk.img');
const command = file('bin/ringside.mjs');
const folder = mkdtempSync(join(tmpdir(), 'ringside-storage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const state = join(folder, 'state');
const storage = (...args: string[]): string => execFileSync(process.execPath, [command, 'storage', '--state', state, ...args], { encoding: 'utf8' });

const BOOT_SECONDS = 500,
  WORK_SECONDS = 300;

async function boot(config: string): Promise<Ringside> {
  const vm = new Ringside('boot', '--state', state, config);
  onTestFinished(() => vm.kill());
  await vm.expect('GNU GRUB', BOOT_SECONDS);
  vm.send('p');
  await vm.expect(BOOTED, BOOT_SECONDS);
  await vm.expect('INIT-DONE', BOOT_SECONDS);
  await vm.expect(PROMPT, 60);
  return vm;
}

describe.skipIf(!existsSync(image))(`Debian on a volume ${NEEDS_GUESTS}`, () => {
  it('finds after the host was killed what it had synced', async () => {
    storage('lvcreate', '-L', '128M', '-n', 'debian', 'vg0');
    storage('dd', `if=${image}`, 'of=/dev/vg0/debian');
    const config = join(folder, 'debian.cfg');
    writeFileSync(config, "name = 'debian'\ntype = 'hvm'\nmemory = 192\ndisk = ['phy:/dev/vg0/debian,hda,w']\nserial = 'pty'\n");

    const vm = await boot(config);
    vm.send(
      'mount -t ext4 /dev/sda1 /mnt && dd if=/dev/urandom of=/mnt/noise bs=1M count=8 && md5sum /mnt/noise > /mnt/sum && sync && echo sync""ed-$?\n',
    );
    await vm.expect('synced-0', WORK_SECONDS);
    // More is on its way when it dies.
    vm.send('dd if=/dev/urandom of=/mnt/late bs=64k count=20 conv=fsync; echo la""te\n');
    await vm.expect('late', WORK_SECONDS);
    vm.kill();
    await vm.end(60).catch(() => {});

    const copy = join(folder, 'copy.img');
    storage('dd', 'if=/dev/vg0/debian', `of=${copy}`);
    // e2fsck has the offset of the file system behind the file's name; 0: clean, and nothing was changed (-n).
    const fsck = spawnSync('/usr/sbin/e2fsck', ['-f', '-n', `${copy}?offset=${2048 * 512}`], { encoding: 'utf8' });
    if (!fsck.error) expect([fsck.status, fsck.stdout]).toEqual([0, expect.any(String)]);

    const again = await boot(config);
    again.send('mount -t ext4 /dev/sda1 /mnt && md5sum -c /mnt/sum && echo che""cked-$?\n');
    await again.expect('checked-0', WORK_SECONDS);
    expect(again.output).toContain('/mnt/noise: OK');
  });
});
