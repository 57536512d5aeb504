/**
 * Texts of other products that describe machines, or go with them, by what each of them alone has in its lines.
 * Sources: Proxmox VE's qm.conf(5) and pct.conf(5); VMware's .vmx and .vmdk as its products write them; KubeVirt's user guide; QEMU's invocation
 * (qemu-options.hx); Quickemu's, Lima's, Vagrant's, Packer's, Terraform's, Bochs', 86Box' and Firecracker's documentation; El Torito's neighbours from their tools.
 */
import { type Machine, mebibytes, whole } from './machine.ts';

export interface Kind {
  /** "a virtual machine of VMware". */
  what: string;
  is(text: string, name: string): boolean;
  machine?(text: string): Machine;
  /** What to do with what it names, in front of the definition; or all that there is to do. */
  how?: string;
}

/** The value of a setting at the beginning of a line. */
const value = (text: string, pattern: string): string | undefined =>
  new RegExp(`^[ \\t]*(?:${pattern})[ \\t]*[:=][ \\t]*"?([^"\\n\\r]*)`, 'im').exec(text)?.[1]?.trim();
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found]) => found!);

const QEMU = /(?:^|[\s/;&|(])(?:qemu-system-[\w-]+|qemu-kvm|kvm)(?:\.exe)?["']?[ \t]+(?:\\\r?\n[ \t]*)*["']?-/m;

/** Options of a QEMU command line, wherever its lines are broken. */
function ofQemu(text: string): Machine {
  const line = text.replaceAll(/[\\^`]\r?\n/g, ' ');
  const words = [...line.matchAll(/"([^"\n]*)"|'([^'\n]*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
  const behind = (...options: string[]): string[] =>
    words.flatMap((word, i) => (options.includes(word) && words[i + 1] !== undefined ? [words[i + 1]!] : []));
  const drives = behind('-drive').map(each => ({
    file: /(?:^|,)file=([^,]*)/.exec(each)?.[1],
    isCd: /(?:^|,)media=cdrom/.test(each),
    isFirmware: /(?:^|,)if=pflash/.test(each),
  }));
  const of = (isCd: boolean): string[] =>
    drives.filter(drive => drive.isCd === isCd && !drive.isFirmware).flatMap(({ file }) => file ?? []);
  return {
    name: behind('-name')[0]
      ?.replace(/^guest=/, '')
      .replace(/,.*/, ''),
    memoryMiB: mebibytes(
      behind('-m')[0]
        ?.replace(/^size=/, '')
        .replace(/,.*/, ''),
    ),
    vcpus: whole(
      behind('-smp')[0]
        ?.replace(/^cpus=/, '')
        .replace(/,.*/, ''),
    ),
    kernel: behind('-kernel')[0],
    ramdisk: behind('-initrd')[0],
    cmdline: behind('-append')[0],
    disks: [...behind('-hda', '-hdb', '-hdd'), ...of(false)],
    cds: [...behind('-cdrom'), ...of(true)],
  };
}

/** The first image that is named after a key of an option that has others behind commas. */
const named = (text: string, pattern: RegExp): string[] => all(text, pattern).filter(path => path !== '');

const CLUSTER = 'Its disks are volumes of the cluster, which virtctl vmexport download writes into a file.';
const CONTAINERS = 'Ringside runs whole machines: take a kernel, a disk image or a CD.';

export const TEXTS: readonly Kind[] = [
  {
    what: 'a container of Proxmox VE',
    is: text => /^rootfs: /m.test(text) && /^(arch|ostype): /m.test(text),
    how: 'It has no kernel of its own. Take a virtual machine, a disk image or a CD.',
  },
  {
    what: 'a virtual machine of Proxmox VE',
    is: text =>
      /^(scsihw|ostype|vmgenid|smbios1|efidisk0|(scsi|ide|sata|virtio|net)\d+): \S/m.test(text) &&
      /^(cores|memory|sockets|boot|name|agent|cpu|bios|machine): /m.test(text) &&
      !/^[a-z_]+[ \t]*=/m.test(text),
    machine: text => ({
      name: value(text, 'name'),
      memoryMiB: mebibytes(value(text, 'memory')),
      vcpus: (whole(value(text, 'cores')) ?? 1) * (whole(value(text, 'sockets')) ?? 1),
      disks: ['disk.img'],
    }),
    how: 'Its disks are in that host\'s storage: there, qemu-img convert -O raw "$(pvesm path STORAGE:DISK)" disk.img makes a file of one.',
  },
  {
    what: 'a script that makes a virtual machine of Proxmox VE',
    is: text => /^[ \t]*(sudo )?qm (create|set|importdisk) /m.test(text),
    how: 'It runs on such a host. Take the disk image or the CD that it names.',
  },
  {
    what: 'a virtual machine of VMware',
    is: text => /^[ \t]*(config\.version|virtualHW\.version)[ \t]*=/im.test(text),
    machine: text => ({
      name: value(text, 'displayName'),
      memoryMiB: mebibytes(value(text, 'memsize')),
      vcpus: whole(value(text, 'numvcpus')),
      disks: named(text, /^[ \t]*\w+:\d+\.fileName[ \t]*=[ \t]*"([^"\n]*\.vmdk)"/gim),
      cds: named(text, /^[ \t]*\w+:\d+\.fileName[ \t]*=[ \t]*"([^"\n]*\.iso)"/gim),
    }),
  },
  {
    what: "VMware's list of a machine's snapshots",
    is: text => /^[ \t]*snapshot\.(lastUID|numSnapshots)[ \t]*=/im.test(text),
    how: 'The machine is in the .vmx file in the same folder: drop that for what it is called here.',
  },
  {
    what: "a description of VMware's disk, which another file holds",
    is: text => text.startsWith('# Disk DescriptorFile'),
    how: 'Both are needed: run qemu-img convert -O raw on this one, with the other in the same folder, and take what it makes.',
  },
  {
    what: 'a virtual machine of KubeVirt',
    is: text => /^[ \t]*"?apiVersion"?:[ \t]*"?kubevirt\.io\//m.test(text),
    machine: text => ({
      name: /^metadata:[^]*?^[ \t]+name:[ \t]*"?([\w.-]+)/m.exec(text)?.[1],
      memoryMiB: mebibytes(/\b(?:guest|memory):[ \t]*"?(\d+(?:\.\d+)?[KMGT]i?)\b/.exec(text)?.[1]),
      vcpus: whole(/\bcores:[ \t]*(\d+)/.exec(text)?.[1]),
      disks: ['disk.img'],
    }),
    how: CLUSTER,
  },
  {
    what: 'what Kubernetes is to run',
    is: text => /^apiVersion:[ \t]*\S+/m.test(text) && /^kind:[ \t]*\S+/m.test(text),
    how: CONTAINERS,
  },
  {
    what: 'what Docker Compose is to run',
    is: text => /^services:[ \t]*$/m.test(text) && /^[ \t]+(image|build):/m.test(text),
    how: CONTAINERS,
  },
  {
    what: 'what Docker makes an image of containers from',
    is: text => /^FROM[ \t]+\S+/m.test(text) && /^(RUN|CMD|COPY|ENTRYPOINT|ADD)[ \t]/m.test(text),
    how: CONTAINERS,
  },
  {
    what: 'a virtual machine of Lima',
    is: text => /^images:/m.test(text) && /^[ \t-]*location:/m.test(text),
    machine: text => ({
      memoryMiB: mebibytes(value(text, 'memory')),
      vcpus: whole(value(text, 'cpus')),
      disks: ['disk.img'],
    }),
    how: 'It fetches an image for UEFI as a rule: take one that a BIOS starts, too.',
  },
  {
    what: 'settings for cloud-init',
    is: text => text.startsWith('#cloud-config'),
    how: "A guest reads it from a CD: cloud-localds seed.iso FILE makes one, which is given with the guest's disk.",
  },
  {
    what: 'a virtual machine of Quickemu',
    is: text => /^guest_os=/m.test(text) && /^(disk_img|iso|img)=/m.test(text),
    machine: text => ({
      memoryMiB: mebibytes(value(text, 'ram')),
      vcpus: whole(value(text, 'cpu_cores')),
      disks: named(text, /^disk_img="?([^"\n]*)/gm),
      cds: named(text, /^iso="?([^"\n]*)/gm),
    }),
  },
  {
    what: 'a machine of Vagrant',
    is: text => /\bVagrant\.configure\b/.test(text),
    how: 'Its box holds the disk: ~/.vagrant.d/boxes has it after vagrant box add, as box.img or a .vmdk file.',
  },
  {
    what: 'what Packer makes an image from',
    is: text =>
      /^source[ \t]+"(qemu|virtualbox|vmware|proxmox|hyperv)[\w-]*"/m.test(text) || /"builders"[ \t]*:/.test(text),
    how: 'Run packer build, and take the image that it makes.',
  },
  {
    what: 'settings for Terraform',
    is: text => /^(resource|provider|module|variable|terraform)[ \t]+("[^"\n]*"[ \t]*)*\{/m.test(text),
    how: "Its provider of libvirt works with a host here: ringside libvirtd prints the URI to write into provider's uri.",
  },
  {
    what: 'a script that makes a machine of VirtualBox',
    is: text => /^[ \t]*(sudo )?VBoxManage\s/im.test(text),
    how: 'VirtualBox runs it. Take the disk image or the CD that it names.',
  },
  {
    what: 'a script that makes a guest with virt-install',
    is: text => /(^|[\s;&|])virt-install[ \t]+(\\\r?\n[ \t]*)*-/m.test(text),
    how: "virt-install works with a host here: start ringside libvirtd, and write --connect with the URI that it prints behind the script's virt-install.",
  },
  { what: "QEMU's command line", is: text => QEMU.test(text), machine: ofQemu },
  {
    what: "a machine in QEMU's -readconfig form",
    is: text => /^\[(device|drive|machine|memory|chardev|netdev)([ \t]+"[^"\n]*")?\]/m.test(text),
    machine: text => ({
      memoryMiB: mebibytes(/^\[memory\][^[]*?^[ \t]*size[ \t]*=[ \t]*"?([^"\n]*)/m.exec(text)?.[1]),
      disks: named(text, /^[ \t]*file[ \t]*=[ \t]*"?([^"\n]*)/gm),
    }),
  },
  {
    what: 'a machine of bhyve',
    is: text =>
      /(^|[\s/])bhyve[ \t]+(\\\r?\n[ \t]*)*-/m.test(text) || (/^loader="/m.test(text) && /^disk0_type="/m.test(text)),
    machine: text => ({
      memoryMiB: mebibytes(value(text, 'memory')),
      vcpus: whole(value(text, 'cpu')),
      disks: ['disk.img'],
    }),
  },
  {
    what: 'a machine of Firecracker',
    is: text => /"boot-source"[ \t]*:/.test(text) && /"kernel_image_path"/.test(text),
    machine: text => ({
      memoryMiB: mebibytes(/"mem_size_mib"[ \t]*:[ \t]*(\d+)/.exec(text)?.[1]),
      vcpus: whole(/"vcpu_count"[ \t]*:[ \t]*(\d+)/.exec(text)?.[1]),
      kernel: /"kernel_image_path"[ \t]*:[ \t]*"([^"]*)"/.exec(text)?.[1],
      cmdline: /"boot_args"[ \t]*:[ \t]*"([^"]*)"/.exec(text)?.[1],
      disks: named(text, /"path_on_host"[ \t]*:[ \t]*"([^"]*)"/g),
    }),
  },
  {
    what: 'a machine of SmartOS',
    is: text => /"brand"[ \t]*:[ \t]*"(kvm|bhyve)"/.test(text),
    machine: text => ({
      name: /"(?:alias|hostname)"[ \t]*:[ \t]*"([^"]*)"/.exec(text)?.[1],
      memoryMiB: mebibytes(/"ram"[ \t]*:[ \t]*"?(\d+)/.exec(text)?.[1]),
      vcpus: whole(/"vcpus"[ \t]*:[ \t]*"?(\d+)/.exec(text)?.[1]),
      disks: ['disk.img'],
    }),
  },
  {
    what: 'a machine of Bochs',
    is: text => /^(vga)?romimage:/m.test(text) && /^(megs|memory|boot|floppya|ata\d-\w+):/m.test(text),
    machine: text => ({
      memoryMiB: mebibytes(value(text, 'megs') ?? /^memory:.*\bguest=(\d+)/m.exec(text)?.[1]),
      disks: named(text, /^ata\d-\w+:.*type=disk.*\bpath="?([^",\n]*)/gm),
      cds: named(text, /^ata\d-\w+:.*type=cdrom.*\bpath="?([^",\n]*)/gm),
    }),
  },
  {
    what: 'a machine of 86Box or PCem',
    is: text =>
      /^(hdd_01_(fn|parameters)|cpu_family|gfxcard|machine) = /m.test(text) && /^(\[Machine\]|mem_size = )/m.test(text),
    machine: text => ({
      memoryMiB: mebibytes(value(text, 'mem_size'), 2 ** -10),
      disks: named(text, /^hdd_\d+_fn = ([^\n\r]*)/gm),
    }),
  },
  {
    what: "DOSBox's settings",
    is: text => /^\[(dosbox|autoexec|sdl)\]/m.test(text),
    how: 'DOSBox is a system of its own. Take a disk or floppy image with DOS on it.',
  },
  {
    what: 'a script of iPXE',
    is: text => text.startsWith('#!ipxe'),
    how: 'A guest that boots by the network reads it: ringside boot --tftp FILE --nic e1000.',
  },
  {
    what: "a boot loader's menu",
    is: text =>
      /^[ \t]*menuentry[ \t]+['"]/m.test(text) ||
      (/^[ \t]*label[ \t]+\S/im.test(text) && /^[ \t]*(kernel|linux)[ \t]+\S/im.test(text)),
    how: 'The loader is what boots: take the disk or the CD that it is on, or the kernel that the menu names, with its command line in extra.',
  },
  {
    what: "a CD's table of contents, which another file holds",
    is: text => /^[ \t]*FILE[ \t]+"?[^\n]*"?[ \t]+(BINARY|MOTOROLA|WAVE)/im.test(text) || /^\[CloneCD\]/m.test(text),
    how: 'Sectors of 2048 bytes are read here: run bchunk NAME.bin NAME.cue cd, and take the .iso that it makes.',
  },
  {
    what: 'a list of check sums',
    is: text =>
      /^([0-9a-f]{32,128} [ *]\S[^\n]*\r?\n?)+$/i.test(text) || /^SHA(256|512) \([^)\n]+\) = [0-9a-f]+/m.test(text),
    how: 'Take the file that it is for.',
  },
];
