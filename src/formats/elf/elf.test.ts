import { describe, expect, it } from 'vitest';
import { readElf } from './elf.ts';

/** An ELF file whose only segment holds these notes' bytes. */
function withNotes(notes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(84 + notes.length),
    view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  for (const [at, value] of [
    [16, 2],
    [18, 3],
    [40, 52],
    [42, 32],
    [44, 1],
  ])
    view.setUint16(at, value, true);
  for (const [at, value] of [
    [20, 1],
    [28, 52],
    [52, 4],
    [56, 84],
    [68, notes.length],
    [72, notes.length],
  ])
    view.setUint32(at, value, true);
  bytes.set(notes, 84);
  return bytes;
}

const note = (type: number, promised: number, value: string): number[] => [
  ...[4, promised, type].flatMap(word => [word, 0, 0, 0]),
  ...[...`Xen\0${value}`].map(character => character.charCodeAt(0)),
];

describe('notes of an ELF file (gABI)', () => {
  it('are owner, type and value', () => {
    const { notes } = readElf(withNotes(Uint8Array.from([...note(6, 4, 'XTF\0'), ...note(9, 4, 'yes\0')])), 'k');
    expect(notes.map(({ owner, type, value }) => [owner, type, String.fromCharCode(...value)])).toEqual([
      ['Xen', 6, 'XTF\0'],
      ['Xen', 9, 'yes\0'],
    ]);
  });

  it("count as far as they are there: GRUB's Xen image promises 12 bytes of PAE_MODE and has 4", () => {
    const { notes } = readElf(withNotes(Uint8Array.from(note(9, 12, 'yes\0'))), 'k');
    expect(String.fromCharCode(...notes[0].value)).toBe('yes\0');
  });
});
