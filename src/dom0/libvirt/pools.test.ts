/** Documents of pools: a folder's is kept as it is, the disk's partitions can be had, and all other types are refused by name. */
import { expect, it } from 'vitest';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import {
  buildPool,
  createVolume,
  definePool,
  deletePool,
  deleteVolume,
  poolByName,
  poolInfo,
  poolXml,
  resizeVolume,
  startPool,
  volumesOf,
  volumeXml,
} from './index.ts';

const define = async (xml: string): Promise<string> => {
  const host = testHost({ files: await testFiles() });
  return definePool(host, xml).then(
    entry => poolXml(host, entry),
    (error: Error) => error.message,
  );
};
const SOURCE =
  "<source><host name='h'/><dir path='/x'/><device path='/dev/sda'/><name>vg</name></source><target><path>/srv/p</path></target>";

it.each([
  'fs',
  'netfs',
  'logical',
  'iscsi',
  'iscsi-direct',
  'scsi',
  'mpath',
  'rbd',
  'sheepdog',
  'gluster',
  'zfs',
  'vstorage',
])('a pool of type %s is refused by its name', async type => {
  expect(await define(`<pool type='${type}'><name>p</name>${SOURCE}</pool>`)).toMatch(
    new RegExp(`^unsupported configuration: a pool of type '${type}' has no place here`),
  );
});

it('a pool of no type, or without what it has to have, is told in libvirt’s words', async () => {
  for (const [document, why] of [
    ["<pool type='fancy'/>", "XML error: Invalid value for attribute 'type' in element 'pool': 'fancy'."],
    ["<pool type='dir'><target><path>/x</path></target></pool>", 'XML error: missing pool source name element'],
    ["<pool type='dir'><name>q</name></pool>", 'XML error: missing storage pool target path'],
    [
      "<pool type='dir'><name>a/b</name><target><path>/x</path></target></pool>",
      "XML error: name a/b cannot contain '/'",
    ],
  ] as const)
    expect(await define(document)).toBe(why);
});

it('a folder’s has its permissions as they were written', async () => {
  const permissions = `    <permissions>
      <mode>0711</mode>
      <owner>0</owner>
      <group>0</group>
    </permissions>`;
  expect(
    await define(`<pool type='dir'><name>p</name><target><path>/srv/p</path>${permissions}</target></pool>`),
  ).toContain(`    <path>/srv/p</path>\n${permissions}\n  </target>`);
});

const DISK_BYTES = 512 * 2 ** 20;

it('a disk’s has its partitions, which a definition can name, and are neither made nor removed', async () => {
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: below => below >>> 1,
    diskBytes: DISK_BYTES,
  });
  const host = testHost({ files: await testFiles(), storage: async () => storage });
  const document = (device: string, target = '/dev'): string =>
    `<pool type='disk'><name>parts</name><source>${device}</source><target><path>${target}</path></target></pool>`;
  const refused = (xml: string): Promise<string> =>
    definePool(host, xml).then(
      () => '',
      (error: Error) => error.message,
    );
  expect(await refused(document(''))).toBe('XML error: missing storage pool source device name');
  expect(await refused(document("<device path='/dev/sda'/><format type='gpt'/>"))).toContain('unsupported');
  expect(await refused(document("<device path='/dev/sda'/>", '/mnt'))).toContain('unsupported configuration');
  const entry = await definePool(host, document("<device path='/dev/sda'/>"));
  expect(await poolXml(host, entry)).toContain(
    "  <source>\n    <device path='/dev/sda'/>\n    <format type='dos'/>\n  </source>\n",
  );
  await expect(buildPool(host, entry)).rejects.toThrow('existing partition table');
  await expect(deletePool(host, entry)).rejects.toThrow('does not support pool deletion');
  await startPool(host, entry);
  const pool = await poolByName(host, 'parts');
  const volumes = await volumesOf(host, pool.of);
  expect(volumes.map(({ path }) => path)).toEqual(['/dev/sda1', '/dev/sda2', '/dev/sda3', '/dev/sda4']);
  expect(volumes.map(({ path, capacityBytes }) => storage.medium(path).bytes - capacityBytes)).toEqual([0, 0, 0, 0]);
  const { capacityBytes, allocationBytes, availableBytes } = await poolInfo(host, pool);
  expect([capacityBytes, allocationBytes + availableBytes]).toEqual([storage.medium('/dev/sda').bytes, capacityBytes]);
  const [, , third] = volumes;
  expect(await volumeXml(host, third!)).toMatch(/<volume type='block'>[^]*<format type='raw'\/>/);
  await expect(
    createVolume(host, pool.of, "<volume><name>sda5</name><capacity unit='MiB'>1</capacity></volume>"),
  ).rejects.toThrow('internal error: no large enough free extent');
  await expect(deleteVolume(host, third!)).rejects.toThrow('/dev/sda3 stays');
  await expect(resizeVolume(host, third!, 1)).rejects.toThrow('does not support changing of volume capacity');
});

it('a disk’s that is not there does not start', async () => {
  const host = testHost({ files: await testFiles() });
  const entry = await definePool(
    host,
    "<pool type='disk'><name>p</name><source><device path='/dev/sdz'/></source><target><path>/dev</path></target></pool>",
  );
  await expect(startPool(host, entry)).rejects.toThrow("invalid argument: device path '/dev/sdz' doesn't exist");
});
