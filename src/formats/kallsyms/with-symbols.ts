/**
 * A kernel's ELF file with a symbol table, for debuggers: the file as it is, and behind it a table of symbols, their names, and section headers that name both.
 * Source: System V ABI, chapter 4 (section headers, symbol table, string table).
 */
import { CLASSES, classOf, LoadError, sectionHeaders, view } from '../elf/index.ts';
import type { KallsymsSymbol } from './kallsyms.ts';

const SHT_SYMTAB = 2,
  SHT_STRTAB = 3;
const SHN_ABS = 0xfff1;
const STT_OBJECT = 1,
  STT_FUNC = 2,
  STB_GLOBAL = 1 << 4;
/** nm(1): code; weak ones, of which objects are V; what a resolver chooses. */
const FUNCTIONS = /^[tTWi]$/;
/** Of a section header, behind what CLASSES has of it: information, alignment and size of an entry. */
const MORE = {
  32: { info: 28, alignment: 32, entry: 36 },
  64: { info: 44, alignment: 48, entry: 56 },
} as const;
const KIND = 4;
/** SHN_LORESERVE: from here on they are no numbers of sections. */
const MOST_SECTIONS = 0xff00;

/** The section that an address is in: gdb takes what is in none for a number. */
function finder(sections: readonly { from: bigint; bytes: bigint }[]): (address: bigint) => number {
  const places = sections
    .map(({ from, bytes }, index) => ({ index, from, to: from + bytes }))
    .filter(({ from, to }) => from > 0n && to > from)
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  return address => {
    let low = 0,
      high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle]!.from <= address) low = middle + 1;
      else high = middle;
    }
    const place = places[low - 1];
    return place && address < place.to ? place.index : SHN_ABS;
  };
}

/** @throws LoadError */
export function withSymbols(file: Uint8Array, symbols: readonly KallsymsSymbol[]): Uint8Array {
  const width = classOf(file),
    fields = CLASSES[width],
    { section, symbol } = fields,
    more = MORE[width],
    whole = view(file),
    headers = sectionHeaders(file);
  const word = (of: DataView, at: number, value: bigint): void => {
    if (width === 64) of.setBigUint64(at, value, true);
    else of.setUint32(at, Number(BigInt.asUintN(32, value)), true);
  };
  const read = (at: number): bigint =>
    width === 64 ? whole.getBigUint64(at, true) : BigInt(whole.getUint32(at, true));
  // The first one is nobody's. A file without any has that one, too.
  const count = headers.length || 1;
  if (count + 2 > MOST_SECTIONS) throw new LoadError(`A kernel has no ${count} sections. Take one as it was built.`);
  const sectionOf = finder(
    headers.map(header => ({ from: read(header + section.address), bytes: read(header + section.size) })),
  );

  // Local ones come first; the first entry and the first name are nobody's.
  const isLocal = ({ type }: KallsymsSymbol): boolean => type === type.toLowerCase();
  const sorted = [...symbols.filter(isLocal), ...symbols.filter(each => !isLocal(each))];
  const encoder = new TextEncoder();
  const names = sorted.map(({ name }) => encoder.encode(`${name}\0`));
  const table = new DataView(new ArrayBuffer((sorted.length + 1) * symbol.bytes));
  let nameAt = 1;
  sorted.forEach((each, i) => {
    const at = (i + 1) * symbol.bytes;
    const kind = FUNCTIONS.test(each.type) ? STT_FUNC : STT_OBJECT;
    table.setUint32(at, nameAt, true);
    word(table, at + symbol.value, each.address);
    table.setUint8(at + symbol.info, kind | (isLocal(each) ? 0 : STB_GLOBAL));
    table.setUint16(at + symbol.section, sectionOf(each.address), true);
    nameAt += names[i]!.length;
  });

  const symbolsAt = Math.ceil(file.length / 8) * 8,
    namesAt = symbolsAt + table.byteLength,
    headersAt = Math.ceil((namesAt + nameAt) / 8) * 8;
  const out = new Uint8Array(headersAt + (count + 2) * section.bytes);
  out.set(file);
  out.set(new Uint8Array(table.buffer), symbolsAt);
  let at = namesAt + 1;
  for (const name of names) {
    out.set(name, at);
    at += name.length;
  }
  headers.forEach((header, i) => out.set(file.subarray(header, header + section.bytes), headersAt + i * section.bytes));
  const made = view(out);
  const put = (index: number, kind: number, offset: number, bytes: number): number => {
    const header = headersAt + index * section.bytes;
    made.setUint32(header + KIND, kind, true);
    word(made, header + section.offset, BigInt(offset));
    word(made, header + section.size, BigInt(bytes));
    word(made, header + more.alignment, 8n);
    return header;
  };
  const header = put(count, SHT_SYMTAB, symbolsAt, table.byteLength);
  made.setUint32(header + section.link, count + 1, true);
  made.setUint32(header + more.info, 1 + symbols.filter(isLocal).length, true);
  word(made, header + more.entry, BigInt(symbol.bytes));
  put(count + 1, SHT_STRTAB, namesAt, nameAt);
  word(made, fields.sectionOffset, BigInt(headersAt));
  made.setUint16(fields.sectionBytes, section.bytes, true);
  made.setUint16(fields.sectionCount, count + 2, true);
  if (headers.length === 0) made.setUint16(fields.sectionNames, 0, true);
  return out;
}
