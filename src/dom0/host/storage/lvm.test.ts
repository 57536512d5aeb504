import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMetadata } from './lvm-text.ts';
import { type GroupText, lvmCrc, lvmUuid, readGroup, writeGroup, writeLabel } from './lvm.ts';
import { seeded } from './logging-store.test-support.ts';
import { partOf } from './part.ts';
import { Storage } from './storage.ts';
import { MemoryStore } from './store.ts';

const open = (): Promise<Storage> =>
  Storage.open({ store: new MemoryStore(), epochMs: () => 0, random: seeded(3), diskBytes: 2 ** 30 });
const hasPvck = spawnSync('pvck', ['--version']).status === 0;

describe('a volume group', () => {
  it('comes back as it was written, also when its ring of texts has begun anew', async () => {
    const medium = partOf((await open()).disk, (await open()).partitions[3]);
    const random = seeded(5);
    writeLabel(medium, lvmUuid(random));
    const group: GroupText = {
      group: 'vg0',
      groupUuid: lvmUuid(random),
      pvUuid: lvmUuid(random),
      seqno: 1,
      extents: 1000,
      deviceBytes: medium.bytes,
      volumes: [],
    };
    for (; group.seqno < 90; group.seqno++) {
      group.volumes = Array.from({ length: 40 + (group.seqno % 9) }, (_, i) => ({
        name: `v${i}`,
        uuid: lvmUuid(random),
        created: 7,
        segments: [{ first: 5 * i, count: 3 }],
      }));
      writeGroup(medium, group, 0);
      expect(readGroup(medium)).toEqual(group);
    }
  });

  it('has a second metadata area for the day when the first is damaged', async () => {
    const storage = await open();
    storage.createVolume('web', 2 ** 24);
    const medium = partOf(storage.disk, storage.partitions[3]);
    medium.write(4096, new Uint8Array(512).fill(0xff));
    expect(readGroup(medium)?.volumes.map(({ name }) => name)).toEqual(['web']);
  });

  it('writes first the area that a power cut left behind, so that the newest text stays', async () => {
    const storage = await open();
    const medium = partOf(storage.disk, storage.partitions[3]);
    const second = medium.bytes - 2 ** 20;
    const old = new Uint8Array(2 ** 20);
    medium.read(second, old);
    storage.createVolume('web', 2 ** 24);
    medium.write(second, old);
    const written: number[] = [];
    const recorder: BlockDevice = Object.create(medium, { write: { value: (at: number) => void written.push(at) } });
    writeGroup(recorder, readGroup(medium) as GroupText, 0);
    expect(written.map(at => at >= second)).toEqual([true, true, false, false]);
  });

  it.each([
    ['a brace too few', 'vg0 { id = "x"', /byte \d+/],
    ['no value', 'vg0 { id = }', /byte/],
    ['what is no token', 'vg0 { id = $ }', /at byte 11/],
    ['nesting without an end', 'a {'.repeat(100), /nested/],
  ])('is refused with the place where its text has %s', (_what, text, words) => {
    expect(() => {
      const parsed = parseMetadata(text);
      if (text.includes('= }')) expect(parsed.vg0).toEqual({});
    }).toThrow(words);
  });

  it('has LVM2’s check sum', () => {
    // A metadata area's header that pvck of LVM2 2.03.16 has read and found right.
    const header = new Uint8Array(512);
    const view = new DataView(header.buffer);
    header.set(new TextEncoder().encode(' LVM2 x[5A%r0N*>'), 4);
    view.setUint32(20, 1, true);
    [4096, 1_044_480, 4096, 1408].forEach((value, i) => view.setBigUint64(24 + 8 * i, BigInt(value), true));
    view.setUint32(56, 0x6f855122, true);
    expect(lvmCrc(header.subarray(4))).toBe(0x339d54);
  });

  it.skipIf(!hasPvck)('is read by LVM2’s own pvck [needs lvm2]', async () => {
    const storage = await open();
    storage.createVolume('web', 2 ** 26);
    storage.extendVolume('web', 2 ** 27);
    const medium = partOf(storage.disk, storage.partitions[3]);
    const folder = mkdtempSync(join(tmpdir(), 'ringside-lvm-'));
    try {
      const file = join(folder, 'sda4');
      const fd = openSync(file, 'w');
      ftruncateSync(fd, medium.bytes);
      const piece = new Uint8Array(2 ** 20);
      for (const at of [0, medium.bytes - piece.length]) {
        medium.read(at, piece);
        writeSync(fd, piece, 0, piece.length, at);
      }
      closeSync(fd);
      const dump = (what: string): string => execFileSync('pvck', ['--dump', what, file], { encoding: 'utf8' });
      expect(dump('headers').match(/metadata text at \d+ crc 0x[0-9a-f]+ # vgname vg0 seqno 3/g)).toHaveLength(2);
      expect(dump('metadata')).toMatch(/web \{[\s\S]*extent_count = 32/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
