/** A host of KVM has no libxl: no function, no class of errors and no sentence of its driver's reaches a client there. */
import { expect, it } from 'vitest';
import { startKvm } from '../service/index.ts';
import { diskXml, guestXml, kvmHost } from '../shell/pci-hotplug.test-support.ts';
import type { CommandHost } from '../toolstack/command-host.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { attachDevice, detachDevice, updateDevice } from './devices.ts';
import { domainByName } from './domains.ts';
import { libvirtErrorOf } from './errors.ts';
import { jobOf } from './jobs.ts';
import * as life from './life.ts';
import { errorDomainOf } from './hypervisors/index.ts';
import { pinVcpu, setMemory, setVcpus, vcpuCount } from './resources.ts';
import { setShares, sharesOf } from './schedule.ts';

const NONE = 1 << 30;
/** Functions with a flag that none has. */
const CALLS: Readonly<Record<string, (host: CommandHost, domain: Domain) => unknown>> = {
  DomainDefineXMLFlags: host => life.defineDomain(host, guestXml(''), NONE),
  DomainCreateXML: host => life.createDomain(host, guestXml(''), NONE),
  DomainCreateWithFlags: (host, domain) => life.startDomain(host, domain, NONE),
  DomainDestroyFlags: (host, domain) => life.destroyDomain(host, domain, NONE),
  DomainShutdownFlags: (host, domain) => life.shutDownDomain(host, domain, NONE),
  DomainReboot: (host, domain) => life.rebootDomain(host, domain, NONE),
  DomainUndefineFlags: (host, domain) => life.undefineDomain(host, domain, NONE),
  DomainSaveFlags: (host, domain) => life.saveDomain(host, domain, '/root/s', NONE),
  DomainRestoreFlags: host => life.restoreDomain(host, '/root/s', NONE),
  DomainCoreDump: (host, domain) => life.dumpCore(host, domain, '/root/c', NONE),
  DomainManagedSave: (host, domain) => life.managedSave(host, domain, NONE),
  DomainSetMemoryFlags: (host, domain) => setMemory(host, domain, 8192, NONE),
  DomainSetVcpusFlags: (host, domain) => setVcpus(host, domain, 1, NONE),
  DomainGetVcpusFlags: (host, domain) => vcpuCount(host, domain, NONE),
  DomainPinVcpuFlags: (host, domain) => pinVcpu(host, domain, 0, 1, NONE),
  DomainGetJobStats: (host, domain) => jobOf(host, domain, NONE),
  DomainAttachDeviceFlags: (host, domain) => attachDevice(host, domain, '<disk/>', NONE),
  DomainDetachDeviceFlags: (host, domain) => detachDevice(host, domain, '<disk/>', NONE),
  DomainUpdateDeviceFlags: (host, domain) => updateDevice(host, domain, '<disk/>', NONE),
  DomainGetSchedulerParametersFlags: (host, domain) => sharesOf(host, domain, NONE),
  DomainSetSchedulerParametersFlags: (host, domain) => setShares(host, domain, {}, NONE),
};
const WIRE = { qemu: 10, libxl: 41 };

it.each(['qemu', 'libxl'] as const)('flags that there are not are refused by functions of %s', async driver => {
  const host = { pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 };
  const { host: here } = await kvmHost(driver === 'qemu' ? { hypervisor: startKvm(host, '') } : {});
  await life.defineDomain(here, guestXml('').replace("'kvm'", driver === 'qemu' ? "'kvm'" : "'xen'"));
  const domain = await domainByName(here, 'k');
  const said: unknown[] = [],
    right: unknown[] = [];
  for (const [name, call] of Object.entries(CALLS)) {
    const error = await (async () => call(here, domain))().then(
      () => new Error('not refused'),
      (thrown: unknown) => thrown,
    );
    said.push([(error as Error).message, errorDomainOf(here, libvirtErrorOf(error))]);
    right.push([`unsupported flags (0x40000000) in function ${driver}${name}`, WIRE[driver]]);
  }
  expect(said).toEqual(right);
});

it('a start or a restore that fails says nothing of libxl', async () => {
  const { files, virsh } = await kvmHost({
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, ''),
  });
  const noKernel = guestXml('').replace('/boot/demo.elf', '/boot/none');
  await files.writeFile('/root/disk.xml', guestXml(diskXml('vda', '/root/none.img')));
  await files.writeFile('/root/kernel.xml', noKernel);
  await files.writeFile('/root/short', 'Xen save');
  await files.writeFile('/root/noise', new Uint8Array(4096).fill(1));
  const said: string[] = [];
  for (const file of ['disk', 'kernel']) {
    said.push(await virsh(`create /root/${file}.xml`), await virsh(`define /root/${file}.xml`));
    said.push(await virsh('start k'), await virsh('undefine k'));
  }
  said.push(await virsh('restore /root/short'), await virsh('restore /root/noise'));
  expect(said.filter(text => text.startsWith('1: ')).length).toBe(6);
  expect(said.filter(text => /libxl|\bxl\b/.test(text))).toEqual([]);
});
