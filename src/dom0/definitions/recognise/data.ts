/**
 * Files of other products that are no text, by their magic numbers, and what an image is that no firmware starts.
 * Sources: QEMU's savevm.c, libvirt's qemu_saveimage.h, tools/libs/guest/xg_save_restore.h of Xen; U-Boot's image.h and Android's boot_img_hdr; the formats of
 * dd's neighbours (partclone, partimage, wimlib) and of CD and floppy tools (IsoZ, DAA, MDS, TeleDisk, IMD, HFE, 86F, SCP, CopyQM) as their tools describe them.
 */
import { fileSystemIn } from '../../../formats/file-systems/index.ts';
import { has } from '../../../formats/unpack/index.ts';

export interface Described {
  /** At most 48 characters. */
  short: string;
  /** Sentences. */
  text: string;
  /** To a kernel that is given with it. */
  isDisk?: true;
}

interface Data {
  what: string;
  at?: number;
  magic: string | number[];
  how(name: string): string;
}

const RESTORE = (): string => 'Such a state is of another machine than those here. Take the disk of its guest.';
const FLOPPY = (name: string): string =>
  `Sectors as they are on the floppy disk are read here: hxcfe -finput:${name} -conv:RAW_LOADER -foutput:floppy.img makes such an image.`;
const CD = (name: string): string =>
  `Sectors of 2048 bytes are read here: mount it with the program that made it, or convert ${name} into an .iso file.`;
const BACKUP = (): string => 'Restore it onto a disk with the program that made it, and take that disk.';
const BOARD = (): string => 'It is for boards with a loader of their own. Take an image for x86 PCs.';

const DATA: readonly Data[] = [
  { what: "a saved state of QEMU's", magic: 'QEVM', how: RESTORE },
  { what: 'a guest that libvirt has saved', magic: 'LibvirtQemudSave', how: RESTORE },
  { what: 'a guest that libvirt has begun to save', magic: 'LibvirtQemudPart', how: RESTORE },
  { what: "a saved state of VirtualBox'", magic: '\x7fVirtualBox SavedState', how: RESTORE },
  { what: 'a saved state of VMware', magic: [0xd2, 0xbe, 0xd2, 0xbe], how: RESTORE },
  {
    what: 'an image of Windows in the WIM format',
    magic: 'MSWIM\0\0\0',
    how: () => 'It is no disk: take the .iso that it came on.',
  },
  { what: 'a copy of a partition, by partclone', magic: 'partclone-image', how: BACKUP },
  { what: 'a copy of a partition, by partimage', magic: 'PaRtImAgE-VoLuMe', how: BACKUP },
  { what: 'a copy of a disk, by Ghost', magic: [0xfe, 0xef, 0x01], how: BACKUP },
  {
    what: 'a packed image of the cloop format',
    magic: '#!/bin/sh\n#V2.0 Format',
    how: name => `Run extract_compressed_fs ${name} disk.img, and take what comes out.`,
  },
  {
    what: 'a sparse image of macOS',
    magic: 'sprs',
    how: name => `Run hdiutil convert ${name} -format UDTO -o disk.img, and take what it makes.`,
  },
  { what: 'a packed image of the ISZ format', magic: 'IsZ!', how: CD },
  { what: 'a packed image of the DAA format', magic: 'DAA\0', how: CD },
  { what: "a CD's table of contents, which comes with the .mdf file", magic: 'MEDIA DESCRIPTOR', how: CD },
  { what: 'a floppy disk in the TeleDisk format', magic: 'TD\0', how: FLOPPY },
  { what: 'a floppy disk in the TeleDisk format', magic: 'td\0', how: FLOPPY },
  { what: 'a floppy disk in the IMD format', magic: 'IMD 1', how: FLOPPY },
  { what: 'a floppy disk in the HFE format', magic: 'HXCPICFE', how: FLOPPY },
  { what: 'a floppy disk in the HFE format', magic: 'HXCHFEV3', how: FLOPPY },
  { what: 'a floppy disk in the 86F format', magic: '86BF', how: FLOPPY },
  { what: 'a floppy disk in the SCP format', magic: 'SCP', how: FLOPPY },
  { what: 'a floppy disk in the CopyQM format', magic: 'CQ\x14', how: FLOPPY },
  { what: 'an image of U-Boot', magic: [0x27, 0x05, 0x19, 0x56], how: BOARD },
  { what: 'a device tree, or an image of U-Boot in one', magic: [0xd0, 0x0d, 0xfe, 0xed], how: BOARD },
  { what: 'a boot image of Android', magic: 'ANDROID!', how: BOARD },
  { what: 'a PDF document', magic: '%PDF', how: () => 'Take the image that it is about.' },
  { what: 'a picture', magic: '\x89PNG', how: () => 'Take a disk image, a CD or a kernel.' },
  { what: 'a picture', magic: [0xff, 0xd8, 0xff], how: () => 'Take a disk image, a CD or a kernel.' },
  {
    what: 'what BitTorrent fetches a file by',
    magic: 'd8:announce',
    how: () => 'Fetch the file with it, and take that.',
  },
  {
    what: 'a Debian package',
    magic: '!<arch>\ndebian-binary',
    how: name => `dpkg-deb -x ${name} . unpacks it: a kernel is boot/vmlinuz-VERSION in it.`,
  },
  {
    what: 'an RPM package',
    magic: [0xed, 0xab, 0xee, 0xdb],
    how: name => `rpm2cpio ${name} | cpio -id unpacks it: a kernel is in boot or lib/modules in it.`,
  },
];

/** A tar archive (ustar at 257) holds a machine where its first file says so. */
const ARCHIVES: readonly { first: RegExp; what: string; how(name: string): string }[] = [
  {
    first: /\.ovf$/i,
    what: 'a machine in the Open Virtualization Format, with its disks, in one archive',
    how: name =>
      `tar -xf ${name} unpacks it; convert its disk (qemu-img convert -O raw NAME.vmdk disk.img), and take disk.img. Drop the .ovf file for a definition of it.`,
  },
  {
    first: /^(ova\.xml|Ref:)/,
    what: 'a machine of XenServer or XCP-ng, in one archive',
    how: name => `xva-img or xenmigrate makes a disk of what is in ${name}: take that.`,
  },
  {
    first: /^(\.\/)?(metadata\.json|Vagrantfile|box\.img|box\.ovf)$/,
    what: 'a box of Vagrant',
    how: name =>
      `tar -xf ${name} unpacks it: take box.img, or convert its .vmdk (qemu-img convert -O raw NAME.vmdk disk.img).`,
  },
  {
    first: /^(\.\/)?(manifest\.json|oci-layout|repositories|[0-9a-f]{64}\/)/,
    what: 'an image of containers',
    how: () => 'It has no kernel. Ringside runs whole machines: take a kernel, a disk image or a CD.',
  },
];

/** A file system alone, which a kernel has to be given with. */
const fileSystem = (holds: string, name: string): Described => ({
  short: 'no boot program in it',
  isDisk: true,
  text: `${name} holds ${holds} and no boot program. ${
    holds.includes('file system')
      ? `Give a kernel with it: ringside boot --kernel vmlinuz --disk ${name} --cmdline 'root=/dev/sda console=ttyS0', or in a definition kernel = "vmlinuz", disk = [ "${name},raw,hda,w" ], root = "/dev/sda".`
      : 'Give it to a guest as a second disk.'
  }`,
});

/** What a file without text is; undefined: nothing that is known here. `name`: without folders. */
export function describeData(name: string, head: Uint8Array): Described | undefined {
  const found = DATA.find(({ at = 0, magic }) => has(head, at, magic));
  if (found) return { short: shortOf(found.what), text: `${name} is ${found.what}. ${found.how(name)}` };
  if (has(head, 257, 'ustar')) {
    const first = new TextDecoder().decode(head.subarray(0, 100)).replace(/\0.*$/s, '');
    const archive = ARCHIVES.find(each => each.first.test(first));
    return archive && { short: shortOf(archive.what), text: `${name} is ${archive.what}. ${archive.how(name)}` };
  }
  const holds = fileSystemIn(head);
  return holds === undefined ? undefined : fileSystem(holds, name);
}

const MOST_SHORT = 48;
/** `is`, and the beginning of what it is. */
export const shortOf = (what: string): string => {
  const words = `is ${what}`;
  return words.length <= MOST_SHORT ? words : `${words.slice(0, MOST_SHORT - 1)}…`;
};

/** The beginning of what is packed, encrypted or damaged: the least number of different values in 512 bytes of it. Programs have some 120, random bytes 221 ± 5. */
const NOISE_VALUES = 190,
  NOISE_BYTES = 512;
const isNoise = (head: Uint8Array): boolean => new Set(head.subarray(0, NOISE_BYTES)).size >= NOISE_VALUES;

/** What an image is whose first sector does not end in 55 AA, and which is started by nobody who does not say so; undefined: it may be a program all the same. */
export function notBootable(name: string, head: Uint8Array): Described | undefined {
  const known = describeData(name, head);
  if (known) return known;
  if (/\.(iso|cdr)$/i.test(name))
    return {
      short: 'no CD image',
      text: `${name} is no CD image: there is no ISO 9660 volume (CD001) in it. The download may be broken: compare its check sum, and fetch it again.`,
    };
  if (isNoise(head))
    return {
      short: 'noise',
      text: `${name} begins with noise, as what is packed, encrypted or damaged does: there is neither a program nor a file system in it. The download may be broken: compare its check sum, and fetch it again.`,
    };
  return undefined;
}
