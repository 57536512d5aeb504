/**
 * The symbol table of an ELF file: what it names, and where. Source: System V ABI, chapter 4 (ELF header, section headers, symbol table), and its fields of 64
 * bits (ELF-64 Object File Format 1.5).
 */
import { isElf } from './elf.ts';

/** Fields of the ELF header, of a section header and of a symbol, by the file's class. Addresses, offsets, flags and sizes are words of the class. */
const CLASSES = {
  32: {
    bytes: 52,
    sections: 32,
    sectionBytes: 46,
    sectionCount: 48,
    section: { bytes: 40, flags: 8, address: 12, offset: 16, size: 20, link: 24 },
    symbol: { bytes: 16, value: 4, info: 12, section: 14 },
  },
  64: {
    bytes: 64,
    sections: 40,
    sectionBytes: 58,
    sectionCount: 60,
    section: { bytes: 64, flags: 8, address: 16, offset: 24, size: 32, link: 40 },
    symbol: { bytes: 24, value: 8, info: 4, section: 6 },
  },
} as const;
type Class = keyof typeof CLASSES;
const SH_TYPE = 4,
  SHT_SYMTAB = 2,
  SHT_STRTAB = 3,
  SHF_ALLOC = 2;
/** A symbol's kind, in the low bits of its information: STT_NOTYPE (of assembly), STT_OBJECT, STT_FUNC; sections and files come after. */
const STT_FUNC = 2;
export const SECTION_BYTES = CLASSES[32].section.bytes;
const EI_CLASS = 4;

const classOf = (file: Uint8Array): Class => (file[EI_CLASS] === 2 ? 64 : 32);
/** A word of the class; of 64 bits with a sign, so that the addresses of kernels are exact. */
const wordAt = (view: DataView, at: number, of: Class): number =>
  of === 64 ? view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true) : view.getUint32(at, true);

/** Of each section where its header lies; undefined: they are damaged. */
function sectionHeaders(view: DataView, wide: Class): number[] | undefined {
  const of = CLASSES[wide],
    table = wordAt(view, of.sections, wide),
    bytes = view.getUint16(of.sectionBytes, true),
    count = view.getUint16(of.sectionCount, true);
  return bytes < of.section.bytes || table < 0 || table + bytes * count > view.byteLength
    ? undefined
    : Array.from({ length: count }, (_, i) => table + i * bytes);
}

export interface SymbolSections {
  symbols: Uint8Array;
  names: Uint8Array;
  /** Where the section headers of both lie in the file. */
  symbolsHeader: number;
  namesHeader: number;
}

/** Undefined: the file has no symbols, or its section headers are damaged. */
export function symbolSections(file: Uint8Array): SymbolSections | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength),
    wide = classOf(file),
    { section } = CLASSES[wide],
    headers = sectionHeaders(view, wide);
  if (!headers) return undefined;
  const content = (header: number): Uint8Array | undefined => {
    const start = wordAt(view, header + section.offset, wide),
      size = wordAt(view, header + section.size, wide);
    return start >= 0 && size >= 0 && start + size <= file.length ? file.subarray(start, start + size) : undefined;
  };
  const symbolsHeader = headers.find(header => view.getUint32(header + SH_TYPE, true) === SHT_SYMTAB);
  const namesHeader =
    symbolsHeader === undefined ? undefined : headers[view.getUint32(symbolsHeader + section.link, true)];
  if (
    symbolsHeader === undefined ||
    namesHeader === undefined ||
    view.getUint32(namesHeader + SH_TYPE, true) !== SHT_STRTAB
  )
    return undefined;
  const symbols = content(symbolsHeader),
    names = content(namesHeader);
  return symbols && names ? { symbols, names, symbolsHeader, namesHeader } : undefined;
}

/** What a kernel's code and data are called, by address. */
export interface KernelSymbols {
  /** Sorted; those of 64 bits have signs. Where a section ends and nothing begins, the name is empty. */
  addresses: Float64Array;
  names: string[];
}

/** Undefined: it is no ELF file, or names nothing. */
export function kernelSymbols(file: Uint8Array): KernelSymbols | undefined {
  const wide = classOf(file),
    { bytes, section, symbol } = CLASSES[wide];
  const sections = file.length >= bytes && isElf(file) ? symbolSections(file) : undefined;
  if (!sections) return undefined;
  const { symbols, names } = sections,
    view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength),
    whole = new DataView(file.buffer, file.byteOffset, file.byteLength),
    headers = sectionHeaders(whole, wide) ?? [];
  const isLoaded = (number: number): boolean =>
    number > 0 &&
    number < headers.length &&
    (whole.getUint32(headers[number]! + section.flags, true) & SHF_ALLOC) !== 0;
  const decoder = new TextDecoder('latin1'),
    found: [address: number, name: string][] = [];
  for (let at = 0; at + symbol.bytes <= symbols.length; at += symbol.bytes) {
    const kind = view.getUint8(at + symbol.info) & 15,
      start = view.getUint32(at, true),
      end = names.indexOf(0, start);
    if (kind > STT_FUNC || !isLoaded(view.getUint16(at + symbol.section, true)) || end <= start) continue;
    found.push([wordAt(view, at + symbol.value, wide), decoder.decode(names.subarray(start, end))]);
  }
  if (found.length === 0) return undefined;
  const named = new Set(found.map(([address]) => address));
  headers.forEach((header, number) => {
    const end = wordAt(whole, header + section.address, wide) + wordAt(whole, header + section.size, wide);
    if (isLoaded(number) && !named.has(end)) found.push([end, '']);
  });
  found.sort((a, b) => a[0] - b[0]);
  return { addresses: Float64Array.from(found, ([address]) => address), names: found.map(([, name]) => name) };
}
