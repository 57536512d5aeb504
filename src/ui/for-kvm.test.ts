import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { planFiles } from '../dom0/definitions/plan-domain.ts';
import { definitionForKvm, filesForKvm } from './for-kvm.ts';

const LINUX = `# Debian 12's Linux
name = "debian"
type = "hvm"
memory = 128
kernel = "vmlinuz"
ramdisk = "initrd"
cmdline = "console=ttyS0 xen_emul_unplug=unnecessary mods=ata_piix,xen-blkfront,xen-netfront mount=sda:ide,xvde:pv dhcp=1"
serial = "pty"
disk = [ "ide.qcow2,qcow2,hda,w", "pv.qcow2,qcow2,xvde,w", "more.img,raw,xvdf,w" ]
vif = [ "model=pcnet", "type=vif" ]
`;

it('gives a guest of KVM devices of virtio in the place of Xen’s, and modules of Linux for them', () => {
  expect(definitionForKvm(LINUX)).toBe(`# Debian 12's Linux
name = "debian"
type = "hvm"
memory = 128
kernel = "vmlinuz"
ramdisk = "initrd"
cmdline = "console=ttyS0 mods=ata_piix,virtio_pci,virtio_blk,virtio_pci,virtio_net mount=sda:ide,vda:pv dhcp=1"
serial = "pty"
disk = [ "ide.qcow2,qcow2,hda,w", "pv.qcow2,qcow2,vda,w", "more.img,raw,vdb,w" ]
vif = [ "model=pcnet", "model=virtio" ]
kvm = 1
`);
});

it.each(['demo/demo', 'demo/demo64', 'pcos/pcos', 'minipv/minipv-hvm', 'minipv/minipv64-hvm'])(
  'makes %s a guest of KVM without an error',
  async path => {
    const at = (name: string): URL => new URL(`../../guests/${path.split('/')[0]}/${name}`, import.meta.url),
      text = readFileSync(at(`${path.split('/')[1]}.cfg`), 'utf8'),
      names = [.../"([\w-]+\.(?:elf|img))/g[Symbol.matchAll](text)].map(([, name]) => name!);
    const [given] = await filesForKvm([{ name: 'its.cfg', data: new Blob([text]) }]);
    const files = [
      { name: 'its.cfg', data: new Uint8Array(await given!.data.arrayBuffer()) },
      ...names.map(name => ({ name, data: new Uint8Array(readFileSync(at(name))) })),
    ];
    const { plan, domain } = planFiles(files as never, {
      bios: 'ringside',
      image: new Uint8Array(65536),
      name: 'bios.bin',
    });
    expect(plan.errors.map(({ text: why }) => why)).toEqual([]);
    expect(domain!.definition.kind).toBe('kvm');
  },
);
