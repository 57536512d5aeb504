/** Files of other products, written here as those products write them, and what is said of each. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeDefinition, prepareToRead } from '../config/index.ts';
import { type HostFacts, judgeFiles, readFiles } from '../judge-files.ts';
import { foreignOf } from '../may-be-foreign.ts';
import { OWN_PLACES } from '../places-of-cards.ts';
import { recognise } from './index.ts';

const facts: HostFacts = {
  isTaken: () => false,
  ownerOf: () => undefined,
  stationProblem: () => undefined,
  places: OWN_PLACES,
  pcpus: 1,
  freeMiB: 4096,
  hasVt: true,
  hypervisor: { addsKvm: true },
};
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const firmware = { bios: 'ringside', image: new Uint8Array(65_536), name: 'bios.bin' } as const;

/** As the page and xl create judge what they are given. */
async function errors(...files: [name: string, content: string | Uint8Array<ArrayBuffer>][]): Promise<string[]> {
  const given = await readFiles(
    files.map(([name, content]) => ({ name, data: new Blob([content]) })),
    () => true,
  );
  return judgeFiles({ given, firmware }, facts).plan.errors.map(({ text }) => text);
}

const PROXMOX = `agent: 1
boot: order=scsi0;net0
cores: 2
memory: 2048
name: tv
net0: virtio=BC:24:11:00:00:02,bridge=vmbr0
ostype: l26
scsi0: local-lvm:vm-102-disk-0,size=8G
scsihw: virtio-scsi-single
sockets: 2
`;
const VMX = `.encoding = "UTF-8"
config.version = "8"
virtualHW.version = "14"
memsize = "96"
numvcpus = "2"
displayName = "old"
scsi0:0.present = "TRUE"
scsi0:0.fileName = "old disk.vmdk"
ide1:0.fileName = "setup.iso"
`;
const OVF = `<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a tool -->
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <ovf:References><ovf:File ovf:href="small-disk1.vmdk" ovf:id="file1"/></ovf:References>
  <ovf:VirtualSystem ovf:id="small"><ovf:Name>small</ovf:Name><ovf:VirtualHardwareSection>
    <ovf:Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></ovf:Item>
    <ovf:Item><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>128</rasd:VirtualQuantity></ovf:Item>
  </ovf:VirtualHardwareSection></ovf:VirtualSystem>
</ovf:Envelope>
`;
const KUBEVIRT = `apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  labels: { a: b }
  name: vm1
spec:
  template:
    spec:
      domain:
        cpu: { cores: 2 }
        memory: { guest: 1Gi }
`;
const QEMU = `#!/bin/bash
# starts it
exec qemu-system-i386 \\
  -enable-kvm -name guest=lab,debug-threads=on -m size=512M \\
  -smp cpus=2 -drive file=lab.qcow2,if=virtio,format=qcow2 -cdrom "my cd.iso" -nographic
`;
const VIRTUALBOX = `<?xml version="1.0"?>
<VirtualBox xmlns="http://www.virtualbox.org/" version="1.19-linux"><Machine uuid="{0}" name="dos" OSType="DOS">
<MediaRegistry><HardDisks><HardDisk uuid="{1}" location="dos.vdi" format="VDI"/></HardDisks></MediaRegistry>
<Hardware><CPU count="1"/><Memory RAMSize="32"/></Hardware></Machine></VirtualBox>
`;

/** [file, content, what is said: whole where it has a definition]. */
const FILES: readonly [string, string, string | RegExp][] = [
  [
    '102.conf',
    PROXMOX,
    '102.conf is a virtual machine of Proxmox VE. Its disks are in that host\'s storage: there, qemu-img convert -O raw "$(pvesm path STORAGE:DISK)" disk.img makes a file of one. A definition that is like it: name = "tv"; type = "hvm"; memory = 2047; vcpus = 4; disk = [ "disk.img,raw,hda,w" ]',
  ],
  [
    'old.vmx',
    VMX,
    'old.vmx is a virtual machine of VMware. Convert its disk: qemu-img convert -O raw old disk.vmdk old disk.img. A definition that is like it: name = "old"; type = "hvm"; memory = 96; vcpus = 2; disk = [ "old disk.img,raw,hda,w", "setup.iso,raw,hdc:cdrom,r" ]',
  ],
  [
    'small.ovf',
    OVF,
    'small.ovf is a machine in the Open Virtualization Format. Convert its disk: qemu-img convert -O raw small-disk1.vmdk small-disk1.img. A definition that is like it: name = "small"; type = "hvm"; memory = 128; vcpus = 2; disk = [ "small-disk1.img,raw,hda,w" ]',
  ],
  [
    'vm1.yaml',
    KUBEVIRT,
    'vm1.yaml is a virtual machine of KubeVirt. Its disks are volumes of the cluster, which virtctl vmexport download writes into a file. A definition that is like it: name = "vm1"; type = "hvm"; memory = 1024; vcpus = 2; disk = [ "disk.img,raw,hda,w" ]',
  ],
  [
    'start.sh',
    QEMU,
    'start.sh is QEMU\'s command line. A definition that is like it: name = "lab"; type = "hvm"; memory = 512; vcpus = 2; disk = [ "lab.qcow2,qcow2,hda,w", "my cd.iso,raw,hdc:cdrom,r" ]',
  ],
  [
    'dos.vbox',
    VIRTUALBOX,
    'dos.vbox is a machine of VirtualBox. Convert its disk: qemu-img convert -O raw dos.vdi dos.img. A definition that is like it: name = "dos"; type = "hvm"; memory = 32; disk = [ "dos.img,raw,hda,w" ]',
  ],
  [
    'lab.xml',
    "<network><name>lab</name><bridge name='virbr9'/></network>",
    "lab.xml is a network of libvirt's. virsh net-define lab.xml takes it, and virsh net-start starts it; the host's page Network makes one, too.",
  ],
  [
    's.xml',
    "<domainsnapshot>\n<name>s</name>\n<domain type='kvm'/></domainsnapshot>",
    /^s\.xml is a snapshot of libvirt's\. .*snapshot-create DOMAIN s\.xml/,
  ],
  [
    'p.xml',
    "<pool type='dir'><name>p</name></pool>",
    /^p\.xml is a pool of storage of libvirt's\. virsh pool-define p\.xml/,
  ],
  ['d.xml', "<disk type='file'><target dev='vdb'/></disk>", /virsh attach-device DOMAIN d\.xml/],
  [
    'run.xml',
    "<domstatus state='running'>\n  <domain type='kvm' id='1'/>\n</domstatus>",
    /^run\.xml is a note of a domain that runs/,
  ],
  ['caps', '<capabilities><host/></capabilities>', /describes no guest: virsh dumpxml/],
  [
    'ct.conf',
    'arch: amd64\nhostname: a\nmemory: 512\nostype: debian\nrootfs: local:1/vm.raw,size=4G\n',
    /^ct\.conf is a container of Proxmox VE\./,
  ],
  [
    'deploy.yml',
    'apiVersion: apps/v1\nkind: Deployment\n',
    /^deploy\.yml is what Kubernetes is to run\. .*whole machines/,
  ],
  ['compose.yaml', 'services:\n  web:\n    image: nginx\n', /Docker Compose/],
  ['Dockerfile', 'FROM debian:12\nRUN true\n', /Docker makes an image/],
  ['user-data', '#cloud-config\nusers: []\n', /cloud-localds seed\.iso/],
  [
    'u.conf',
    'guest_os="linux"\ndisk_img="u/disk.qcow2"\nram="2G"\n',
    /Quickemu\. .*memory = 2047; disk = \[ "disk\.qcow2,qcow2,hda,w" \]/,
  ],
  ['Vagrantfile', 'Vagrant.configure("2") do |config|\nend\n', /a machine of Vagrant/],
  ['main.tf', 'resource "libvirt_domain" "web" {\n  name = "web"\n}\n', /Terraform.*ringside libvirtd/],
  ['new.sh', '#!/bin/sh\nvirt-install --name a --memory 512 --import --disk a.img\n', /virt-install.*--connect/],
  ['vb.bat', 'VBoxManage createvm --name a --register\r\n', /makes a machine of VirtualBox/],
  [
    'q.cfg',
    '[machine]\n  type = "pc"\n[memory]\n  size = "64"\n[drive "d"]\n  file = "a.img"\n',
    /-readconfig form\. .*memory = 64; disk = \[ "a\.img,raw,hda,w" \]/,
  ],
  [
    'fc.json',
    '{"boot-source": {"kernel_image_path": "vmlinux", "boot_args": "console=ttyS0"}, "drives": [{"path_on_host": "root.ext4"}], "machine-config": {"vcpu_count": 1, "mem_size_mib": 128}}',
    /Firecracker\. .*kernel = "vmlinux"; extra = "console=ttyS0"; disk = \[ "root\.ext4,raw,hda,w" \]/,
  ],
  [
    'bochsrc.txt',
    'romimage: file=BIOS-bochs-latest\nmegs: 16\nata0-master: type=disk, path="c.img", mode=flat\n',
    /Bochs\. .*memory = 16; disk = \[ "c\.img,raw,hda,w" \]/,
  ],
  ['grub.cfg', "set timeout=5\nmenuentry 'a' {\n linux /vmlinuz\n}\n", /a boot loader's menu/],
  ['boot.ipxe', '#!ipxe\nchain a\n', /iPXE.*--tftp/],
  ['game.cue', 'FILE "game.bin" BINARY\r\n  TRACK 01 MODE1/2352\r\n', /bchunk/],
  ['SHA256SUMS', `${'0123456789abcdef'.repeat(4)}  a.iso\n`, /a list of check sums/],
];

describe('a file of another product', () => {
  it.each(FILES)('%s is named, with how it is used here', async (name, content, wanted) => {
    const said = await errors([name, content]);
    expect(said).toEqual([typeof wanted === 'string' ? wanted : expect.stringMatching(wanted)]);
  });

  it('is said to have a definition that is one', async () => {
    for (const [, , said] of FILES) {
      const text = typeof said === 'string' ? /A definition that is like it: (.*)$/.exec(said)?.[1] : undefined;
      if (text === undefined) continue;
      await prepareToRead(text);
      const { findings } = judgeDefinition('a.cfg', text);
      expect(findings.filter(({ verdict }) => !['used', 'approximated'].includes(verdict))).toEqual([]);
    }
  });

  it('is named with the disk that comes with it, too', async () => {
    const vmdk = new Uint8Array(70_000);
    vmdk.set(utf8('KDMV'));
    expect(await errors(['small.ovf', OVF], ['small-disk1.vmdk', vmdk])).toEqual([
      expect.stringContaining('small.ovf is a machine in the Open Virtualization Format. Convert its disk'),
    ]);
  });

  it('written by Windows as UTF-16 is read', () => {
    const text = Uint8Array.from([0xff, 0xfe, ...[...'<VirtualBox/>'].flatMap(letter => [letter.charCodeAt(0), 0])]);
    expect(recognise('a.vbox', text)?.text).toContain('a machine of VirtualBox');
  });

  it('is none of our own, and none that is a definition', async () => {
    const folders = ['../config/fixtures', '../../../../guests'];
    for (const folder of folders) {
      const at = new URL(`${folder}/`, import.meta.url);
      for (const entry of readdirSync(at, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(cfg|xml|sxp|conf|xl|elf)$/.test(entry.name)) continue;
        const bytes = readFileSync(`${entry.parentPath}/${entry.name}`);
        expect([entry.name, await foreignOf(entry.name, bytes)]).toEqual([entry.name, undefined]);
      }
    }
  });
});

/** A disk with a superblock's magic number. */
function disk(at: number, magic: string | number[], bytes = 128 * 1024): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  all.set(typeof magic === 'string' ? Uint8Array.from(magic, each => each.charCodeAt(0)) : magic, at);
  return all;
}

describe('a file system without a boot program', () => {
  const EXT = disk(1080, [0x53, 0xef]);
  // A feature of ext4's: extents (EXT4_FEATURE_INCOMPAT_EXTENTS).
  EXT[1024 + 0x60] = 0x40;
  const WAY =
    'Give a kernel with it: ringside boot --kernel vmlinuz --disk root.ext4 --cmdline \'root=/dev/sda console=ttyS0\', or in a definition kernel = "vmlinuz", disk = [ "root.ext4,raw,hda,w" ], root = "/dev/sda".';

  it.each([
    ['an ext4 file system', EXT],
    ['a squashfs file system', disk(0, 'hsqs')],
    ['an xfs file system', disk(0, 'XFSB')],
    ['a btrfs file system', disk(0x10040, '_BHRfS_M')],
    ['an erofs file system', disk(1024, [0xe2, 0xe1, 0xf5, 0xe0])],
    ['a minix file system', disk(1040, [0x8f, 0x13])],
  ])('holds %s, and needs a kernel', async (what, bytes) => {
    expect(await errors(['root.ext4', bytes])).toEqual([`root.ext4 holds ${what} and no boot program. ${WAY}`]);
    // By a name that images have.
    expect(await errors(['root.img', bytes])).toEqual([
      expect.stringContaining(`root.img holds ${what} and no boot program. Give a kernel with it`),
    ]);
  });

  it('holds what no kernel takes as its root', async () => {
    expect(await errors(['swap', disk(4086, 'SWAPSPACE2')])).toEqual([
      'swap holds swap space and no boot program. Give it to a guest as a second disk.',
    ]);
  });

  it('is a disk of the kernel that comes with it', async () => {
    const kernel = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
    const files = [
      { name: 'demo.elf', data: new Blob([kernel]) },
      { name: 'root.ext4', data: new Blob([EXT]) },
    ];
    const { plan, domain } = judgeFiles({ given: await readFiles(files, () => true), firmware }, facts);
    expect(plan.errors).toEqual([]);
    expect(domain?.drives).toMatchObject([
      { vdev: 'hda', kind: 'disk', image: { name: 'root.ext4', bytes: EXT.length } },
    ]);
  });

  it('is whole where a definition names it', async () => {
    const cfg = 'name = "a"\ntype = "hvm"\nmemory = 16\nkernel = "demo.elf"\ndisk = [ "root.ext4,raw,hda,w" ]\n';
    const kernel = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
    expect(await errors(['a.cfg', cfg], ['demo.elf', kernel as Uint8Array<ArrayBuffer>], ['root.ext4', EXT])).toEqual(
      [],
    );
  });
});

/** Bytes as they come out of what packs or encrypts: of xorshift32. */
function noise(bytes: number): Uint8Array<ArrayBuffer> {
  let state = 0x9e3779b9;
  return Uint8Array.from({ length: bytes }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

describe('an image that is none', () => {
  it.each([
    [
      'garbage.iso',
      noise(100_352),
      'garbage.iso is no CD image: there is no ISO 9660 volume (CD001) in it. The download may be broken',
    ],
    ['zeros.iso', new Uint8Array(100_352), 'zeros.iso is no CD image'],
    ['garbage.img', noise(100_352), 'garbage.img begins with noise'],
    ['a.img', disk(0, 'partclone-image'), 'a.img is a copy of a partition, by partclone'],
    ['win.img', disk(0, 'MSWIM\0\0\0'), 'win.img is an image of Windows in the WIM format'],
    ['a.img', disk(0, 'TD\0\0'), 'a.img is a floppy disk in the TeleDisk format'],
    ['state.img', disk(0, 'QEVM'), "state.img is a saved state of QEMU's"],
    ['book.iso', disk(0, '%PDF-1.4'), 'book.iso is a PDF document'],
  ])('%s is not started unless somebody says so', async (name, bytes, said) => {
    const [text, ...others] = await errors([name, bytes]);
    expect(text).toContain(said);
    expect(text).toContain('to have its first sector started all the same.');
    expect(others).toEqual([]);
  });

  it('is started where it may be a program, and where somebody says so', async () => {
    const program = disk(0, [0xfa, 0x31, 0xc0, 0xeb, 0xfe]);
    expect(await errors(['hobby.img', program])).toEqual([]);
    const definition = 'name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "garbage.img,raw,hda,w" ]\n';
    expect(await errors(['a.cfg', definition], ['garbage.img', noise(100_352)])).toHaveLength(1);
    expect(
      await errors(
        ['a.cfg', `${definition}device_model_args = [ "-no-fd-bootchk" ]\n`],
        ['garbage.img', noise(100_352)],
      ),
    ).toEqual([]);
  });
});

it('a file that the definition does not name is said to be of no use to it', async () => {
  const files = [
    {
      name: 'web.xml',
      data: new Blob([
        "<domain type='xen'><name>web</name><memory unit='MiB'>8</memory><os><type>hvm</type><kernel>demo.elf</kernel></os></domain>",
      ]),
    },
    { name: 'demo.elf', data: new Blob([readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url))]) },
    { name: 'b.img', data: new Blob([disk(510, [0x55, 0xaa])]) },
    { name: 'start.sh', data: new Blob([QEMU]) },
  ];
  const { plan } = judgeFiles({ given: await readFiles(files, () => true), firmware }, facts);
  expect(plan.errors).toEqual([]);
  expect(plan.findings.filter(({ file }) => file !== 'web.xml')).toMatchObject([
    {
      file: 'b.img',
      verdict: 'ignored',
      short: 'not used by web.xml',
      text: 'web.xml does not name b.img: the guest does not have it. Name it there, or take b.img alone to boot it.',
    },
    { file: 'start.sh', verdict: 'ignored', text: expect.stringContaining("start.sh is QEMU's command line.") },
  ]);
});
