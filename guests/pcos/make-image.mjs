/**
 * Puts the disk together: boot sector, kernel behind it, a FAT12 partition with the files of `disk`. Everything that a run could change (dates, the
 * volume's number) is fixed, so that the same sources make the same bytes.
 *
 *   node make-image.mjs BOOT KERNEL FOLDER IMAGE
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SECTOR = 512, DISK_SECTORS = 128, PARTITION = 64, ROOT_ENTRIES = 32, FATS = 2, FAT12 = 1;
/** Where boot.S has the number of the kernel's sectors, and the partition table. */
const KERNEL_SECTORS = 0x1b0, TABLE = 0x1be;
/** 2026-01-01, 0:00, as FAT writes a date. */
const DATE = ((2026 - 1980) << 9) | (1 << 5) | 1;

const [boot, kernel, folder, image] = process.argv.slice(2);
const disk = Buffer.alloc(DISK_SECTORS * SECTOR);
const loaded = readFileSync(kernel);
if (loaded.length > (PARTITION - 1) * SECTOR) throw new Error(`the kernel has ${loaded.length} bytes, and ${(PARTITION - 1) * SECTOR} fit before the partition`);
readFileSync(boot).copy(disk);
loaded.copy(disk, SECTOR);
disk.writeUInt16LE(Math.ceil(loaded.length / SECTOR), KERNEL_SECTORS);

const partitionSectors = DISK_SECTORS - PARTITION;
disk[TABLE] = 0x80;
disk[TABLE + 4] = FAT12;
// Cylinders and heads say "see the numbers of sectors".
disk.set([0xfe, 0xff, 0xff], TABLE + 1);
disk.set([0xfe, 0xff, 0xff], TABLE + 5);
disk.writeUInt32LE(PARTITION, TABLE + 8);
disk.writeUInt32LE(partitionSectors, TABLE + 12);

const volume = disk.subarray(PARTITION * SECTOR);
volume.set([0xeb, 0x3c, 0x90]);
volume.write('pcos    ', 3, 'latin1');
volume.writeUInt16LE(SECTOR, 11);
volume[13] = 1; // sectors a cluster
volume.writeUInt16LE(1, 14); // reserved
volume[16] = FATS;
volume.writeUInt16LE(ROOT_ENTRIES, 17);
volume.writeUInt16LE(partitionSectors, 19);
volume[21] = 0xf8;
volume.writeUInt16LE(1, 22); // sectors a table
volume.writeUInt16LE(63, 24);
volume.writeUInt16LE(16, 26);
volume.writeUInt32LE(PARTITION, 28);
volume[36] = 0x80;
volume[38] = 0x29;
volume.writeUInt32LE(0x736f6370, 39);
volume.write('PCOS       FAT12   ', 43, 'latin1');
volume.writeUInt16LE(0xaa55, 510);

const fat = Buffer.alloc(SECTOR);
const setLink = (cluster, to) => {
  const at = (cluster * 3) >> 1;
  const both = fat.readUInt16LE(at);
  fat.writeUInt16LE(cluster & 1 ? (both & 0x000f) | (to << 4) : (both & 0xf000) | to, at);
};
setLink(0, 0xff8);
setLink(1, 0xfff);
const rootAt = (1 + FATS) * SECTOR, dataAt = rootAt + ROOT_ENTRIES * 32;
let cluster = 2, entry = rootAt;
for (const name of readdirSync(folder).sort()) {
  const bytes = readFileSync(join(folder, name));
  const [stem, ending = ''] = name.toUpperCase().split('.');
  volume.write(stem.padEnd(8) + ending.padEnd(3), entry, 'latin1');
  volume[entry + 11] = 0x20;
  volume.writeUInt16LE(DATE, entry + 24);
  volume.writeUInt16LE(bytes.length > 0 ? cluster : 0, entry + 26);
  volume.writeUInt32LE(bytes.length, entry + 28);
  entry += 32;
  bytes.copy(volume, dataAt + (cluster - 2) * SECTOR);
  for (let left = Math.ceil(bytes.length / SECTOR); left > 0; left--, cluster++) setLink(cluster, left > 1 ? cluster + 1 : 0xfff);
}
if (dataAt + (cluster - 2) * SECTOR > volume.length) throw new Error('the files do not fit into the partition');
for (let i = 0; i < FATS; i++) fat.copy(volume, (1 + i) * SECTOR);
writeFileSync(image, disk);
