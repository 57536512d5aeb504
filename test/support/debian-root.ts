/** Debian's 686-pae kernel with its root on a disk that it fills itself, as it finds its disk and its card: by Xen's drivers or by those of a PC. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PROGRAM, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { debian } from './guests.ts';

/** HVM whose kernel unplugs the emulated devices, HVM that keeps them, PVH. */
export type Kind = 'pvhvm' | 'emulated' | 'pvh';

interface Facts {
  type: 'hvm' | 'pvh';
  /** The root's device, as Linux calls it. */
  disk: string;
  console: string;
  /** Groups of /lib/modules/list. Those of both kinds of devices are there where one kind has been unplugged. */
  modules: string[];
  cmdline: string;
  vif: string;
  /** Drivers of disk and card in sysfs. */
  drivers: { disk: string; card: string };
}

export const KINDS: Record<Kind, Facts> = {
  pvhvm: {
    type: 'hvm',
    disk: 'xvda',
    console: 'hvc0',
    modules: ['pcnet32', 'ata_piix', 'sd_mod', 'xen-blkfront', 'xen-netfront'],
    cmdline: '',
    vif: '',
    drivers: { disk: 'vbd', card: 'vif' },
  },
  emulated: {
    type: 'hvm',
    disk: 'sda',
    console: 'ttyS0',
    modules: ['pcnet32', 'ata_piix', 'sd_mod'],
    cmdline: 'xen_emul_unplug=never',
    vif: 'model=pcnet',
    drivers: { disk: 'sd', card: 'pcnet32' },
  },
  pvh: {
    type: 'pvh',
    disk: 'xvda',
    console: 'hvc0',
    modules: ['xen-blkfront', 'xen-netfront'],
    cmdline: '',
    vif: '',
    drivers: { disk: 'vbd', card: 'vif' },
  },
};

const MOUNTS = 'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev';

/** In memory: loads drivers, makes a file system on a disk that has none, fills it, and goes on there. */
const INIT = `#!/bin/sh
export PATH=/bin HOME=/
${MOUNTS}
for word in $(cat /proc/cmdline); do case $word in mods=*) mods=\${word#mods=};; disk=*) disk=\${word#disk=};; esac; done
for group in $(echo $mods crc32c_generic ext4 | tr , ' '); do
  while read name module; do [ $name = $group ] && insmod /lib/modules/$module 2>/dev/null; done < /lib/modules/list
done
until [ -b /dev/$disk ]; do sleep 0.2; done
if ! mount -t ext4 -o noatime /dev/$disk /mnt 2>/dev/null; then
  mke2fs /dev/$disk > /dev/null && mount -t ext4 -o noatime /dev/$disk /mnt || echo ROOT-FAILED
  mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/tmp /mnt/run /mnt/mnt
  cp -a /bin /etc /mnt
fi
umount /dev /proc /sys
exec switch_root /mnt /etc/start
`;
const START = `#!/bin/sh
export PATH=/bin HOME=/ ENV=/etc/profile
${MOUNTS}
dmesg -n 1
hostname -F /etc/hostname
ifconfig lo 127.0.0.1 up
ifconfig eth0 up
udhcpc -i eth0 -n -q
echo "ROOT $(grep ' / ' /proc/mounts | tail -n 1)"
while :; do setsid cttyhack sh -l; done
`;
/** What a guest says before it shows its prompt. */
export const ROOT = 'ROOT /dev/';

/** Writes the ramdisk of all kinds into a folder; its path. */
export function writeRamdisk(folder: string): string {
  const base = readFileSync(`${debian('686-pae').initrd}-modules`);
  const more = [
    ['init', INIT],
    ['etc/start', START],
  ].map(([path, text]) => ({ path, mode: PROGRAM, data: new TextEncoder().encode(text) }));
  const path = join(folder, 'ramdisk');
  writeFileSync(path, Buffer.concat([base, Buffer.alloc(-base.length & 3), gzipSync(writeCpio(more))]));
  return path;
}

/** A definition in xl's syntax, of a guest whose kernel and ramdisk are in Domain 0's /boot. */
export function definition(name: string, kind: Kind): string {
  const { type, disk, console, modules, cmdline, vif } = KINDS[kind];
  return [
    `name = "${name}"`,
    `type = "${type}"`,
    'memory = 128',
    'kernel = "/boot/vmlinuz"',
    'ramdisk = "/boot/ramdisk"',
    `cmdline = "console=${console} cryptomgr.notests nosoftlockup quiet mods=${modules.join(',')} disk=${disk} ${cmdline}"`,
    ...(console === 'ttyS0' ? ['serial = "pty"'] : []),
    `vif = [ '${vif}' ]`,
    `disk = [ 'phy:/dev/vg0/${name},xvda,w' ]`,
    '',
  ].join('\n');
}
