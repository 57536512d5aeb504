import { describe, expect, it } from 'vitest';
import { checkDescriptor } from './page-types.ts';

/** A call gate of the SDM (vol. 3, 5.8.3): selector and offset in the low word; present, privilege level and type 12 in the high one. */
const gate = (selector: number, dpl: number, reserved = 0): [low: number, high: number] => [
  (selector << 16) | 0x1234,
  0xc0008c00 | (dpl << 13) | reserved,
];

describe('descriptors of a PV guest (check_descriptor)', () => {
  it('are as they were where they are not present, of no type, or code and data of rings 1 to 3', () => {
    expect(checkDescriptor(1, 0x00000c00)).toEqual([1, 0x00000c00]);
    expect(checkDescriptor(1, 0x8000)).toEqual([1, 0x8000]);
    expect(checkDescriptor(0xffff, 0x00cffb00)).toEqual([0xffff, 0x00cffb00]);
    // Ring 0 becomes ring 1, and what was not accessed counts as such.
    expect(checkDescriptor(0xffff, 0x00cf9a00)).toEqual([0xffff, 0x00cfbb00]);
    expect(checkDescriptor(0xffff, 0x00affb00)).toBeUndefined();
  });

  // GNU Mach's LDT has its system call gate next to the segments of its tasks.
  it('are call gates too, that name their privilege level in the selector and fault when they are used', () => {
    expect(checkDescriptor(...gate(0x0008, 3))).toEqual([(0x000b << 16) | 0x1234, 0xc0008c00 | 0]);
    expect(checkDescriptor(...gate(0xe019, 0))).toEqual([(0xe019 << 16) | 0x1234, 0xc0008c00 | 0]);
    expect(checkDescriptor(...gate(0xe01c, 3))).toEqual([(0xe01f << 16) | 0x1234, 0xc0008c00 | 0]);
    expect(checkDescriptor(...gate(0xe009, 3)), 'a segment of the hypervisor').toBeUndefined();
    expect(checkDescriptor(...gate(0x0008, 3, 0x20)), 'reserved bits').toBeUndefined();
    for (const type of [2, 5, 9, 11, 14, 15])
      expect(checkDescriptor(0, 0x8000 | (type << 8)), `system type ${type}`).toBeUndefined();
  });
});
