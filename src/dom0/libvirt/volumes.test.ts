/** Volumes that are sent and copied, and who has one. */
import { describe, expect, it } from 'vitest';
import { testHost, testFiles } from '../service/host.test-support.ts';

const disc = new Blob([new Uint8Array(3 * 2 ** 20).map((_, i) => i >> 12)]);

describe('a volume of a pool', () => {
  it('is what was sent, is copied and resized, and says who would miss it', async () => {
    const host = testHost({ files: await testFiles() });
    await host.manage('uploadVolume', 'images', 'debian.iso', disc);
    const path = '/var/lib/xen/images/debian.iso';
    const bytes = async (of: Blob): Promise<Buffer> => Buffer.from(await of.arrayBuffer());
    expect((await bytes(await host.files.readFile(path))).equals(await bytes(disc))).toBe(true);
    await host.new('pc.cfg', `name = "pc"\ntype = "hvm"\nmemory = 8\nvcpus = 1\ndisk = [ "${path},raw,hdc,cdrom" ]\n`);
    await host.manage('copyVolume', 'images', 'debian.iso', 'twin.iso');
    await host.manage('resizeVolume', 'images', 'twin.iso', 4 * 2 ** 20);
    const images = async () => (await host.consult('pools')).find(({ name }) => name === 'images')!;
    expect((await images()).volumes).toEqual([
      { name: 'debian.iso', path, bytes: 3 * 2 ** 20, users: [{ name: 'pc', runs: false }] },
      { name: 'twin.iso', path: '/var/lib/xen/images/twin.iso', bytes: 4 * 2 ** 20, users: [] },
    ]);
    await host.manage('deleteVolume', 'images', 'twin.iso');
    expect((await images()).volumes.map(({ name }) => name)).toEqual(['debian.iso']);
  });

  it('is refused by name, and what could not be sent whole is not there', async () => {
    const host = testHost({ files: await testFiles() });
    await host.manage('uploadVolume', 'images', 'a.img', new Blob(['abc']));
    await expect(host.manage('uploadVolume', 'images', 'a.img', disc)).rejects.toThrow("'a.img' exists already");
    await expect(host.manage('uploadVolume', 'images', '../a', disc)).rejects.toThrow("cannot contain '/'");
    await expect(host.manage('resizeVolume', 'images', 'a.img', 1)).rejects.toThrow("Can't shrink capacity");
    const broken = new Blob(['abcdef']);
    broken.slice = () => {
      throw new Error('The file has changed.');
    };
    await expect(host.manage('uploadVolume', 'images', 'b.img', broken)).rejects.toThrow('The file has changed.');
    expect((await host.consult('pools'))[0]!.volumes.map(({ name }) => name)).toEqual(['a.img']);
  });
});
