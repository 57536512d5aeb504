/** Documents of pools: a folder's is kept as it is, and all other types are refused by name. */
import { expect, it } from 'vitest';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import { definePool, poolXml } from './index.ts';

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
  'disk',
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
