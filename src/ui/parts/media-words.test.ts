import { expect, it } from 'vitest';
import { couldLieIn } from './media-words.ts';

const file = (name: string, bytes = 512) => ({ name, data: { size: bytes } as Blob });

it('offers CD images for a CD drive, and images of a floppy’s size for a floppy drive', () => {
  expect(['a.iso', 'a.ISO', 'a.iso.xz', 'a.cdr'].map(name => couldLieIn('cdrom', file(name)))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['a.img', 'vm.cfg', 'vmlinuz'].map(name => couldLieIn('cdrom', file(name)))).toEqual([false, false, false]);
  expect(couldLieIn('floppy', file('dos.img', 1440 * 1024))).toBe(true);
  expect(couldLieIn('floppy', file('dos.flp', 2880 * 1024))).toBe(true);
  expect(couldLieIn('floppy', file('disk.img', 2880 * 1024 + 1))).toBe(false);
  expect(couldLieIn('floppy', file('a.iso', 1440 * 1024))).toBe(false);
});
