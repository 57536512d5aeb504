/**
 * The symbol table that a kernel may want to find behind its image (note BSD_SYMTAB), as Xen's domain builder leaves it: a word with the size of what
 * follows, an ELF header, section headers for nothing, symbols and names, then these two. Source: xen/common/libelf, elfnote.h; ELF 1.2 for the fields.
 */
import { SECTION_BYTES, symbolSections } from '../../../../formats/elf/index.ts';

const HEADER_BYTES = 52;
/** Section headers begin where a 64-bit ELF header would end: the builder has one layout for both. */
const SECTIONS_AT = 64,
  SECTIONS = 3;
const SYMBOLS = 1,
  NAMES = 2;
/** Fields of the ELF header (16-bit but for the offsets) and of a section header. */
const E = {
  VERSION: 20,
  PHOFF: 28,
  SHOFF: 32,
  EHSIZE: 40,
  PHENTSIZE: 42,
  PHNUM: 44,
  SHENTSIZE: 46,
  SHNUM: 48,
  SHSTRNDX: 50,
} as const;
const SH = { OFFSET: 16, LINK: 24 } as const;

/** Undefined: the file has no symbols, or their section headers are damaged. `file`: an ELF file of 32 bits. */
export function symbolImage(file: Uint8Array): Uint8Array | undefined {
  const found = symbolSections(file);
  if (!found) return undefined;
  const { symbols, names, symbolsHeader, namesHeader } = found;
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
    image.set(file.subarray(source, source + SECTION_BYTES), at);
    out.setUint32(at + SH.OFFSET, offset, true);
    return at;
  };
  out.setUint32(section(SYMBOLS, symbolsHeader, symbolsAt) + SH.LINK, NAMES, true);
  section(NAMES, namesHeader, namesAt);
  image.set(symbols, 4 + symbolsAt);
  image.set(names, 4 + namesAt);
  return image;
}
