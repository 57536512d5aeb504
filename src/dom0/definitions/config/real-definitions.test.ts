/**
 * Definitions as xl's manual, Debian's and SUSE's tools, xend and virt-install write them, in fixtures/: each makes a domain, or says exactly why not.
 * They were written for this test from what those tools are known to write.
 */
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testHost } from '../../service/host.test-support.ts';
import type { NamedFile } from '../verdicts.ts';
import { writeExt2 } from '../../../../scripts/archive/ext2.ts';
import { bootFromDisk } from '../../host/boot-loader/index.ts';
import type { Firmware } from '../planned.ts';
import { firmwareNamed, loaderNamed } from '../named-in-files.ts';
import { planFiles } from '../plan-domain.ts';
import { formatFinding, isFault } from './judge-definition.ts';
import { prepareToRead } from './source.ts';

const folder = new URL('fixtures/', import.meta.url);
/** Definitions that are another one with a setting behind it, as xm create FILE SETTING makes them. */
const WITH_SETTING: Record<string, { file: string; setting: string }> = {
  'xm-vmid-given.py': { file: 'xm-vmid.py', setting: 'vmid=3\n' },
};
function read(name: string): Uint8Array {
  const { file, setting } = WITH_SETTING[name] ?? { file: name, setting: '' };
  return Buffer.concat([readFileSync(new URL(file, folder)), Buffer.from(setting)]);
}
/** One source, bootable as PV, as PVH and as HVM. */
const kernel = new Uint8Array(readFileSync(new URL('../../../../guests/minipv/minipv.elf', import.meta.url)));
/** What an installed system has: two partitions, on each the kernel and a menu of GRUB legacy. */
const MIB = 2 ** 20;
const system = writeExt2(
  3 * MIB,
  new Map(
    Object.entries({
      'boot/vmlinuz-xen': kernel,
      'boot/initrd-xen': Uint8Array.of(0x1f, 0x8b, 8, 0),
      'boot/grub/menu.lst': new TextEncoder().encode(
        'default 0\ntimeout 8\ntitle XEN\n  root (hd0,1)\n  kernel /boot/vmlinuz-xen root=/dev/xvda2 splash=silent\n  initrd /boot/initrd-xen\n',
      ),
    }),
  ),
  { label: 'root', uuid: new Uint8Array(16) },
);
const disk = new Uint8Array(8 * MIB);
for (const [i, start] of [MIB, 4 * MIB].entries()) {
  new DataView(disk.buffer).setUint32(446 + 16 * i + 8, start / 512, true);
  new DataView(disk.buffer).setUint32(446 + 16 * i + 12, (3 * MIB) / 512, true);
  disk[446 + 16 * i + 4] = 0x83;
  disk.set(system, start);
}
disk.set([0x55, 0xaa], 510);
const cd = new Uint8Array(64 * 2048);
cd.set(new TextEncoder().encode('\u0001CD001\u0001'), 16 * 2048);
const FIRMWARE: Exclude<Firmware, string> = {
  bios: 'ringside',
  image: new Uint8Array(65536),
  name: 'bios.bin',
  vgaBios: new Uint8Array(32768),
};

/** All that the definitions name. */
const FILES: Record<string, Uint8Array> = {
  vmlinuz: kernel,
  'initrd.gz': Uint8Array.of(0x1f, 0x8b, 8, 0),
  initrd: Uint8Array.of(0x1f, 0x8b, 8, 0),
  'guest.img': disk,
  'swap.img': disk,
  'install.iso': cd,
  'boot.img': disk,
  'other.img': disk,
  'two.img': disk,
  'three.img': disk,
  'cd.iso': cd,
};

async function plan(name: string) {
  const data = read(name);
  const text = new TextDecoder().decode(data);
  await prepareToRead(text);
  // Python puts paths together.
  const given = Object.entries(FILES).filter(
    ([file]) => text.includes(file) || text.includes(`'${file.slice(0, -4)}'`),
  );
  const images = given
    .filter(([file]) => /\.(img|iso)$/.test(file))
    .map(([file, bytes]) => ({ name: file, head: bytes.subarray(0, 36864), bytes: bytes.length }));
  const others = given
    .filter(([file]) => !/\.(img|iso)$/.test(file))
    .map(([file, bytes]) => ({ name: file, data: bytes }));
  const wanted = loaderNamed([{ name, data }]);
  const media = [{ vdev: 'xvda', from: new MemoryDisk(disk) }];
  const firmware = { ...FIRMWARE, bios: firmwareNamed([{ name, data }])?.bios ?? FIRMWARE.bios };
  const loaded = wanted && bootFromDisk(wanted.loader, wanted.cmdline, media);
  return { ...planFiles([{ name, data }, ...others, ...images], firmware, new Map(), loaded), given };
}

const starts = (name: string, kind: string, memoryMiB: number, vcpus: number) => ({ name, kind, memoryMiB, vcpus });
const STARTS: Record<string, ReturnType<typeof starts>> = {
  // Case "keys that xl ignores": xl create -n of Xen 4.17 takes it.
  'misspelt-keys.cfg': starts('workstation', 'hvm', 128, 1),
  // Case "missing comma": as a file of xm's, in whose language strings next to each other are one.
  'joined-strings.py': starts('comma2', 'hvm', 64, 1),
  // Case "<root> in <os>": virDomainDefParseBootOptions() reads it next to kernel, initrd and cmdline.
  'xml-root-element.xml': starts('old-pv', 'pv', 128, 1),
  // Case "boot order of devices" (formatdomain, "boot order").
  'boot-order-two-disks.xml': starts('second-first', 'kvm', 64, 1),
  'foreign-keys.cfg': starts('pasted', 'pv', 128, 1),
  'installer.cfg': starts('installer', 'hvm', 512, 1),
  'manual-hvm.cfg': starts('manual.hvm', 'hvm', 128, 2),
  'manual-pv.cfg': starts('manual.pv', 'pv', 128, 2),
  'manual-pvh.cfg': starts('manual.pvh', 'pvh', 256, 2),
  'old-pvfb.cfg': starts('desktop1', 'pv', 128, 1),
  'pv-grub.py': starts('grubbed', 'pv', 128, 1),
  'pygrub.cfg': starts('pygrub1', 'pv', 512, 1),
  'suse-domuloader': starts('sles10', 'pv', 512, 1),
  'suse-hvm': starts('w2k8', 'hvm', 1024, 1),
  'suse-kernel': starts('sles10-kernel', 'pv', 256, 1),
  'suse-pv': starts('sles11', 'pv', 512, 2),
  'virsh-running-pv.xml': starts('sles10-running', 'pv', 256, 1),
  'virt-install-hvm.xml': starts('xen-import', 'hvm', 1024, 2),
  'virt-install-pv.xml': starts('xen-location', 'pv', 512, 2),
  'virt-install-pvh.xml': starts('xen-pvh', 'pvh', 256, 1),
  'virt-install-xen-default.xml': starts('no-os', 'pv', 128, 1),
  'windows.cfg': starts('win10', 'hvm', 1024, 2),
  'xen-tools.cfg': starts('web01', 'pv', 256, 1),
  'xend-pv.sxp': starts('xend-pv', 'pv', 256, 1),
  'xm-conditional.py': starts('ExampleHVMDomain', 'hvm', 128, 1),
  'xm-example.py': starts('ExampleDomain', 'pv', 128, 1),
  'xm-expressions.py': starts('web07', 'pv', 128, 2),
  // Case "conversion loses parts": all of it is over constants.
  'xm-loops': starts('py16', 'hvm', 64, 1),
  'xm-old-hvm.py': starts('w2k3', 'hvm', 256, 2),
  'xm-vmid-given.py': starts('guest03', 'pv', 96, 1),
};
const REFUSED: Record<string, string[]> = {
  // The same of libvirt's: virsh -c test:///default define of libvirt 9 refuses each.
  'closed-badbus.xml': [
    "7:122: Invalid value for attribute 'bus' in element 'target': 'floopy'. The values are fdc, ide, sata, scsi, sd, uml, usb, virtio, xen.",
  ],
  'closed-baddevice.xml': [
    "7:30: Invalid value for attribute 'device' in element 'disk': 'tape'. The values are cdrom, disk, floppy, lun.",
  ],
  'closed-iftype.xml': [
    "8:19: Invalid value for attribute 'type' in element 'interface': 'brigde'. The values are bridge, client, direct, ethernet, hostdev, internal, mcast, network, null, server, udp, user, vdpa, vds, vhostuser. Did you mean \"bridge\"?",
  ],
  'closed-ifnosrc.xml': [
    "8:3: Interface type='bridge' requires a 'source' element. Write <source bridge='xenbr0'/> in <interface>.",
  ],
  'closed-clock.xml': [
    "6:17: Invalid value for attribute 'offset' in element 'clock': 'moon'. The values are absolute, localtime, timezone, utc, variable.",
  ],
  // Case "XML errors in XML words".
  'xml-words-mac.xml': [
    "8:41: <mac address='00:16:3e:zz:00:01'>: ‘00:16:3e:zz:00:01’ is no station address: that is six pairs of hexadecimal digits with colons, as in 00:16:3e:12:34:56.",
  ],
  'xml-words-noname.xml': ['1:1: The definition has no name. Write <name>web1</name> in <domain>.'],
  'xml-words-nosource.xml': ["7:5: The disk hda has no <source file='…'/>. Write the path of its image."],
  'xml-words-vcpucur.xml': [
    "4:17: <vcpu current='4'>2</vcpu>: current is above the number of vCPUs that there may be. Write current='2' or less, or <vcpu>4</vcpu>.",
  ],
  'xml-without-memory.xml': [
    "1:1: Memory size must be specified via <memory> or in the <numa> configuration. Write for example <memory unit='MiB'>256</memory> in <domain>.",
  ],
  'boot-order-both.xml': [
    "11:7: Per-device boot elements cannot be used together with os/boot elements. Take <boot dev='…'/> out of <os>, or this one.",
  ],
  // Case "values out of a closed set": xl create -n of Xen 4.17 says 'Unknown vga "foo" specified' and 'invalid value "foo" for "tsc_mode"'; xl.cfg(5) lists the firmware.
  'closed-vga.cfg': ["5:5: vga = 'foo': the values are stdvga, cirrus, qxl and none."],
  'closed-firmware.cfg': [
    `5:10: firmware = 'efi': the values are ringside, seabios, bios, rombios, ovmf, uefi, pvgrub32 and pvgrub64. Did you mean "uefi"?`,
  ],
  'closed-tsc_mode.cfg': [
    "5:10: tsc_mode = 'foo': the values are default, always_emulate, native and native_paravirt.",
  ],
  // Case "missing comma": xl says "config parsing error near `"file:/data/two.img,hdb,w"': syntax error, unexpected STRING, expecting ',' or ']'".
  'missing-comma.cfg': [
    `5:10: A comma is missing before the string "file:/data/two.img,hdb,w": xl's list goes on with "," or ends with "]".`,
    `6:25: A comma is missing before the string "mac=00:16:3e:00:00:01": xl's list goes on with "," or ends with "]".`,
  ],
  'netbsd.cfg': [
    "2:10: kernel = '/boot/netbsd-XEN3PAE_DOMU.gz': netbsd-XEN3PAE_DOMU.gz is not among the dropped files. Drop it together with netbsd.cfg.",
  ],
  'typing-errors.cfg': [
    `2:8: type = 'hmv': the types are hvm, pvh and pv. Did you mean "hvm"?`,
    "3:10: memory = '1G': xl takes MiB as a number. Write 1024.",
    "6:10: disk = '/var/lib/xen/images/guest.img,raw,hdz,rw': hdz has no number (xen-vbd-interface(7)). Write for example xvdb.",
    "6:54: disk = '/var/lib/xen/images/guest.img,rwa,hda,rx': ‘rwa’ is no format. Write raw.",
    "7:10: vif = 'mac=00:16:3e:1:2:3': ‘00:16:3e:1:2:3’ is no station address: that is six pairs of hexadecimal digits with colons, as in 00:16:3e:12:34:56.",
    `8:12: on_crash = 'restrat': the actions are destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart and soft-reset. Did you mean "restart"?`,
  ],
  'libvirt-storage.xml': [
    "8:57: protocol='rbd': disks of other machines are reached by NBD here. Write <source protocol='nbd' name='NAME'><host name='HOST' port='10809'/></source>.",
    "9:5: type='volume': a disk is a file here. Write <disk type='file'> with <source file='…'/>.",
    '13:7: An encrypted image is not read here. Decrypt it into a file of its own first (qemu-img convert), and take <encryption> out.',
  ],
  'unquoted.cfg': [
    '4:1: device-model: keys have no "-". Write device_model.',
    '6:50: mac=… is text and needs quotes around it: "mac=…".',
  ],
  // Devices of the host's PCI bus.
  'xend-hvm.sxp': ['5:9: pci: There is no hardware that could be given to one guest. Take pci out.'],
  'passthrough.cfg': ['5:1: pci: There is no hardware that could be given to one guest. Take pci out.'],
  // A TPM is not here, and somebody may rely on it.
  'virt-install-q35.xml': [
    '42:5: unsupported configuration: The QEMU executable /usr/bin/qemu-system-x86_64 does not support TPM backend type emulator.',
  ],
  'virt-install-kvm.xml': ['4:3: <memory>2097152</memory>: this host gives a guest at most 2047 MiB.'],
  'xm-vmid.py': ['16:22', '17:16', '18:33', '19:60', '22:37'].map(
    at => `${at}: vmid is given when the domain is created: xm create FILE vmid=1.`,
  ),
  'xm-python.py': ['12:20: random_mac( …: nothing is executed here. Write the value that is meant.'],
};

/** A fresh host does not have their bridges; with its own they are created. */
const ELSEWHERE: Record<string, string> = {
  'old-pvfb.cfg': '8:10: Could not find bridge device br0.',
  'suse-pv': '17:30: Could not find bridge device br0.',
  'virt-install-xen-default.xml': '9:45: Could not find bridge device eth0.',
};
const onOwnBridge = (bytes: Uint8Array): Uint8Array =>
  new TextEncoder().encode(new TextDecoder().decode(bytes).replace(/bridge=(["']?)(?:br0|eth0)\b/, 'bridge=$1xenbr0'));

describe('definitions as people have them', () => {
  it('are twenty and more, and each is in a list', () => {
    expect([...readdirSync(folder), ...Object.keys(WITH_SETTING)].sort()).toEqual(
      [...Object.keys(STARTS), ...Object.keys(REFUSED)].sort(),
    );
    expect(readdirSync(folder).length).toBeGreaterThanOrEqual(20);
  });

  it.each(Object.entries(STARTS))('make a domain: %s', async (file, wanted) => {
    const { plan: planned, domain } = await plan(file);
    expect(planned.errors.map(formatFinding)).toEqual([]);
    expect(domain?.definition).toMatchObject(wanted);
    // What is left out of it is told.
    for (const { verdict, text } of planned.findings) if (verdict !== 'used') expect(text).toMatch(/\.$/);
  });

  it('are tried in the order of <boot order>, drives of one class, too, and find the root device', async () => {
    const disks = (await plan('boot-order-two-disks.xml')).domain!;
    expect(disks.boot).toMatchObject({
      kind: 'firmware',
      bootOrder: ['/pci@i0cf8/ide@1,1/drive@0/disk@1', '/pci@i0cf8/ide@1,1/drive@0/disk@0'],
    });
    expect((await plan('xml-root-element.xml')).domain!.definition.cmdline).toBe('root=/dev/sda1 ro console=hvc0');
  });

  it.each([
    ['misspelt-keys.cfg', ['6:1 maxcpus maxvcpus', '11:1 vncused vncunused', '12:1 vnccolsole vncconsole']],
    ['joined-strings.py', ['6:9', '8:16']],
  ])('warn of what looks like a mistake, and start: %s', async (file, slips) => {
    const { plan: planned } = await plan(file);
    expect(
      planned.findings
        .filter(({ warns }) => warns)
        .map(({ line, column, key, remedy }) => [`${line}:${column}`, key, remedy?.write].filter(Boolean).join(' ')),
    ).toEqual(slips);
  });

  it.each(Object.entries(REFUSED))('say exactly why they do not: %s', async (file, reasons) => {
    const { plan: planned, domain } = await plan(file);
    expect(domain).toBeUndefined();
    const { errors } = planned;
    const told = errors.some(isFault) ? errors.filter(isFault) : errors;
    expect(told.map(formatFinding)).toEqual(reasons.map(reason => `${file}:${reason}`));
  });

  // One for all: pages of its memory are made once.
  const host = testHost({
    memory: new SharedArrayBuffer(768 * 2 ** 20),
    openMedium: () => new MemoryDisk(disk, { readOnly: true }),
  });
  it.each(Object.entries(STARTS).filter(([, { kind }]) => kind === 'pv' || kind === 'pvh'))(
    'are created by a host: %s',
    async (file, wanted) => {
      const { given } = await plan(file);
      const filesWith = (definition: Uint8Array): NamedFile[] =>
        [[file, definition] as const, ...given].map(([name, bytes]) => ({ name, data: new Blob([bytes as BlobPart]) }));
      const { name, kind: type, memoryMiB } = wanted;
      const elsewhere = ELSEWHERE[file];
      if (elsewhere) await expect(host.create(filesWith(read(file)))).rejects.toThrow(`${file}:${elsewhere}`);
      const created = await host.create(filesWith(elsewhere ? onOwnBridge(read(file)) : read(file)), false, true);
      expect(created).toMatchObject({ name, type, memoryMiB, state: 'p' });
      await host.destroy(created.id);
    },
  );
});
