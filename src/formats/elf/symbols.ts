/**
 * The symbol table of an ELF file: what it names, and where. Source: System V ABI, chapter 4 (section headers, symbol table).
 */
import { isElf } from './elf.ts';
import { CLASSES, classOf, SECTION_TYPE, sectionHeaders, view, wordReader } from './fields.ts';

const SHT_SYMTAB = 2,
  SHT_STRTAB = 3,
  SHF_ALLOC = 2;
/** A symbol's kind, in the low bits of its information: STT_NOTYPE (of assembly), STT_OBJECT, STT_FUNC; sections and files come after. */
const STT_FUNC = 2;
export const SECTION_BYTES = CLASSES[32].section.bytes;

export interface SymbolSections {
  symbols: Uint8Array;
  names: Uint8Array;
  /** Where the section headers of both lie in the file. */
  symbolsHeader: number;
  namesHeader: number;
}

/** Undefined: the file has no symbols, or its section headers are damaged. */
export function symbolSections(file: Uint8Array): SymbolSections | undefined {
  const width = classOf(file),
    { section } = CLASSES[width],
    headers = sectionHeaders(file),
    whole = view(file),
    word = wordReader(whole, width),
    number = (at: number): number => whole.getUint32(at, true);
  const content = (header: number): Uint8Array | undefined => {
    const start = word(header + section.offset),
      size = word(header + section.size);
    return start >= 0 && size >= 0 && start + size <= file.length ? file.subarray(start, start + size) : undefined;
  };
  const symbolsHeader = headers.find(header => number(header + SECTION_TYPE) === SHT_SYMTAB);
  const namesHeader = symbolsHeader === undefined ? undefined : headers[number(symbolsHeader + section.link)];
  if (symbolsHeader === undefined || namesHeader === undefined || number(namesHeader + SECTION_TYPE) !== SHT_STRTAB)
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
  const sections = isElf(file) ? symbolSections(file) : undefined;
  if (!sections) return undefined;
  const width = classOf(file),
    { section, symbol } = CLASSES[width],
    { names } = sections,
    symbols = view(sections.symbols),
    valueAt = wordReader(symbols, width),
    whole = view(file),
    word = wordReader(whole, width),
    headers = sectionHeaders(file);
  const isLoaded = (number: number): boolean =>
    number > 0 &&
    number < headers.length &&
    (whole.getUint32(headers[number]! + section.flags, true) & SHF_ALLOC) !== 0;
  const decoder = new TextDecoder('latin1'),
    found: [address: number, name: string][] = [];
  for (let at = 0; at + symbol.bytes <= symbols.byteLength; at += symbol.bytes) {
    const kind = symbols.getUint8(at + symbol.info) & 15,
      start = symbols.getUint32(at, true),
      end = names.indexOf(0, start);
    if (kind > STT_FUNC || !isLoaded(symbols.getUint16(at + symbol.section, true)) || end <= start) continue;
    found.push([valueAt(at + symbol.value), decoder.decode(names.subarray(start, end))]);
  }
  if (found.length === 0) return undefined;
  const named = new Set(found.map(([address]) => address));
  headers.forEach((header, number) => {
    const end = word(header + section.address) + word(header + section.size);
    if (isLoaded(number) && !named.has(end)) found.push([end, '']);
  });
  found.sort((a, b) => a[0] - b[0]);
  return { addresses: Float64Array.from(found, ([address]) => address), names: found.map(([, name]) => name) };
}
