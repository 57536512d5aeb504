import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { seeded } from './logging-store.test-support.ts';
import { cutOften, Expected } from './power-cuts.ts';
import { MemoryStore, type Store } from './store.ts';
import { Storage } from './storage.ts';
import type { BaseImage } from './overlay-volume.ts';

const MIB = 2 ** 20;
const imageOf = (content: Uint8Array, checksum = 7): BaseImage => ({
  device: new MemoryDisk(content, { readOnly: true }),
  checksum,
});
const open = (store: Store): Promise<Storage> =>
  Storage.open({ store, epochMs: () => 0, random: seeded(1), diskBytes: 96 * MIB });
const content = Uint8Array.from({ length: 64 * 512 }, (_, i) => i >> 9);

describe('an overlay', () => {
  it('holds what was written to an image, over a restart of the host, and takes no more room', async () => {
    const store = new MemoryStore();
    const storage = await open(store);
    storage.createOverlay('web', '/images/base', imageOf(content));
    const { medium, close } = storage.open('vg0/web', 'guest', true);
    expect(medium.bytes).toBe(content.length);
    medium.write(1000, new Uint8Array(600).fill(0xaa));
    const is = new Uint8Array(2048);
    medium.read(512, is);
    const expected = Uint8Array.of(
      ...content.subarray(512, 1000),
      ...new Uint8Array(600).fill(0xaa),
      ...content.subarray(1600, 2560),
    );
    expect(is).toEqual(expected);
    expect(storage.writtenBytes('vg0/web')).toBe(4096);
    expect(medium.place(1000).map(({ layer }) => layer)).toEqual([
      'overlay of /images/base',
      'volume vg0/web',
      'partition sda4',
      'disk sda',
      'file disk.data',
    ]);
    expect(medium.place(5000)).toMatchObject([
      { layer: 'overlay of /images/base' },
      { layer: 'file /images/base', at: 5000 },
    ]);
    close();
    storage.close();
    const again = await open(store);
    again.setImage('/images/base', imageOf(content));
    again.medium('/dev/vg0/web').read(512, is);
    expect(is).toEqual(expected);
    // A copy knows its image, and goes its own way.
    again.copyToVolume('vg0/web', 'copy');
    again.medium('vg0/web').write(512, new Uint8Array(512));
    again.medium('vg0/copy').read(512, is);
    expect(is).toEqual(expected);
    again.exchange([{ path: '/dev/vg0/web', by: 'copy' }]);
    again.medium('vg0/web').read(512, is);
    expect(is).toEqual(expected);
    again.medium('vg0/copy').read(512, is);
    expect(is.subarray(0, 512)).toEqual(new Uint8Array(512));
  });

  it('has what was written without a flush when it is opened again, and its image was read anew', async () => {
    const storage = await open(new MemoryStore());
    storage.createOverlay('web', '/images/base', imageOf(content));
    const { medium, close } = storage.open('vg0/web', 'domain web', true);
    medium.write(0, new Uint8Array(512).fill(0x77));
    close();
    storage.setImage('/images/base', imageOf(content));
    const is = new Uint8Array(512);
    storage.medium('vg0/web').read(0, is);
    expect(is).toEqual(new Uint8Array(512).fill(0x77));
  });

  it('is refused, with what to do, where its image is gone or another', async () => {
    const storage = await open(new MemoryStore());
    storage.createOverlay('web', '/images/base', imageOf(content));
    storage.setImage('/images/base', undefined);
    expect(() => storage.medium('vg0/web')).toThrow(
      '/dev/vg0/web is an overlay of /images/base, which is not there. Put that file back, or remove the overlay: lvremove vg0/web.',
    );
    storage.setImage('/images/base', imageOf(content, 8));
    expect(() => storage.medium('vg0/web')).toThrow(
      '/images/base was changed since the overlay /dev/vg0/web was made of it: its contents are others.',
    );
    storage.setImage('/images/base', imageOf(content.subarray(512)));
    expect(() => storage.medium('vg0/web')).toThrow('it had 32768 bytes, and has 32256');
    storage.removeVolume('web');
  });

  it('is what a guest cannot make of its own volume', async () => {
    const storage = await open(new MemoryStore());
    storage.createOverlay('web', '/images/base', imageOf(content));
    storage.createVolume('other', 8 * MIB);
    storage.copyToVolume('vg0/web', 'copy');
    // A header that would name any file of Domain 0.
    storage.medium('vg0/other').write(0, new TextEncoder().encode('RSOVERL1'));
    expect(storage.medium('vg0/other').bytes).toBe(8 * MIB);
    expect(storage.overlayHeaders.map(({ name }) => name)).toEqual(['web', 'copy']);
  });

  it('has after a power cut what was flushed, and else the image', async () => {
    const expected = new Expected(content.length);
    expected.write(0, content);
    expected.flushed();
    const problem = await cutOften(
      3,
      60,
      async store => {
        const storage = await open(store);
        // The first cuts come before it is whole: then it is made again.
        if (storage.volumes.length > 0 && storage.overlayHeaders.length === 0) storage.removeVolume('web');
        if (storage.volumes.length === 0) storage.createOverlay('web', '/images/base', imageOf(content));
        storage.setImage('/images/base', imageOf(content));
        return storage;
      },
      (storage, random) => {
        const medium = storage.medium('vg0/web');
        if (random(4) === 0) {
          medium.flush();
          expected.flushed();
          return;
        }
        const at = random(60) * 512;
        const bytes = new Uint8Array((1 + random(4)) * 512).fill(random(256));
        expected.write(at, bytes);
        medium.write(at, bytes);
      },
      storage => {
        const is = new Uint8Array(content.length);
        storage.medium('vg0/web').read(0, is);
        return expected.settle(is);
      },
    );
    expect(problem).toBeUndefined();
  });
});

describe('a qcow2 image on a file of Domain 0', () => {
  it('is on what that is now, unless somebody has it open', async () => {
    const storage = await open(new MemoryStore());
    storage.setImage('/srv/base.img', imageOf(content));
    storage.createQcow2('image+web', { bytes: content.length, backing: { path: '/srv/base.img', format: 'raw' } });
    const first = (medium = storage.medium('/dev/vg0/image+web')): number => {
      const byte = new Uint8Array(1);
      medium.read(512, byte);
      return byte[0]!;
    };
    expect(first()).toBe(1);
    storage.setImage('/srv/base.img', imageOf(content.map(byte => byte + 100)));
    expect(first()).toBe(101);
    const { medium, close } = storage.open('/dev/vg0/image+web', 'guest', true);
    storage.setImage('/srv/base.img', imageOf(content));
    expect(first(medium)).toBe(101);
    close();
    storage.setImage('/srv/base.img', undefined);
    expect(() => first()).toThrow('which is not there. Put that file back.');
  });
});
