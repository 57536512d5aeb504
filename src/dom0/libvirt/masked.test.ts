/** A page shows stars in a password's place: in forms, in documents and in what a change would be, and the password stays as it is. */
import { expect, it } from 'vitest';
import { guestXml, kvmHost } from '../shell/pci-hotplug.test-support.ts';
import { startKvm } from '../service/index.ts';
import { domainByName, hardwareOf, changeHardware, proposeChange, shownXml, XML_SECURE } from './index.ts';
import { qemuCommandLine } from '../toolstack/qemu/command-line.ts';

it('hides the password, and keeps it through changes of the document and of the device', async () => {
  const here = await kvmHost({ hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, '') });
  const { files, virsh, host } = here;
  await files.writeFile('/root/k.xml', guestXml("<graphics type='vnc' passwd='s3cret'/><video/>"));
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain('started');
  const domain = () => domainByName(host, 'k');
  const hardware = await hardwareOf(host, await domain());
  expect(JSON.stringify(hardware)).not.toContain('s3cret');
  expect(hardware.xml.next).toContain(" passwd='*****'");
  const device = { of: 'device', how: 'update', xml: "<graphics type='vnc' passwd='*****' keymap='de'/>" } as const,
    document = { of: 'document', text: hardware.xml.next!.replace('</name>', '</name><title>T</title>') } as const;
  for (const change of [device, document]) {
    const proposal = await proposeChange(host, await domain(), change, 'next');
    expect(proposal.problem).toBeUndefined();
    expect(JSON.stringify(proposal)).not.toContain('s3cret');
    await changeHardware(host, await domain(), change, 'next');
    expect((await domain()).managed!.definition.vncPassword).toBe('s3cret');
    expect(await shownXml(host, await domain(), XML_SECURE | 2)).toContain(" passwd='s3cret'");
  }
  // libvirt sets it by the monitor, where `ps` does not see it.
  const { line } = qemuCommandLine((await domain()).definition, 1);
  expect(line).toContain('127.0.0.1:0,password=on,audiodev=audio1');
  expect(await virsh('dumpxml k --security-info')).toContain(" passwd='s3cret'");
  expect(await virsh('dumpxml k')).not.toContain('s3cret');
  expect(await virsh('domxml-to-native qemu-argv --domain k')).toContain(',password=on,');
});
