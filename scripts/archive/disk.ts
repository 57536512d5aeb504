/** A disk that a PC's BIOS boots: a partition table, GRUB between it and the first partition, and an ext2 file system. */

import { type Ext2Entry, writeExt2 } from './ext2.ts';
import { type GrubFiles, grubBootCode, grubCore, grubModules } from './grub.ts';

const SECTOR_BYTES = 512;
const PARTITION_TABLE = 0x1be,
  DISK_SIGNATURE = 0x1b8;
const ACTIVE = 0x80,
  TYPE_LINUX = 0x83;
/** The first partition begins at 1 MiB, as partitioning tools have it today; GRUB's core image begins after the boot sector. */
const PARTITION_SECTOR = 2048,
  CORE_SECTOR = 1;
/** Cylinder, head and sector of what lies beyond their reach. */
const NO_CHS = [0xfe, 0xff, 0xff];

/** What the core image must know to find the rest. */
const CORE_MODULES = ['biosdisk', 'part_msdos', 'ext2'];
/** What lies in /boot/grub/i386-pc besides what these need. */
const GRUB_MODULES =
  `normal linux linux16 multiboot chain serial terminal terminfo echo cat ls help test sleep halt reboot search search_label configfile
  minicmd lsmmap lspci date hexdump iso9660 ntldr true vbe all_video loadenv cpuid`.split(/\s+/);

export interface DiskOptions {
  bytes: number;
  grub: GrubFiles;
  /** Text of /boot/grub/grub.cfg. */
  config: string;
  /** Further files by path without a slash in front. */
  files: ReadonlyMap<string, Uint8Array | Ext2Entry>;
  label: string;
  /** Of the file system; its first four bytes are the disk's signature. */
  uuid: Uint8Array;
}

export function bootableDisk({ bytes, grub, config, files, label, uuid }: DiskOptions): Uint8Array {
  const image = new Uint8Array(bytes);
  const core = grubCore(grub, { prefix: '(,msdos1)/boot/grub', modules: grubModules(grub, CORE_MODULES), sector: CORE_SECTOR });
  if (core.length > (PARTITION_SECTOR - CORE_SECTOR) * SECTOR_BYTES) throw new Error('GRUB’s core image does not fit before the first partition');
  image.set(grubBootCode(grub, CORE_SECTOR), 0);
  image.set(core, CORE_SECTOR * SECTOR_BYTES);

  const sectors = Math.floor(bytes / SECTOR_BYTES) - PARTITION_SECTOR;
  image.set(uuid.subarray(0, 4), DISK_SIGNATURE);
  image.set([ACTIVE, ...NO_CHS, TYPE_LINUX, ...NO_CHS], PARTITION_TABLE);
  const table = new DataView(image.buffer);
  table.setUint32(PARTITION_TABLE + 8, PARTITION_SECTOR, true);
  table.setUint32(PARTITION_TABLE + 12, sectors, true);
  image.set([0x55, 0xaa], 510);

  const all = new Map(files);
  all.set('boot/grub/grub.cfg', new TextEncoder().encode(config));
  const modules = grubModules(grub, GRUB_MODULES).map(name => `${name}.mod`);
  for (const [name, data] of grub) if (modules.includes(name) || name.endsWith('.lst')) all.set(`boot/grub/i386-pc/${name}`, data);
  image.set(writeExt2(sectors * SECTOR_BYTES, all, { label, uuid }), PARTITION_SECTOR * SECTOR_BYTES);
  return image;
}
