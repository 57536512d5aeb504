/** Debian's 686-pae kernel with its root on a disk that it fills itself: definitions for what it may find its disk and its card by. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PROGRAM, writeCpio } from '../../scripts/archive/cpio.ts';
import { debian } from './guests.ts';

/** Kinds of guests: HVM whose kernel unplugs the emulated devices, HVM that keeps them, PVH. */
export type Kind = 'pvhvm' | 'emulated' | 'pvh';

const KINDS: Record<Kind, { type: string; disk: string; console: string; modules: string; cmdline: string; vif: string }> = {
  pvhvm: { type: 'hvm', disk: 'xvda', console: 'hvc0', modules: 'pcnet32 xen-blkfront xen-netfront', cmdline: '', vif: '' },
  emulated: { type: 'hvm', disk: 'sda', console: 'ttyS0', modules: 'pcnet32 ata_piix sd_mod', cmdline: 'xen_emul_unplug=never', vif: 'model=pcnet' },
  pvh: { type: 'pvh', disk: 'xvda', console: 'hvc0', modules: 'xen-blkfront xen-netfront', cmdline: '', vif: '' },
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
i=0; while [ ! -b /dev/$disk ] && [ $i -lt 50 ]; do sleep 0.2; i=$((i+1)); done
if ! mount -t ext4 /dev/$disk /mnt 2>/dev/null; then
  mke2fs /dev/$disk > /dev/null && mount -t ext4 /dev/$disk /mnt || echo ROOT-FAILED
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
ifconfig lo 127.0.0.1 up; ifconfig eth0 up
udhcpc -i eth0 -n -q
echo "ROOT $(grep ' / ' /proc/mounts | tail -n 1)"
while :; do setsid cttyhack sh -l; done
`;
/** Until a guest whose disk is new has said this, and shows its prompt, it is not up. */
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

/** A definition in xl's syntax. `files`: where Domain 0 has kernel and ramdisk. */
export function definition(name: string, kind: Kind, disk: string, files = '/boot'): string {
  const { type, disk: device, console, modules, cmdline, vif } = KINDS[kind];
  return [
    `name = "${name}"`,
    `type = "${type}"`,
    'memory = 128',
    `kernel = "${files}/vmlinuz"`,
    `ramdisk = "${files}/ramdisk"`,
    `cmdline = "console=${console} cryptomgr.notests quiet mods=${modules.replaceAll(' ', ',')} disk=${device} ${cmdline}"`,
    ...(console === 'ttyS0' ? ['serial = "pty"'] : []),
    `vif = ['${vif}']`,
    `disk = ['${disk},xvda,w']`,
    '',
  ].join('\n');
}
