/// <reference types="vite/client" />
/** The userland of the Linux guests: busybox and one script, as an initramfs. */

import { gzipSync } from 'node:zlib';
import { CHARACTER_DEVICE, type CpioEntry, FILE, FOLDER, LINK, PROGRAM, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import init from './init.sh?raw';
import { moduleDependencies, moduleName } from './modules.ts';
import profile from './profile.sh?raw';
import udhcpc from './udhcpc.sh?raw';

/** Links to busybox. All of them are in Debian 12's busybox-static. */
export const APPLETS = `[ [[ adjtimex ar arp arping ascii ash awk base64 basename bc blkdiscard blockdev brctl bunzip2 bzcat bzip2 cal cat chgrp chmod
  chown chroot chvt clear cmp cp cpio crc32 cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dos2unix du dumpkmap echo ed egrep
  env expand expr factor fallocate false fdisk fgrep find findfs fold free freeramdisk fsfreeze ftpget ftpput getopt grep groups gunzip gzip halt head
  hexdump hostid hostname httpd hwclock id ifconfig insmod ip ipcalc kill killall less link ln loadkmap losetup ls lsmod lzcat md5sum microcom mkdir
  mkdosfs mke2fs mkfifo mknod mkswap mktemp modinfo modprobe more mount mt mv nc netstat nl nproc nslookup od openvt paste patch pidof ping
  pivot_root poweroff printf ps pwd readlink realpath reboot renice reset rev rm rmdir rmmod route sed seq setsid sh sha1sum sha256sum sha512sum
  shred shuf sleep sort stat strings stty swapoff swapon switch_root sync sysctl tac tail tar taskset tc tee telnet telnetd test tftp time timeout top
  touch tr traceroute true truncate ts tty udhcpc umount uname uniq unlink unxz unzip uptime usleep vi watch wc wget which who whoami xargs xxd xz xzcat
  yes zcat`.split(/\s+/);

/** Groups that `mods=` loads; each with what it depends on. */
export const MODULES =
  `pcnet32 ne2k-pci e1000 ata_piix sd_mod sr_mod cdrom virtio_pci virtio_blk virtio_net virtio_console virtio_balloon 9pnet_virtio 9p xen-blkfront
  xen-netfront xen-fbfront xen-kbdfront xen-pcifront isofs crc32c_generic ext4 loop vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8`.split(/\s+/);

/**
 * `modules`: file by path within the package; only what MODULES names (and what that needs) is taken.
 * `more`: further entries, which take the place of busybox's where both have a path.
 */
export function buildInitramfs(options: { busybox: Uint8Array; hostname: string; modules?: ReadonlyMap<string, Uint8Array>; more?: readonly CpioEntry[] }): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const folders = ['bin', 'dev', 'etc', 'etc/udhcpc', 'lib', 'lib/modules', 'mnt', 'proc', 'run', 'sys', 'tmp'];
  const entries: CpioEntry[] = [
    ...folders.map(path => ({ path, mode: FOLDER })),
    { path: 'init', mode: PROGRAM, data: text(init) },
    { path: 'bin/busybox', mode: PROGRAM, data: options.busybox },
    ...APPLETS.map(name => ({ path: `bin/${name}`, mode: LINK, data: text('busybox') })),
    // The first process has no output before devtmpfs is mounted unless its console is there already.
    { path: 'dev/console', mode: CHARACTER_DEVICE, major: 5, minor: 1 },
    { path: 'etc/hostname', mode: FILE, data: text(`${options.hostname}\n`) },
    { path: 'etc/passwd', mode: FILE, data: text('root::0:0:root:/:/bin/sh\n') },
    { path: 'etc/group', mode: FILE, data: text('root:x:0:\n') },
    { path: 'etc/profile', mode: FILE, data: text(profile) },
    { path: 'etc/udhcpc/default.script', mode: PROGRAM, data: text(udhcpc) },
  ];
  if (options.modules) entries.push(...moduleEntries(options.modules));
  return gzipSync(writeCpio([...new Map([...entries, ...(options.more ?? [])].map(entry => [entry.path, entry])).values()]), { level: 9 });
}

/** The module files, and /lib/modules/list with "group file.ko" lines, dependencies first. */
function moduleEntries(files: ReadonlyMap<string, Uint8Array>): CpioEntry[] {
  const byName = new Map([...files].map(([path, data]) => [moduleName(path), { file: path.replace(/^.*\//, ''), data }]));
  const lines: string[] = [];
  const used = new Map<string, Uint8Array>();
  const add = (name: string, group: string) => {
    const module = byName.get(moduleName(name));
    if (!module) return; // built in, or this kernel has none
    for (const needed of moduleDependencies(module.data)) add(needed, group);
    const line = `${group} ${module.file}`;
    if (!lines.includes(line)) lines.push(line);
    used.set(module.file, module.data);
  };
  for (const name of MODULES) add(name, name);
  return [
    { path: 'lib/modules/list', mode: FILE, data: new TextEncoder().encode(`${lines.join('\n')}\n`) },
    ...[...used].map(([file, data]) => ({ path: `lib/modules/${file}`, mode: FILE, data })),
  ];
}
