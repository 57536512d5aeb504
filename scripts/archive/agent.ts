/** QEMU's guest agent out of Debian's packages, for `npm run guests -- --agent`: what the kernel unpacks over a guest's first file system. */
import { type CpioEntry, FOLDER, LINK, PROGRAM, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { readDeb } from './deb.ts';
import type { Packages } from './packages.ts';

const LIBRARIES = 'lib/i386-linux-gnu';
/** The program, its loader and its libraries: in each package the paths, and where each goes. */
const FILES: readonly { package: string; from: string; to: string }[] = [
  { package: 'qemu-guest-agent', from: 'usr/sbin/qemu-ga', to: 'bin/qemu-ga' },
  { package: 'libc6', from: 'lib/ld-linux.so.2', to: 'lib/ld-linux.so.2' },
  ...[
    ['libc6', LIBRARIES, 'libc.so.6'],
    ['libc6', LIBRARIES, 'libm.so.6'],
    ['libglib2.0-0', `usr/${LIBRARIES}`, 'libglib-2.0.so.0'],
    ['libglib2.0-0', `usr/${LIBRARIES}`, 'libgmodule-2.0.so.0'],
    ['libpcre2-8-0', `usr/${LIBRARIES}`, 'libpcre2-8.so.0'],
    ['libnuma1', `usr/${LIBRARIES}`, 'libnuma.so.1'],
    ['libudev1', `usr/${LIBRARIES}`, 'libudev.so.1'],
    ['liburing2', `usr/${LIBRARIES}`, 'liburing.so.2'],
  ].map(([name, folder, library]) => ({ package: name!, from: `${folder}/${library}`, to: `lib/${library}` })),
];
/** Programs that it starts by these paths: those of busybox, where it has them. */
const OF_BUSYBOX = ['hwclock'];

/** An initramfs to be put behind another one. @throws Error where a package lacks a file */
export async function agentArchive(packages: Packages): Promise<Uint8Array> {
  const entries: CpioEntry[] = [{ path: 'sbin', mode: FOLDER }];
  for (const name of new Set(FILES.map(file => file.package))) {
    const inside = new Map((await readDeb(await packages.get(name))).map(entry => [entry.path, entry]));
    for (const { from, to } of FILES.filter(file => file.package === name)) {
      let found = inside.get(from);
      for (let left = 3; found?.type === 'link' && left > 0; left--) found = inside.get(linked(found.path, found.target));
      if (found?.type !== 'file') throw new Error(`the package ${name} has no ${from}`);
      entries.push({ path: to, mode: PROGRAM, data: found.data });
    }
  }
  entries.push(...OF_BUSYBOX.map(name => ({ path: `sbin/${name}`, mode: LINK, data: new TextEncoder().encode('/bin/busybox') })));
  return writeCpio(entries);
}

/** Where a link of a package leads, from the package's root. */
const linked = (path: string, target: string): string => new URL(target, `file:///${path}`).pathname.slice(1);
