import { MemoryDisk } from '../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import type { IdeAttachment } from '../../devices/ide/piix-ide.ts';
import { OverlayDisk } from './overlay-disk.ts';
import { describeDrives, diskRecords, drivesDiffer, readDiskRecord, restoreChanges } from './saved-disks.ts';
import { areDrives } from './saved-drive.ts';

const refuse = (sentence: string): never => {
  throw new Error(sentence);
};
const medium = (fill = 7): Uint8Array => new Uint8Array(100 * 512).fill(fill);
function drive(bytes: Uint8Array, place = 0): IdeAttachment & { disk: OverlayDisk } {
  return {
    place,
    kind: 'disk',
    disk: new OverlayDisk(new MemoryDisk(bytes, { readOnly: true }), { label: 'small.img' }),
  };
}
const sector = ({ disk }: { disk: OverlayDisk }, number: number): number => {
  const into = new Uint8Array(512);
  disk.read(number * 512, into);
  return into[0];
};

describe('disks of a saved domain', () => {
  it('come back as the guest left them, on a medium that was never written', () => {
    const bytes = medium();
    const first = drive(bytes);
    first.disk.write(3 * 512, new Uint8Array(512).fill(1));
    first.disk.write(99 * 512, new Uint8Array(512).fill(2));
    const saved = describeDrives([first], refuse);
    expect(areDrives(saved)).toBe(true);
    const records = [...diskRecords([first])];
    expect(bytes).toEqual(medium());

    const second = drive(bytes);
    expect(drivesDiffer(saved, [second])).toBeUndefined();
    for (const record of records) {
      const { place, changes } = readDiskRecord(record)!;
      restoreChanges([second], place, changes);
    }
    expect([2, 3, 4, 98, 99].map(number => sector(second, number))).toEqual([7, 1, 7, 7, 2]);
  });

  it('must be the disks it had', () => {
    const saved = describeDrives([drive(medium())], refuse);
    expect(drivesDiffer(saved, [])).toBe('the guest had the disk small.img as primary master. Give it again');
    expect(drivesDiffer(saved, [drive(medium(), 1)])).toContain('small.img as primary master');
    expect(drivesDiffer(saved, [drive(medium().subarray(512))])).toBe(
      "the guest's disk small.img had 51200 bytes, this one has 50688. Give the one it had",
    );
    expect(drivesDiffer(saved, [drive(medium(8))])).toContain('Give it as it was then');
    expect(drivesDiffer(saved, [drive(medium()), drive(medium(), 1)])).toBe(
      'the guest had no drive as primary slave. Leave it out',
    );
    expect(drivesDiffer(describeDrives([{ place: 2, kind: 'cdrom', disk: null }], refuse), [])).toBeUndefined();
  });

  it('are taken where nobody could tell their contents when they were saved, or nobody can now', () => {
    const saved = describeDrives([drive(medium())], refuse);
    const unknown = drive(medium(8));
    unknown.disk.fingerprint = () => 0;
    expect(drivesDiffer(saved, [unknown])).toBeUndefined();
    expect(drivesDiffer([{ ...saved[0], fingerprint: 0 }], [drive(medium(8))])).toBeUndefined();
  });

  it('whose changes cannot be had are refused', () => {
    const foreign = new MemoryDisk(new Uint8Array(512));
    expect(() => describeDrives([{ place: 1, kind: 'disk', disk: foreign }], refuse)).toThrow(
      /primary slave.*Start the guest without that drive/,
    );
  });

  it('are never read past a record that contradicts itself', () => {
    expect(readDiskRecord(new Uint8Array(4))).toBeUndefined();
    expect(readDiskRecord(Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255))).toBeUndefined();
    expect(areDrives([{ place: 9 }])).toBe(false);
    expect(areDrives('disk')).toBe(false);
  });
});
