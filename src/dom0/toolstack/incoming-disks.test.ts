import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { Storage } from '../host/storage/index.ts';
import { LoggingStore, PowerCut, seeded } from '../host/storage/logging-store.test-support.ts';
import type { CommandHost } from './command-host.ts';
import { IncomingDisks, unfinishedComing } from './incoming-disks.ts';

const MIB = 2 ** 20;
const VOLUME = '/dev/vg0/web';
const BEFORE = 9,
  COMES = 5;
const open = (store: LoggingStore): Promise<Storage> =>
  Storage.open({ store, epochMs: () => 0, random: seeded(1), diskBytes: 96 * MIB });

/** A volume that comes in place of another one, and is about to get its name; `stepsLeft` until the power is cut. */
async function taken(stepsLeft: number): Promise<{ store: LoggingStore; isCut: boolean }> {
  const store = new LoggingStore();
  const storage = await open(store);
  storage.createVolume('web', 4 * MIB);
  storage.medium(VOLUME).write(0, Uint8Array.of(BEFORE));
  const host = { disk: { openDevices: async () => storage } } as unknown as CommandHost;
  const disks = await IncomingDisks.prepare(host, 'web--incoming', [{ path: VOLUME, bytes: 4 * MIB }]);
  disks.device(0)!.write(0, Uint8Array.of(COMES));
  storage.disk.flush();
  store.stepsLeft = stepsLeft;
  try {
    disks.take();
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return { store, isCut: true };
  }
  return { store, isCut: false };
}

describe('a volume that comes', () => {
  it('is what goes, and not what had its name, wherever the power is cut while they exchange names', async () => {
    const found: number[] = [];
    for (let steps = 0, isCut = true; isCut; steps++) {
      const after = await taken(steps);
      isCut = after.isCut;
      const storage = await open(after.store.afterCut(seeded(steps)));
      unfinishedComing(storage);
      const first = new Uint8Array(1);
      storage.medium(VOLUME).read(0, first);
      found.push(first[0]!);
      expect(storage.unfinished, `${steps} steps`).toEqual(['web.incoming']);
    }
    expect(found.length).toBeGreaterThan(4);
    expect(new Set(found)).toEqual(new Set([BEFORE]));
  });

  it('is unfinished from its first moment, on an image, too', async () => {
    const storage = await open(new LoggingStore());
    const { seqno } = storage;
    const device = new MemoryDisk(new Uint8Array(MIB), { readOnly: true });
    storage.createOverlay('web.incoming', '/root/base.img', { device, checksum: 7 }, { unfinished: true });
    expect([storage.unfinished, storage.seqno]).toEqual([['web.incoming'], seqno + 1]);
  });
});
