/** What a guest reads and writes on an emulated drive is counted, and told as that of other disks is. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { asm16 } from '../../cpu/test-support/asm.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { blockStats, domainByName, statsOf } from '../libvirt/index.ts';
import { testFile, testHost, until } from './host.test-support.ts';

const BIOS = readFileSync(new URL('../../../guests/bios/bios.bin', import.meta.url));

/** Its boot sector writes one sector behind itself, and reads three. */
const image = new Uint8Array(64 * 1024);
image.set(
  asm16(
    'mov ax, 0x0301; mov bx, 0x8000; mov cx, 2; mov dx, 0x80; int 0x13; mov ax, 0x0203; mov bx, 0x8000; mov cx, 2; mov dx, 0x80; int 0x13; again: cli; hlt; jmp again',
  ),
);
image.set([0x55, 0xaa], 510);

it('counts what goes through an IDE disk, for libvirt’s clients and for the page', async () => {
  const host = testHost({
    fetchBytes: async () => BIOS,
    openMedium: () => new MemoryDisk(image, { readOnly: true }),
  });
  await host.files.offerFirmware({ own: { name: 'bios.bin', url: 'bios.bin' } });
  const { id } = await host.create([
    testFile('a.cfg', 'name = "a"\ntype = "hvm"\nmemory = 16\nboot = "c"\ndisk = [ "a.img,raw,hda,w" ]\n'),
    testFile('a.img', image),
  ]);
  const domain = await domainByName(host, 'a');
  const stats = await until(() => {
    const seen = blockStats(host, domain, 'hda');
    return seen.writeRequests > 0 && seen.readBytes >= 4 * 512 ? seen : undefined;
  });
  expect(stats).toMatchObject({ writeRequests: 1, writtenBytes: 512 });
  expect(stats.readRequests).toBeGreaterThan(1);
  expect(blockStats(host, domain, '')).toEqual(stats);
  expect((await host.inventory(false)).disks).toEqual({ [id]: { read: stats.readBytes, written: 512 } });
  expect((await host.inspect('guest', id)).drives).toMatchObject([{ vdev: 'hda', counts: { writtenSectors: 1 } }]);
  const [{ stats: told } = { stats: [] }] = await statsOf(host, [domain], 0);
  expect(told.find(([field]) => field === 'block.0.wr.bytes')).toEqual(['block.0.wr.bytes', 'unsignedHyper', 512]);
  await host.destroy(id);
});
