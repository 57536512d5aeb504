/** lsblk and LVM2's displays of a host's disk; the shapes are those of util-linux 2.38 and lvm 2.03.16. */
import { expect, it } from 'vitest';
import { MemoryStore, runStorageCommand, Storage } from '../host/storage/index.ts';
import { testHost } from '../service/host.test-support.ts';
import { lsblk } from './block-devices.ts';
import type { Surroundings } from '../toolstack/programs/index.ts';

const MIB = 2 ** 20;

it('draws the disk with its partitions and volumes', async () => {
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: below => below >>> 1,
    diskBytes: 512 * MIB,
  });
  storage.createVolume('b-c', 8 * MIB);
  storage.createVolume('a', 4 * MIB);
  const program = lsblk(testHost({ storage: async () => storage }));
  const { stdout } = await program.run([], {} as Surroundings);
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(/^NAME +MAJ:MIN RM +SIZE RO TYPE MOUNTPOINTS$/);
  expect(lines[1]).toMatch(/^sda +8:0 +0 +512M +0 disk$/);
  expect(lines.slice(-3).map(line => line.trim().split(/ +/)[0])).toEqual(['└─sda4', '├─vg0-a', '└─vg0-b--c']);
  expect(lines.at(-1)).toMatch(/254:1 +0 +8M +0 lvm$/);
  expect((await program.run(['-x'], {} as Surroundings)).stderr).toMatch(/^lsblk: invalid option -- 'x'/);

  const { out } = runStorageCommand(storage, ['vgdisplay']);
  expect(out).toMatch(/^ {2}--- Volume group ---\n {2}VG Name {15}vg0\n/);
  expect(out).toMatch(/\n {2}Cur LV {16}2\n/);
  expect(runStorageCommand(storage, ['lvdisplay', 'vg0/a']).out).toMatch(/\n {2}LV Size {15}4\.00 MiB\n/);
  expect(runStorageCommand(storage, ['lvdisplay', 'vg0/none'])).toMatchObject({ status: 5 });
  expect(runStorageCommand(storage, ['pvdisplay']).out).toMatch(/\n {2}PV Name {15}\/dev\/sda4\n/);
});
