/** Volumes and disks that are files of this machine: how much of it they take, what is in them, and how long they are while a guest has them. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createQcow2 } from '../../formats/qcow2/index.ts';
import { MemoryFile } from '../../formats/qcow2/growing-file.test-support.ts';
import { startKvm } from '../../dom0/service/index.ts';
import {
  blockInfo,
  blockPeek,
  blockResize,
  cloneVolume,
  createDomain,
  createPool,
  createVolume,
  domainByName,
  deleteVolume,
  destroyDomain,
  poolByName,
  refreshPool,
  resizeVolume,
  volumeByName,
  volumeInfo,
  volumeXml,
} from '../../dom0/libvirt/index.ts';
import { daemon } from './virsh.test-support.ts';

const MIB = 2 ** 20;

async function make() {
  const allow = join(mkdtempSync(join(tmpdir(), 'ringside-volumes-')), 'images');
  onTestFinished(() => rmSync(join(allow, '..'), { recursive: true }));
  mkdirSync(allow);
  const { host } = await daemon({
    allow,
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 32, vt: true, diskBytes: 0 }, ''),
  });
  const { of: pool } = await createPool(
    host,
    `<pool type='dir'><name>p</name><target><path>${allow}</path></target></pool>`,
  );
  const volume = (name: string, more: string, bytes = MIB): string =>
    `<volume><name>${name}</name><capacity>${bytes}</capacity>${more}</volume>`;
  return { host, allow, pool, volume };
}

const disk = (path: string, format: string, dev = 'vda'): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${path}'/><target dev='${dev}' bus='virtio'/></disk>`;
const guest = (disks: string): string =>
  `<domain type='kvm'><name>a</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${disks}</devices></domain>`;

it('a raw volume has the room that is asked for, and all of it where nothing is', async () => {
  const { host, allow, pool, volume } = await make();
  for (const [name, more, least, most] of [
    ['whole', '', MIB, MIB],
    ['empty', '<allocation/>', MIB, MIB],
    ['half', `<allocation>${MIB / 2}</allocation>`, MIB / 2, MIB / 2],
    ['sparse', '<allocation>0</allocation>', 0, 0],
  ] as const) {
    const made = await createVolume(host, pool, volume(name, more));
    const { size, blocks } = statSync(join(allow, name));
    expect([name, size]).toEqual([name, MIB]);
    expect(blocks * 512).toBeGreaterThanOrEqual(least);
    // A file system has some blocks of its own.
    expect(blocks * 512).toBeLessThan(most + MIB / 4);
    expect(volumeInfo(made).allocationBytes).toBe(blocks * 512);
  }
});

it('a qcow2 volume is of the version that <compat> says', async () => {
  const { host, allow, pool, volume } = await make();
  await createVolume(host, pool, volume('base', '<allocation>0</allocation>'));
  const target = (compat: string): string =>
    `<target><format type='qcow2'/>${compat}</target><backingStore><path>${allow}/base</path></backingStore>`;
  for (const [name, compat, version, headerBytes] of [
    ['old', '<compat>0.10</compat>', 2, 72],
    ['new', '<compat>1.1</compat>', 3, 112],
    ['any', '', 3, 112],
  ] as const) {
    const made = await createVolume(host, pool, volume(name, target(compat)));
    const view = new DataView(readFileSync(join(allow, name)).buffer);
    expect([name, view.getUint32(4)]).toEqual([name, version]);
    // The first extension, with the backing file's format, and that file's name behind the extensions.
    expect([view.getUint32(headerBytes), view.getUint32(headerBytes + 4)]).toEqual([0xe2792aca, 3]);
    expect(Number(view.getBigUint64(8))).toBeGreaterThan(headerBytes);
    expect(await volumeXml(host, made)).toContain(version === 2 ? '<compat>0.10</compat>' : '<compat>1.1</compat>');
  }
  await expect(createVolume(host, pool, volume('bad', target('<compat>new</compat>')))).rejects.toThrow(
    "forbidden characters in 'compat' attribute",
  );
  // qemu-img check of an image of either version is QEMU's (qcow2.test.ts); a guest finds a disk in each.
  await createDomain(host, guest(disk(join(allow, 'old'), 'qcow2')), 1);
  expect((await blockInfo(host, await domainByName(host, 'a'), 'vda')).capacityBytes).toBe(MIB);
});

it('leaves nothing of a volume that cannot be', async () => {
  const { host, pool, volume } = await make();
  await expect(createVolume(host, pool, volume('huge', '', 2 ** 52))).rejects.toThrow();
  await refreshPool(host, await poolByName(host, 'p'));
  await expect(volumeByName(host, pool, 'huge')).rejects.toThrow("no storage vol with matching name 'huge'");
});

it.each(['vmdk', 'vpc'])('an image of %s is made, copied and copied back', async format => {
  const { host, allow, pool } = await make();
  const bytes = 102_408 * 512;
  const xml = (name: string, type: string): string =>
    `<volume><name>${name}</name><capacity>${bytes}</capacity><allocation>0</allocation><target><format type='${type}'/></target></volume>`;
  const raw = await createVolume(host, pool, xml('raw', 'raw'));
  const content = new Uint8Array(bytes);
  for (const at of [0, 70_000, 5 * MIB, bytes - 1]) content[at] = at + 7;
  writeFileSync(join(allow, 'raw'), content);
  const made = await createVolume(host, pool, xml('empty', format));
  expect([made.capacityBytes, statSync(join(allow, 'empty')).size < MIB]).toEqual([bytes, true]);
  expect(await volumeXml(host, made)).toContain(`<format type='${format}'/>`);
  const copy = await cloneVolume(host, pool, xml('copy', format), raw);
  expect(copy.capacityBytes).toBe(bytes);
  await cloneVolume(host, pool, xml('back', 'raw'), copy);
  expect(Buffer.compare(readFileSync(join(allow, 'back')), content)).toBe(0);
  await expect(resizeVolume(host, made, 2 * bytes)).rejects.toThrow('driver does not support resize');
  const over = `<backingStore><path>${join(allow, 'raw')}</path><format type='raw'/></backingStore></volume>`;
  await expect(createVolume(host, pool, xml('over', format).replace('</volume>', over))).rejects.toThrow(
    `an image of ${format} lies on no other here`,
  );
});

it('a file that has come to a pool by itself is a volume once that was refreshed', async () => {
  const { host, allow, pool } = await make();
  writeFileSync(join(allow, 'late'), new Uint8Array(512));
  await expect(volumeByName(host, pool, 'late')).rejects.toThrow("no storage vol with matching name 'late'");
  await refreshPool(host, await poolByName(host, 'p'));
  expect((await volumeByName(host, pool, 'late')).capacityBytes).toBe(512);
});

it('a raw disk is what its file is, whatever is in that', async () => {
  const { host, allow } = await make();
  const image = new MemoryFile();
  createQcow2(image, { bytes: 64 * MIB, backing: { path: '/etc/passwd', format: 'raw' } });
  const bytes = new Uint8Array(image.bytes);
  image.read(0, bytes);
  for (const name of ['one', 'two']) writeFileSync(join(allow, name), bytes);
  await createDomain(host, guest(disk(join(allow, 'one'), 'raw') + disk(join(allow, 'two'), 'raw', 'vdb')), 1);
  const domain = await domainByName(host, 'a');
  expect(await blockInfo(host, domain, 'vda')).toMatchObject({
    capacityBytes: bytes.length,
    physicalBytes: bytes.length,
  });
  expect(await blockPeek(host, domain, 'vdb', { at: 0, bytes: 4 })).toEqual(Uint8Array.of(0x51, 0x46, 0x49, 0xfb));
});

it('the disk of a guest becomes longer and shorter while it runs, and is looked at', async () => {
  const { host, allow, pool, volume } = await make();
  await createVolume(host, pool, volume('raw', ''));
  await createVolume(host, pool, volume('cow', "<target><format type='qcow2'/></target>"));
  const [raw, cow] = ['raw', 'cow'].map(name => join(allow, name));
  await createDomain(host, guest(disk(raw!, 'raw') + disk(cow!, 'qcow2', 'vdb')), 1);
  const domain = await domainByName(host, 'a');
  const capacity = async (name: string): Promise<number> => (await blockInfo(host, domain, name)).capacityBytes;
  await blockResize(host, domain, 'vda', 512);
  expect([statSync(raw!).size, await capacity('vda')]).toEqual([MIB / 2, MIB / 2]);
  await blockResize(host, domain, raw!, 2 * MIB, 1);
  expect(await blockInfo(host, domain, 'vda')).toMatchObject({ capacityBytes: 2 * MIB, physicalBytes: 2 * MIB });
  await blockResize(host, domain, 'vdb', 3 * MIB, 1);
  expect(await capacity('vdb')).toBe(3 * MIB);
  const [member] = host.toolstack.members.values();
  expect(member!.attachments.media.map(({ disk: each }) => each!.bytes)).toEqual([2 * MIB, 3 * MIB]);
  writeFileSync(raw!, 'test\n', { flag: 'r+' });
  expect(new TextDecoder().decode(await blockPeek(host, domain, raw!, { at: 0, bytes: 4 }))).toBe('test');
  await expect(blockPeek(host, domain, cow!, { at: 0, bytes: 3 })).rejects.toThrow(
    "peeking is only supported for disk with 'raw' format not 'qcow2'",
  );
  await expect(blockPeek(host, domain, 'vda', { at: 2 * MIB, bytes: 1 })).rejects.toThrow('has only 0 bytes available');
  await expect(blockResize(host, domain, 'vdz', 1)).rejects.toThrow('invalid path: vdz');
  // A volume goes though a guest has it, and the guest goes on with the file.
  await deleteVolume(host, await volumeByName(host, pool, 'raw'));
  expect(existsSync(raw!)).toBe(false);
  await blockResize(host, domain, 'vda', MIB, 1);
  await destroyDomain(host, domain);
});
