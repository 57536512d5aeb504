/** Devices of which a guest has several come to its document and go by what names them. Words are those of qemuDomainChrInsert() and of qemu_driver.c. */
import { expect, it } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { attachDevice, CONFIG, defineDomain, detachDevice, domainByName } from './index.ts';

const channel = (name: string): string => `<channel type='unix'><target type='virtio' name='${name}'/></channel>`;
const folder = (tag: string): string =>
  `<filesystem type='mount'><driver type='path'/><source dir='/root'/><target dir='${tag}'/></filesystem>`;

it.each([
  ['channel', channel, 'Requested operation is not valid: chardev already exists'],
  ['9p', folder, 'Requested operation is not valid: Target already exists'],
])('are told apart: %s', async (kind, deviceOf, refused) => {
  const host = testHost({ files: await testFiles() });
  await defineDomain(
    host,
    `<domain type='kvm'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/k</kernel></os><devices>${deviceOf('one')}${deviceOf('Two')}</devices></domain>`,
  );
  const domain = () => domainByName(host, 'a');
  const those = async () =>
    (await domain()).definition.virtio?.flatMap(item =>
      item.startsWith(kind) ? [/(?:name|tag)=([^,]*)/.exec(item)![1]] : [],
    );
  await detachDevice(host, await domain(), deviceOf('Two'), CONFIG);
  expect(await those()).toEqual(['one']);
  await attachDevice(host, await domain(), deviceOf('two'), CONFIG);
  expect(await those()).toEqual(['one', 'two']);
  await expect(attachDevice(host, await domain(), deviceOf('two'), CONFIG)).rejects.toThrow(refused);
  await expect(detachDevice(host, await domain(), deviceOf('three'), CONFIG)).rejects.toThrow('not present');
});
