/** The symbol table of an ELF file of 32 bits: what it names, and where. Source: System V ABI, chapter 4 (ELF header, section headers, symbol table). */
import { isElf } from './elf.ts';

/** Fields of the ELF header, of a section header and of a symbol. */
const E_SHOFF = 32,
  E_SHENTSIZE = 46,
  E_SHNUM = 48;
const SH_TYPE = 4,
  SH_FLAGS = 8,
  SH_ADDR = 12,
  SH_OFFSET = 16,
  SH_SIZE = 20,
  SH_LINK = 24;
const ST_VALUE = 4,
  ST_INFO = 12,
  ST_SHNDX = 14,
  SYMBOL_BYTES = 16;
const SHT_SYMTAB = 2,
  SHT_STRTAB = 3,
  SHF_ALLOC = 2;
/** A symbol's kind, in the low bits of its information: STT_NOTYPE (of assembly), STT_OBJECT, STT_FUNC; sections and files come after. */
const STT_FUNC = 2;
export const SECTION_BYTES = 40;
/** EI_CLASS, and 32 bits. */
const EI_CLASS = 4,
  CLASS_32 = 1,
  HEADER_BYTES = 52;

/** Of each section where its header lies; undefined: they are damaged. */
function sectionHeaders(view: DataView): number[] | undefined {
  const table = view.getUint32(E_SHOFF, true),
    bytes = view.getUint16(E_SHENTSIZE, true),
    count = view.getUint16(E_SHNUM, true);
  return bytes < SECTION_BYTES || table + bytes * count > view.byteLength
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
    headers = sectionHeaders(view);
  if (!headers) return undefined;
  const content = (header: number): Uint8Array | undefined => {
    const start = view.getUint32(header + SH_OFFSET, true),
      size = view.getUint32(header + SH_SIZE, true);
    return start + size <= file.length ? file.subarray(start, start + size) : undefined;
  };
  const symbolsHeader = headers.find(header => view.getUint32(header + SH_TYPE, true) === SHT_SYMTAB);
  const namesHeader = symbolsHeader === undefined ? undefined : headers[view.getUint32(symbolsHeader + SH_LINK, true)];
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
  /** Sorted. Where a section ends and nothing begins, the name is empty. */
  addresses: Uint32Array;
  names: string[];
}

/** Undefined: it is no ELF file of 32 bits, or names nothing. */
export function kernelSymbols(file: Uint8Array): KernelSymbols | undefined {
  const sections =
    file.length >= HEADER_BYTES && isElf(file) && file[EI_CLASS] === CLASS_32 ? symbolSections(file) : undefined;
  if (!sections) return undefined;
  const { symbols, names } = sections,
    view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength),
    whole = new DataView(file.buffer, file.byteOffset, file.byteLength),
    headers = sectionHeaders(whole) ?? [];
  const isLoaded = (section: number): boolean =>
    section > 0 && section < headers.length && (whole.getUint32(headers[section]! + SH_FLAGS, true) & SHF_ALLOC) !== 0;
  const decoder = new TextDecoder('latin1'),
    found: [address: number, name: string][] = [];
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
    const kind = view.getUint8(at + ST_INFO) & 15,
      start = view.getUint32(at, true),
      end = names.indexOf(0, start);
    if (kind > STT_FUNC || !isLoaded(view.getUint16(at + ST_SHNDX, true)) || end <= start) continue;
    found.push([view.getUint32(at + ST_VALUE, true), decoder.decode(names.subarray(start, end))]);
  }
  if (found.length === 0) return undefined;
  const named = new Set(found.map(([address]) => address));
  headers.forEach((header, section) => {
    const end = (whole.getUint32(header + SH_ADDR, true) + whole.getUint32(header + SH_SIZE, true)) >>> 0;
    if (isLoaded(section) && !named.has(end)) found.push([end, '']);
  });
  found.sort((a, b) => a[0] - b[0]);
  return { addresses: Uint32Array.from(found, ([address]) => address), names: found.map(([, name]) => name) };
}
