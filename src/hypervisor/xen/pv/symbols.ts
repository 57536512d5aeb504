/**
 * The symbol table that a kernel may want to find behind its image (note BSD_SYMTAB), as Xen's domain builder leaves it: a word with the size of what
 * follows, an ELF header, section headers for nothing, symbols and names, then these two. Source: xen/common/libelf, elfnote.h; ELF 1.2 for the fields.
 */
const HEADER_BYTES = 52,
  SECTION_BYTES = 40;
/** Section headers begin where a 64-bit ELF header would end: the builder has one layout for both. */
const SECTIONS_AT = 64,
  SECTIONS = 3;
const SYMBOLS = 1,
  NAMES = 2;
const SHT_SYMTAB = 2,
  SHT_STRTAB = 3;
/** Fields of the ELF header (16-bit but for the offsets) and of a section header. */
const E = { VERSION: 20, PHOFF: 28, SHOFF: 32, EHSIZE: 40, PHENTSIZE: 42, PHNUM: 44, SHENTSIZE: 46, SHNUM: 48, SHSTRNDX: 50 } as const;
const SH = { TYPE: 4, OFFSET: 16, SIZE: 20, LINK: 24 } as const;

/** Undefined: the file has no symbols, or their section headers are damaged. `file`: an ELF file of 32 bits. */
export function symbolImage(file: Uint8Array): Uint8Array | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = view.getUint32(E.SHOFF, true),
    bytes = view.getUint16(E.SHENTSIZE, true),
    count = view.getUint16(E.SHNUM, true);
  if (bytes < SECTION_BYTES || table + bytes * count > file.length) return undefined;
  const word = (section: number, field: number): number => view.getUint32(table + section * bytes + field, true);
  const content = (section: number): Uint8Array | undefined => {
    const start = word(section, SH.OFFSET),
      size = word(section, SH.SIZE);
    return start + size <= file.length ? file.subarray(start, start + size) : undefined;
  };
  const from = Array.from({ length: count }, (_, i) => i).find(i => word(i, SH.TYPE) === SHT_SYMTAB);
  if (from === undefined) return undefined;
  const link = word(from, SH.LINK);
  if (link >= count || word(link, SH.TYPE) !== SHT_STRTAB) return undefined;
  const symbols = content(from),
    names = content(link);
  if (!symbols || !names) return undefined;
  const up = (value: number): number => (value + 3) & ~3;
  const symbolsAt = SECTIONS_AT + SECTIONS * SECTION_BYTES,
    namesAt = up(symbolsAt + symbols.length),
    size = namesAt + names.length;
  // Offsets count from the ELF header, which follows the word with the size.
  const image = new Uint8Array(up(4 + size));
  const out = new DataView(image.buffer);
  out.setUint32(0, size, true);
  image.set(file.subarray(0, HEADER_BYTES), 4);
  const header = (field: number, value: number): void => out.setUint16(4 + field, value, true);
  out.setUint32(4 + E.VERSION, 1, true);
  out.setUint32(4 + E.PHOFF, 0, true);
  out.setUint32(4 + E.SHOFF, SECTIONS_AT, true);
  header(E.EHSIZE, HEADER_BYTES);
  header(E.PHENTSIZE, 0);
  header(E.PHNUM, 0);
  header(E.SHENTSIZE, SECTION_BYTES);
  header(E.SHNUM, SECTIONS);
  header(E.SHSTRNDX, 0);
  const section = (index: number, source: number, offset: number): number => {
    const at = 4 + SECTIONS_AT + index * SECTION_BYTES;
    image.set(file.subarray(table + source * bytes, table + source * bytes + SECTION_BYTES), at);
    out.setUint32(at + SH.OFFSET, offset, true);
    return at;
  };
  out.setUint32(section(SYMBOLS, from, symbolsAt) + SH.LINK, NAMES, true);
  section(NAMES, link, namesAt);
  image.set(symbols, 4 + symbolsAt);
  image.set(names, 4 + namesAt);
  return image;
}
