/**
 * File systems and what else lies on a whole disk or a part of one, by the magic numbers of their superblocks. `signatures.ts` has those that blkid's tags are
 * made of here.
 * Sources: include/uapi/linux/magic.h and the on-disk headers of Linux (squashfs_fs.h, erofs_fs.h, xfs_format.h, btrfs_tree.h, f2fs_fs.h, minix_fs.h, romfs_fs.h,
 * cramfs_fs.h, jffs2.h); LUKS on-disk format 1.2.3; UBI's ubi-media.h; Apple's TN1150 (HFS+) and File System Reference (APFS).
 */
import { has } from '../unpack/index.ts';
import { MemoryDisk } from '../blocks/index.ts';
import { tagsOf } from './signatures.ts';

const SECTOR_BYTES = 512;

const KINDS: readonly { name: string; at?: number; magic: string | number[] }[] = [
  { name: 'squashfs', magic: 'hsqs' },
  { name: 'xfs', magic: 'XFSB' },
  { name: 'cramfs', magic: [0x45, 0x3d, 0xcd, 0x28] },
  { name: 'romfs', magic: '-rom1fs-' },
  { name: 'jffs2', magic: [0x85, 0x19, 0x03, 0x20] },
  { name: 'erofs', at: 1024, magic: [0xe2, 0xe1, 0xf5, 0xe0] },
  { name: 'f2fs', at: 1024, magic: [0x10, 0x20, 0xf5, 0xf2] },
  { name: 'HFS+', at: 1024, magic: 'H+\0\x04' },
  { name: 'APFS', at: 32, magic: 'NXSB' },
  { name: 'btrfs', at: 0x1_0040, magic: '_BHRfS_M' },
  ...[0x137f, 0x138f, 0x2468, 0x2478].map(magic => ({ name: 'minix', at: 1040, magic: [magic & 0xff, magic >>> 8] })),
];
const CONTAINERS: typeof KINDS = [
  { name: 'a disk that LUKS has encrypted', magic: 'LUKS\xba\xbe' },
  { name: 'volumes of UBI', magic: 'UBI#' },
];
const BY_TAG: Readonly<Record<string, string>> = { swap: 'swap space', LVM2_member: 'a physical volume of LVM' };

/** "an ext4 file system", "swap space"; undefined: none that is known here. Of FAT, NTFS and CDs, which have boot programs of their own, nothing is said. */
export function fileSystemIn(head: Uint8Array): string | undefined {
  if (head.length < SECTOR_BYTES) return undefined;
  const type = tagsOf(new MemoryDisk(head.slice())).find(([tag]) => tag === 'TYPE')?.[1];
  if (type !== undefined && Object.hasOwn(BY_TAG, type)) return BY_TAG[type];
  const is = ({ at = 0, magic }: (typeof KINDS)[number]): boolean => has(head, at, magic);
  const name = type?.startsWith('ext') ? type : KINDS.find(is)?.name;
  if (name === undefined) return CONTAINERS.find(is)?.name;
  return `${/^[aeiou]|^(xfs|HFS|f2fs)/.test(name) ? 'an' : 'a'} ${name} file system`;
}
