/** Documents in saved states: what libvirt's driver of QEMU reads and changes there, and what it refuses. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startKvm } from '../service/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import {
  CREATE,
  createDomain,
  defineDomain,
  defineManagedSave,
  defineSaveImage,
  destroyDomain,
  domainByName,
  managedSave,
  managedSaveXml,
  restoreDomain,
  SAVE,
  saveDomain,
  saveImageXml,
  startDomain,
  stateOf,
  XML_SECURE,
} from './index.ts';

const UUID = 'd7a5c1de-0c4f-4c6b-8a55-0123456789ab';
const DISK =
  "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk><graphics type='vnc' passwd='secret'/>";
const document = (more = '<on_crash>destroy</on_crash>', devices = DISK): string =>
  `<domain type='kvm'><name>a</name><uuid>${UUID}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os>${more}<devices>${devices}</devices></domain>`;
const STATE = '/root/a.state';
const RUNNING = 1,
  PAUSED = 3;

async function make(isXen = false) {
  const files = await testFiles();
  const kernel = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
  await files.writeFile('/boot/demo.elf', kernel);
  const hypervisor = startKvm({ pcpus: 1, memoryMiB: 32, vt: true, diskBytes: 0 }, '');
  return { host: testHost({ files, ...(isXen ? {} : { hypervisor }) }), files };
}

it('are changed in the file, and the guest goes on with that', async () => {
  const { host, files } = await make();
  await createDomain(host, document(), CREATE.PAUSED);
  await saveDomain(host, await domainByName(host, 'a'), STATE);
  const before = await saveImageXml(host, STATE);
  expect(before).toContain('<on_crash>destroy</on_crash>');
  expect(before).toContain(`<uuid>${UUID}</uuid>`);
  expect(before).not.toContain('secret');
  const whole = await saveImageXml(host, STATE, XML_SECURE);
  expect(whole).toContain("passwd='secret'");
  await defineSaveImage(
    host,
    STATE,
    whole.replace('on_crash>destroy<', 'on_crash>restart<').replace('<os>', '<title>t</title><os>'),
  );
  expect(await saveImageXml(host, STATE)).toContain('<on_crash>restart</on_crash>');
  await restoreDomain(host, STATE);
  const domain = await domainByName(host, 'a');
  expect(domain.definition.onCrash).toBe('restart');
  expect(stateOf(domain).state).toBe(PAUSED);
  await destroyDomain(host, domain);

  await defineSaveImage(host, STATE, whole, SAVE.RUNNING);
  await restoreDomain(host, STATE);
  expect(stateOf(await domainByName(host, 'a')).state).toBe(RUNNING);
  await destroyDomain(host, await domainByName(host, 'a'));
  // The guest would be another one.
  const bytes = await files.readFileBuffer(STATE);
  for (const [xml, why] of [
    [document().replace(UUID, UUID.replace('d7', 'd8')), 'Target domain uuid'],
    [document().replace('>a<', '>b<'), "Target domain name 'b' does not match source 'a'"],
    [document().replace("'MiB'>8<", "'MiB'>16<"), 'Target domain max memory 16384 does not match source 8192'],
    [document().replace('<vcpu>1<', '<vcpu>2<'), 'Target domain vCPU count 2 does not match source 1'],
    [document('', ''), 'Target domain disk count 0 does not match source 1'],
    ['<domain', "Couldn't find end of Start Tag domain"],
  ] as const)
    await expect(defineSaveImage(host, STATE, xml)).rejects.toThrow(why);
  expect(await files.readFileBuffer(STATE)).toEqual(bytes);
});

it('are given as it is saved, and as it is restored', async () => {
  const { host } = await make();
  const domain = await createDomain(host, document(), CREATE.PAUSED);
  const title = (text: string): string => document(`<title>${text}</title>`);
  await expect(saveDomain(host, domain, STATE, 0, { xml: title('x').replace('>a<', '>b<') })).rejects.toThrow('name');
  expect((await domainByName(host, 'a')).id).toBe(domain.id);
  await saveDomain(host, domain, STATE, 0, { xml: title('saved') });
  expect(await saveImageXml(host, STATE)).toContain('<title>saved</title>');
  await restoreDomain(host, STATE, 0, { xml: title('restored') });
  expect((await domainByName(host, 'a')).id).not.toBe(domain.id);
  await saveDomain(host, await domainByName(host, 'a'), STATE);
  expect(await saveImageXml(host, STATE)).toContain('<title>restored</title>');
});

it('are those of a managed save, too', async () => {
  const { host } = await make();
  await defineDomain(host, document());
  const domain = () => domainByName(host, 'a');
  await expect(managedSaveXml(host, await domain())).rejects.toThrow('domain does not have managed save image');
  await startDomain(host, await domain(), CREATE.PAUSED);
  await managedSave(host, await domain());
  await defineManagedSave(host, await domain(), document('<on_crash>restart</on_crash>'), SAVE.RUNNING);
  expect(await managedSaveXml(host, await domain())).toContain('<on_crash>restart</on_crash>');
  await startDomain(host, await domain());
  expect(stateOf(await domain()).state).toBe(RUNNING);
});

it('are in no other file, and not the business of libxl’s driver', async () => {
  const { host, files } = await make();
  await files.writeFile('/root/none', new Uint8Array(4096));
  await expect(saveImageXml(host, '/root/none')).rejects.toThrow('operation failed: image magic is incorrect');
  await expect(saveImageXml(host, '/root/nothing')).rejects.toThrow(
    "Failed to open file '/root/nothing': No such file or directory",
  );
  const xen = await make(true);
  await expect((async () => saveImageXml(xen.host, STATE))()).rejects.toThrow(
    'this function is not supported by the connection driver: virDomainSaveImageGetXMLDesc',
  );
});
