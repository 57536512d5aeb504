/**
 * What a file that is no kernel looks like, so that the message can say what to do with it.
 */
import { has, packingOf } from '../../formats/unpack/index.ts';

const MAGICS: { at: number; bytes: number[] | string; what: string; advice: string }[] = [
  {
    at: 0x8001,
    bytes: 'CD001',
    what: 'an ISO image',
    advice: 'Attach it as a CD-ROM instead: disk = [ "file:NAME.iso,hdc:cdrom,r" ].',
  },
  { at: 0, bytes: 'QFI\xfb', what: 'a QCOW disk image', advice: 'Name it in disk, not in kernel.' },
  { at: 0, bytes: 'KDMV', what: 'a VMDK disk image', advice: 'Name it in disk, not in kernel.' },
  { at: 0, bytes: 'vhdxfile', what: 'a VHDX disk image', advice: 'Name it in disk, not in kernel.' },
  { at: 0, bytes: 'conectix', what: 'a VHD disk image', advice: 'Name it in disk, not in kernel.' },
  {
    at: 0x40,
    bytes: [0x7f, 0x10, 0xda, 0xbe],
    what: 'a VirtualBox disk image',
    advice: 'Name it in disk, not in kernel.',
  },
  { at: 0x38, bytes: 'ARM\x64', what: 'a Linux kernel for ARM', advice: 'Use one built for 32-bit x86 (i386, 686).' },
  {
    at: 0,
    bytes: '070701',
    what: 'a cpio archive, as ramdisks are',
    advice: 'Name it in ramdisk, and the kernel (vmlinuz) in kernel.',
  },
  {
    at: 0,
    bytes: '!<arch>\n',
    what: 'a Debian package or an ar archive',
    advice: 'Unpack it first: the kernel is boot/vmlinuz-VERSION in it.',
  },
  { at: 257, bytes: 'ustar', what: 'a tar archive', advice: 'Unpack it first.' },
  {
    at: 0,
    bytes: '#!',
    what: 'a script',
    advice: 'Name a kernel image (vmlinuz, bzImage or a multiboot or PVH ELF file).',
  },
  { at: 0, bytes: '%PDF', what: 'a PDF document', advice: 'Name a kernel image.' },
];

/** What the bytes look like and what to do, in two sentences' worth of words: "a script", "Name a kernel image …". */
export function looksLike(bytes: Uint8Array): { what: string; advice: string } {
  const advice = 'Name a kernel image: a Linux bzImage (vmlinuz), or a multiboot or PVH ELF file.';
  for (const magic of MAGICS) if (has(bytes, magic.at, magic.bytes)) return magic;
  const packing = packingOf(bytes);
  if (packing) {
    const unpack = `npack it (${packing.command})`;
    return {
      what: `a file that is packed with ${packing.name}`,
      advice: packing.archive
        ? `U${unpack} and take what is in it.`
        : `If it is a kernel or a disk, u${unpack}; if it is a ramdisk, name it in ramdisk.`,
    };
  }
  // Where a processor starts after reset, 16 bytes below the end, a BIOS has a far jump.
  if (bytes.length >= 0x10000 && bytes.length % 0x10000 === 0 && bytes[bytes.length - 16] === 0xea) {
    return { what: 'a BIOS image', advice: 'Name a kernel image; firmware is started without one.' };
  }
  if (has(bytes, 510, [0x55, 0xaa]))
    return { what: 'a disk image with a boot sector', advice: 'Name it in disk, not in kernel.' };
  if (has(bytes, 0, 'MZ')) return { what: 'a Windows or EFI program', advice };
  const start = bytes.subarray(0, 512);
  // Of UTF-8, too, which has no byte from 0xF5 on.
  const printable = start.filter(
    byte => (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13 || (byte >= 0x80 && byte < 0xf5),
  ).length;
  if (printable === start.length) {
    const isPage = /^\s*<(!doctype|html|head|\?xml)/i.test(String.fromCharCode(...start));
    if (isPage)
      return { what: 'a web page: the download may have failed', advice: 'Fetch the kernel again and check its size.' };
    return { what: 'a text file', advice };
  }
  if (start.every(byte => byte === 0))
    return { what: 'nothing known: it starts with zeros, so that a download may have failed', advice };
  return { what: 'nothing known', advice };
}
