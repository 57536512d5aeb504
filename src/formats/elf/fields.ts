/**
 * Where the fields of an ELF file lie, by its class. Sources: Tool Interface Standard, ELF 1.2; System V ABI, chapter 4; ELF-64 Object File Format 1.5.
 */

/**
 * Of the file's header, of a program header (`segment`), of a section header and of a symbol, in bytes. Addresses, offsets, flags and sizes are words of the
 * class.
 */
export const CLASSES = {
  32: {
    bytes: 52,
    programOffset: 28,
    sectionOffset: 32,
    programBytes: 42,
    programCount: 44,
    sectionBytes: 46,
    sectionCount: 48,
    sectionNames: 50,
    segment: { bytes: 32, offset: 4, virtual: 8, physical: 12, fileBytes: 16, memoryBytes: 20 },
    section: { bytes: 40, flags: 8, address: 12, offset: 16, size: 20, link: 24 },
    symbol: { bytes: 16, value: 4, info: 12, section: 14 },
  },
  64: {
    bytes: 64,
    programOffset: 32,
    sectionOffset: 40,
    programBytes: 54,
    programCount: 56,
    sectionBytes: 58,
    sectionCount: 60,
    sectionNames: 62,
    segment: { bytes: 56, offset: 8, virtual: 16, physical: 24, fileBytes: 32, memoryBytes: 40 },
    section: { bytes: 64, flags: 8, address: 16, offset: 24, size: 32, link: 40 },
    symbol: { bytes: 24, value: 8, info: 4, section: 6 },
  },
} as const;
type Class = keyof typeof CLASSES;
const EI_CLASS = 4;
/** A section's kind, in its header of either class. */
export const SECTION_TYPE = 4;

export const classOf = (bytes: Uint8Array): Class => (bytes[EI_CLASS] === 2 ? 64 : 32);

export const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads a word of the class: an unsigned number, or a canonical address where it has 64 bits. */
export function wordReader(file: DataView, width: Class): (at: number) => number {
  return width === 32
    ? at => file.getUint32(at, true)
    : at => file.getInt32(at + 4, true) * 2 ** 32 + file.getUint32(at, true);
}

/** Where each section's header lies; none where the table is damaged. */
export function sectionHeaders(bytes: Uint8Array): number[] {
  const file = view(bytes),
    width = classOf(bytes),
    fields = CLASSES[width];
  if (bytes.length < fields.bytes) return [];
  const table = wordReader(file, width)(fields.sectionOffset),
    size = file.getUint16(fields.sectionBytes, true),
    count = file.getUint16(fields.sectionCount, true);
  return size < fields.section.bytes || table < 0 || table + size * count > bytes.length
    ? []
    : Array.from({ length: count }, (_, i) => table + i * size);
}
