/** A card is where its definition says, or its domain does not start. */
import { expect, it } from 'vitest';
import { cardXml, guestXml, kvmHost } from '../shell/pci-hotplug.test-support.ts';
import { startKvm } from '../service/index.ts';

it('refuses networks and bridges that the host does not have, but for those that libvirt ships', async () => {
  const { files, virsh } = await kvmHost({
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, ''),
  });
  const starts = async (source: string): Promise<string> => {
    await files.writeFile('/root/k.xml', guestXml(cardXml(source)));
    const said = await virsh('create /root/k.xml');
    if (said.includes('created')) await virsh('destroy k');
    return said;
  };
  expect(await starts("type='network'><source network='nope'/")).toContain(
    "Network not found: no network with matching name 'nope'",
  );
  expect(await starts("type='bridge'><source bridge='br77'/")).toContain("Cannot get interface MTU on 'br77'");
  for (const good of [
    "type='network'><source network='default'/",
    "type='bridge'><source bridge='virbr0'/",
    "type='bridge'><source bridge='xenbr0'/",
  ])
    expect(await starts(good)).toContain('created');
  await files.writeFile(
    '/root/n.xml',
    "<network><name>n</name><bridge name='virbr7'/><ip address='10.9.0.1' netmask='255.255.255.0'/></network>",
  );
  await virsh('net-define /root/n.xml');
  expect(await starts("type='network'><source network='n'/")).toContain("network 'n' is not active");
  await virsh('net-start n');
  for (const good of ["type='network'><source network='n'/", "type='bridge'><source bridge='virbr7'/"])
    expect(await starts(good)).toContain('created');
  // It may be defined in any case, and told when it is to start.
  await files.writeFile('/root/k.xml', guestXml(cardXml("type='network'><source network='nope'/")));
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain("no network with matching name 'nope'");
});
