/** What a running guest of KVM's document has that its definition has not: as libvirt's own schema has it, and as its clients give it back. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import { cardXml, diskXml, guestXml, kvmHost } from '../shell/pci-hotplug.test-support.ts';
import { startKvm } from '../service/index.ts';

/** A script that runs xmllint, of another package. */
const VALIDATE = program('xmllint') && program('virt-xml-validate');

async function running() {
  const here = await kvmHost({ hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, '') });
  const { files, virsh } = here;
  await files.writeFile('/root/a.img', new Uint8Array(65536));
  const devices = [
    diskXml('vda', '/root/a.img'),
    "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>",
    cardXml(),
    "<serial type='pty'/><console type='pty'/>",
    "<channel type='unix'><target type='virtio' name='org.x.0'/></channel>",
    "<graphics type='vnc'/><video><model type='vga'/></video><memballoon model='virtio'/>",
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
  ].join('');
  await files.writeFile('/root/k.xml', guestXml(devices));
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain('started');
  return here;
}

it('has aliases, addresses, what the PC is built of, and what the host does', async () => {
  const { virsh } = await running();
  const text = await virsh('dumpxml k');
  for (const part of [
    '<partition>/machine</partition>',
    "<type machine='pc-i440fx-7.2'>hvm</type>",
    `<source file='/root/a.img' index='2'/>
      <backingStore/>
      <target dev='vda' bus='virtio'/>
      <alias name='virtio-disk0'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>`,
    "<alias name='ide0-1-0'/>\n      <address type='drive' controller='0' bus='1' target='0' unit='0'/>",
    "<controller type='pci' index='0' model='pci-root'>\n      <alias name='pci.0'/>",
    "<alias name='virtio-serial0'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x0d' function='0x0'/>",
    "<target dev='vnet0'/>",
    "<alias name='net0'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>",
    "<alias name='channel0'/>\n      <address type='virtio-serial' controller='0' bus='0' port='1'/>",
    "<input type='keyboard' bus='ps2'>\n      <alias name='input1'/>",
    "<audio id='1' type='none'/>",
    "<model type='vga' vram='16384' heads='1' primary='yes'/>\n      <alias name='video0'/>",
    "<alias name='balloon0'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x0e' function='0x0'/>",
    "<seclabel type='dynamic' model='dac' relabel='yes'>",
  ])
    expect(text).toContain(part);
  expect(await virsh('domiflist k')).toContain(' vnet0       bridge   xenbr0   virtio   52:54:00:12:34:56\n');
  expect(await virsh('domifstat k vnet0')).toMatch(/^vnet0 rx_bytes \d+\nvnet0 rx_packets \d+\n/);
  expect(await virsh('domstats k')).toContain('net.0.name=vnet0');
  // The definition has none of that, also where it is written again from what runs.
  await virsh('desc k --config word');
  expect(await virsh('dumpxml k --inactive')).not.toMatch(/alias|seclabel|partition|vnet/);
  const argv = await virsh('domxml-to-native qemu-argv --domain k');
  for (const [, name] of text.matchAll(/<alias name='((?:virtio|ide0-|net|channel|balloon|rng|serial|video)[^']*)'/g))
    expect(argv).toContain(`"id":"${name}"`);
});

it.skipIf(!VALIDATE)(
  'is valid by libvirt’s schema, and defines the same guest [needs libvirt-clients and libxml2-utils]',
  async () => {
    const { files, virsh } = await running();
    const text = await virsh('dumpxml k');
    const folder = mkdtempSync(join(tmpdir(), 'ringside-schema-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'k.xml');
    for (const document of [text, await virsh('dumpxml k --inactive')]) {
      writeFileSync(path, document);
      expect(() => execFileSync(VALIDATE!, [path, 'domain'], { stdio: 'pipe' })).not.toThrow();
    }
    const argv = await virsh('domxml-to-native qemu-argv --domain k');
    await virsh('destroy k');
    await files.writeFile('/root/again.xml', text);
    expect(await virsh('define /root/again.xml')).toContain('defined');
    expect(await virsh('domxml-to-native qemu-argv --domain k')).toBe(argv);
    expect(await virsh('start k')).toContain('started');
  },
);
