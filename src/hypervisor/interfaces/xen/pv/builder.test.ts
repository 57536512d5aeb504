/** What a kernel's notes ask of the domain builder (xen/include/public/elfnote.h), without a domain. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { planPv } from './builder.ts';

const GUEST_OS = 6,
  XEN_VERSION = 5,
  LOADER = 8,
  PAE_MODE = 9,
  FEATURES = 10,
  BSD_SYMTAB = 11,
  VIRT_BASE = 3,
  PADDR_OFFSET = 4,
  HYPERCALL_PAGE = 2,
  INIT_P2M = 15;
const BASE = 0xc0000000;

type Note = [type: number, value: string | number];
const USUAL: Note[] = [
  [GUEST_OS, 'test'],
  [XEN_VERSION, 'xen-3.0'],
  [LOADER, 'generic'],
  [PAE_MODE, 'yes'],
  [VIRT_BASE, BASE],
];
const SYMBOLS = Uint8Array.from({ length: 33 }, (_, i) => i + 1),
  NAMES = Uint8Array.from({ length: 7 }, (_, i) => 100 + i);

const little = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const text = (value: string): number[] => [...value].map(c => c.charCodeAt(0));

/**
 * An ELF kernel with a page of code at physical 0x100000 (6001 bytes in memory), these notes, or an ASCII section in their place, and a symbol table.
 */
function kernel(notes: Note[], section = '', entry = BASE + 0x100000): Uint8Array {
  const noteBytes = notes.flatMap(([type, value]) => {
    const bytes = typeof value === 'number' ? little(value) : [...text(value), 0];
    return [
      ...little(4),
      ...little(bytes.length),
      ...little(type),
      ...text('Xen\0'),
      ...bytes,
      ...Array<number>(-bytes.length & 3).fill(0),
    ];
  });
  const sectionNames = text('\0__xen_guest\0');
  const parts = [noteBytes, text(section), sectionNames, [...SYMBOLS], [...NAMES]];
  const at: number[] = [];
  let end = 0x400;
  for (const part of parts) {
    at.push(end);
    end += (part.length + 3) & ~3;
  }
  const file = new Uint8Array(end);
  parts.forEach((part, i) => file.set(part, at[i]));
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const words: [at: number, value: number][] = [
    [20, 1],
    [24, entry],
    [28, 52],
    [32, 0x100],
  ];
  const program = (index: number, ...values: number[]): void =>
    values.forEach((value, i) => words.push([52 + 32 * index + 4 * i, value]));
  program(0, 1, 0, BASE + 0x100000, 0x100000, 0x200, 6001, 5, 0x1000);
  if (notes.length > 0) program(1, 4, at[0], 0, 0, noteBytes.length, noteBytes.length, 4, 4);
  const header = (index: number, ...values: number[]): void =>
    values.forEach((value, i) => words.push([0x100 + 40 * index + 4 * i, value]));
  header(1, 1, 1, 0, 0, section === '' ? 0 : at[1], section.length);
  header(2, 0, 3, 0, 0, at[2], sectionNames.length);
  header(3, 0, 2, 0, 0, at[3], SYMBOLS.length, 4, 1, 4, 16);
  header(4, 0, 3, 0, 0, at[4], NAMES.length);
  for (const [where, value] of [
    [16, 2],
    [18, 3],
    [40, 52],
    [42, 32],
    [44, notes.length > 0 ? 2 : 1],
    [46, 40],
    [48, 5],
    [50, 2],
  ])
    view.setUint16(where, value, true);
  for (const [where, value] of words) view.setUint32(where, value, true);
  if (section === '') view.setUint32(0x100 + 40, 0, true);
  return file;
}

const plan = (file: Uint8Array) => planPv({ kernel: file, name: 'k', cmdline: '' }, 64);

describe('the domain builder', () => {
  it('says which note a kernel lacks that was built for PVH alone, and what to try', () => {
    const PHYS32_ENTRY = 18;
    expect(() => plan(kernel([...USUAL, [PHYS32_ENTRY, 0x100000]]))).toThrow(
      /k has no entry for a paravirtual guest \(note ENTRY\), only the one for PVH \(note PHYS32_ENTRY\)\. Start it with type = "pvh"/,
    );
  });

  it("unpacks a kernel that is a gzip file, as Xen's toolstack does", () => {
    const file = readFileSync(new URL('../../../../../guests/pvtest/pvtest.elf', import.meta.url));
    const packed = plan(new Uint8Array(gzipSync(file)));
    expect(packed.notes).toEqual(plan(new Uint8Array(file)).notes);
    expect(packed.segments).toEqual(plan(new Uint8Array(file)).segments);
  });

  it('takes what the ASCII section of older kernels says', () => {
    const { notes } = plan(
      kernel(
        [],
        `GUEST_OS=old,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xC0100010,HYPERCALL_PAGE=0x100,PAE=yes[extended-cr3],LOADER=generic,BSD_SYMTAB=yes`,
      ),
    );
    expect(notes).toMatchObject({
      guestOs: 'old',
      virtBase: BASE,
      paddrOffset: 0,
      entry: 0xc0100010,
      hypercallPage: 0xc0100000,
      extendedCr3: true,
      symbols: true,
    });
  });

  it('puts the symbol table behind the image: its size, an ELF header with three sections, symbols, names', () => {
    expect(plan(kernel(USUAL)).segments).toHaveLength(1);
    const { segments, p2mPfn } = plan(kernel([...USUAL, [BSD_SYMTAB, 'yes']]));
    const { pfn, offset, bytes } = segments[1];
    // 0x100000 + 6001, rounded up to a word.
    expect(pfn * 4096 + offset).toBe(0x100000 + 6004);
    expect((pfn * 4096 + offset + bytes.length) / 4096).toBeLessThanOrEqual(p2mPfn);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const elf = bytes.subarray(4);
    expect([...elf.subarray(0, 5)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 1]);
    const at = (field: number): number => view.getUint32(4 + field, true);
    const sections = at(32);
    expect([at(28), view.getUint16(4 + 40, true), view.getUint16(4 + 46, true), view.getUint16(4 + 48, true)]).toEqual([
      0, 52, 40, 3,
    ]);
    // The space between header and section headers holds nothing of ours.
    expect(elf.subarray(52, sections).every(byte => byte === 0)).toBe(true);
    const section = (index: number): { type: number; link: number; content: Uint8Array } => {
      const from = sections + 40 * index;
      return {
        type: at(from + 4),
        link: at(from + 24),
        content: elf.subarray(at(from + 16), at(from + 16) + at(from + 20)),
      };
    };
    expect(section(0).type).toBe(0);
    expect(section(1)).toEqual({ type: 2, link: 2, content: SYMBOLS });
    expect(section(2)).toMatchObject({ type: 3, content: NAMES });
    expect(view.getUint32(0, true)).toBe(section(2).content.byteOffset + NAMES.length - elf.byteOffset);
  });

  it("has page tables for all GiB from the kernel's to the last, and maps to the next 4 MiB that leave 512 KiB behind the boot stack", () => {
    const high = plan(kernel(USUAL));
    // L3, L2 of the last GiB, L1 tables of 2 MiB each.
    expect([high.tables, high.mapped]).toEqual([4, 1024]);
    const low = plan(
      kernel([...USUAL.slice(0, 4), [VIRT_BASE, 0]].map(([type, value]) => [type, value]) as Note[], '', 0x100000),
    );
    expect([low.tables, low.mapped]).toEqual([7, 1024]);
    expect(low.stackPfn).toBe(low.tablesPfn + low.tables);
  });

  it('unpacks a ramdisk that is a gzip file, and hands over as it is what only begins like one', () => {
    const data = Uint8Array.from({ length: 5000 }, (_, i) => i);
    const withRamdisk = (bytes: Uint8Array) =>
      planPv({ kernel: kernel(USUAL), name: 'k', cmdline: '', ramdisk: { data: bytes, name: 'r' } }, 64).ramdisk;
    expect(withRamdisk(new Uint8Array(gzipSync(data)))).toEqual(data);
    expect(withRamdisk(Uint8Array.of(0x1f, 0x8b, 1, 2))).toEqual(Uint8Array.of(0x1f, 0x8b, 1, 2));
  });

  it('looks over a place for the p2m list, which is for 64-bit guests', () => {
    expect(plan(kernel([...USUAL, [INIT_P2M, 0x80000000]])).p2mPfn).toBe(plan(kernel(USUAL)).p2mPfn);
  });

  it.each([
    ['a hypercall page outside its memory', [...USUAL, [HYPERCALL_PAGE, BASE + (64 << 20)]], /HYPERCALL_PAGE/],
    ['a hypercall page below it', [...USUAL, [HYPERCALL_PAGE, 0x1000]], /HYPERCALL_PAGE/],
    ["an address that is no page's", [...USUAL.slice(0, 4), [VIRT_BASE, BASE + 16]], /VIRT_BASE/],
    ['physical addresses without virtual ones', [...USUAL.slice(0, 4), [PADDR_OFFSET, 0]], /PADDR_OFFSET.*VIRT_BASE/],
    [
      'a feature that there is not',
      [...USUAL, [FEATURES, 'pae_pgdir_above_4gb|!auto_translated_physmap']],
      /auto_translated_physmap.*FEATURES/,
    ],
    ['a feature that nobody knows', [...USUAL, [FEATURES, '!strange']], /strange.*FEATURES/],
    ['no PAE', [...USUAL.slice(0, 3), [PAE_MODE, 'no'], [VIRT_BASE, BASE]], /PAE_MODE/],
    ['no loader', [...USUAL.slice(0, 2), ...USUAL.slice(3)], /LOADER/],
    ['no interface', [USUAL[0], ...USUAL.slice(2)], /XEN_VERSION/],
  ] as [string, Note[], RegExp][])('refuses %s', (_what, notes, sentence) => {
    expect(() => plan(kernel(notes))).toThrow(sentence);
  });
});
