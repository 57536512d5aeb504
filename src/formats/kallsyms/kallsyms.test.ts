/** A kernel's table of its own symbols, laid out as scripts/kallsyms.c of Linux 6.1 writes it, and what an ELF file has of it. */
import { describe, expect, it } from 'vitest';
import { CLASSES, kernelSymbols } from '../elf/index.ts';
import { kallsymsOf, type KallsymsSymbol, withSymbols } from './index.ts';

const SHORT = 'do_sys_';
const SHORT_TOKEN = 1;

/** This many symbols, of which the first is the kernel's begin; one of them has a name of more than 127 tokens. */
const symbolsFrom = (base: bigint, count: number): KallsymsSymbol[] =>
  Array.from({ length: count }, (_, i) => ({
    type: i % 3 === 0 ? 'T' : i % 3 === 1 ? 't' : 'D',
    name: i === 0 ? '_text' : i === 7 ? 'x'.repeat(200) : `do_sys_${i}`,
    address: base + BigInt(i * 16),
  }));

/** The table behind some bytes that are none, though digits lie there. `inOrder`: with the order of names, as later releases have it. */
function tableOf(
  symbols: KallsymsSymbol[],
  bits: 32 | 64,
  inOrder: boolean,
  { isPerCpu = bits === 64, short = SHORT } = {},
): Uint8Array {
  const pointer = bits / 8,
    bytes: number[] = [];
  const align = (to: number): void => {
    while (bytes.length % to !== 0) bytes.push(0);
  };
  const put = (value: bigint, size: number): void => {
    for (let i = 0; i < size; i++) bytes.push(Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 0xffn));
  };
  for (let letter = 0x28; letter < 0x70; letter++) bytes.push(letter, 0);
  align(4096);
  const [{ address: base }] = symbols as [KallsymsSymbol];
  for (const { address } of symbols) put(isPerCpu ? -1n - (address - base) : address - base, 4);
  align(pointer);
  put(base, pointer);
  put(BigInt(symbols.length), 4);
  align(pointer);
  const markers: number[] = [],
    begin = bytes.length;
  symbols.forEach(({ type, name }, i) => {
    if (i % 256 === 0) markers.push(bytes.length - begin);
    const rest = name.startsWith(SHORT) ? name.slice(SHORT.length) : name;
    const tokens = [...[type, ...rest].map(letter => letter.charCodeAt(0))];
    if (rest !== name) tokens.splice(1, 0, SHORT_TOKEN);
    if (tokens.length > 127) bytes.push((tokens.length & 127) | 128, tokens.length >> 7);
    else bytes.push(tokens.length);
    bytes.push(...tokens);
  });
  align(pointer);
  for (const marker of markers) put(BigInt(marker), 4);
  align(pointer);
  if (inOrder) for (let i = 0; i < symbols.length; i++) bytes.push(0, i >> 8, i & 255);
  align(pointer);
  const offsets: number[] = [],
    start = bytes.length;
  for (let token = 0; token < 256; token++) {
    offsets.push(bytes.length - start);
    const text = token === SHORT_TOKEN ? short : token > 0x20 && token < 0x7f ? String.fromCharCode(token) : '';
    for (const letter of `${text}\0`) bytes.push(letter.charCodeAt(0));
  }
  align(pointer);
  for (const offset of offsets) put(BigInt(offset), 2);
  return Uint8Array.from(bytes);
}

describe.each([
  [64, 0xffffffff81000000n],
  [32, 0xc1000000n],
] as const)('symbols of a kernel of %i bits', (bits, base) => {
  it.each([false, true])('are found in its data, with an order of names: %s', inOrder => {
    const symbols = symbolsFrom(base, 300);
    expect(kallsymsOf(tableOf(symbols, bits, inOrder), bits)).toEqual(symbols);
  });

  it('are none where there is no such table, or a part of it is missing', () => {
    const table = tableOf(symbolsFrom(base, 300), bits, true);
    expect(kallsymsOf(new Uint8Array(8192), bits)).toBeUndefined();
    for (const length of [table.length - 1, table.length - 600, 5000])
      expect(kallsymsOf(table.subarray(0, length), bits)).toBeUndefined();
  });

  it('are none where names have more letters than a kernel’s, or none, or offsets would lie before the file', () => {
    const symbols = symbolsFrom(base, 300);
    for (const short of ['a'.repeat(511), 'a'.repeat(200_000)])
      expect(kallsymsOf(tableOf(symbols, bits, false, { short }), bits)).toBeUndefined();
    const nameless = symbols.map(({ address }) => ({ type: '\x02', name: '', address }));
    expect(kallsymsOf(tableOf(nameless, bits, false), bits)).toBeUndefined();
    const table = tableOf(symbols, bits, false);
    expect(kallsymsOf(table.subarray(4096 + 1200 - 400), bits)).toBeUndefined();
  });

  it('are none after a bounded search where every place looks like a table', () => {
    // A base, a count and the length of a name that leads to the next of the same, over and over, before a true table of tokens.
    const table = tableOf(symbolsFrom(base, 300), bits, false);
    const tokens = table.subarray(new TextDecoder('latin1').decode(table).indexOf(`\0${SHORT}\0`));
    const pointer = bits / 8,
      each = new Uint8Array(3 * pointer),
      view = new DataView(each.buffer);
    if (bits === 64) view.setBigUint64(0, base, true);
    else view.setUint32(0, Number(base), true);
    view.setUint32(pointer, 50_000, true);
    each[2 * pointer] = 3 * pointer - 1;
    const many = new Uint8Array(2_000_000 + tokens.length);
    for (let at = 0; at + each.length <= 2_000_000; at += each.length) many.set(each, at);
    many.set(tokens, 2_000_000);
    const beginMs = performance.now();
    expect(kallsymsOf(many, bits)).toBeUndefined();
    expect(performance.now() - beginMs).toBeLessThan(15_000);
  });
});

it('are a section of the ELF file, each in the section that its address is in', () => {
  // A file header, and section headers for nothing and for .text.
  const file = new Uint8Array(52 + 80),
    view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint32(32, 52, true);
  view.setUint16(46, 40, true);
  view.setUint16(48, 2, true);
  view.setUint32(52 + 40 + 8, 2, true);
  view.setUint32(52 + 40 + 12, 0xc1000000, true);
  view.setUint32(52 + 40 + 20, 0x1000, true);
  const far = { type: 'T', name: 'elsewhere', address: 0xd0000000n };
  const symbols = [...symbolsFrom(0xc1000000n, 20), far];
  const made = withSymbols(file, symbols);
  expect(made.subarray(0, 32)).toEqual(file.subarray(0, 32));
  const { addresses = [], names = [] } = kernelSymbols(made) ?? {};
  const named = [...addresses].map((address, i) => `${names[i]} ${address.toString(16)}`);
  expect(named.slice(0, 3)).toEqual(['_text c1000000', 'do_sys_1 c1000010', 'do_sys_2 c1000020']);
  expect(named.join()).not.toContain('elsewhere');
});

it('are at their places in a kernel of 64 bits for one processor, whose offsets have no signs', () => {
  const symbols = symbolsFrom(0xffffffff81000000n, 300);
  expect(kallsymsOf(tableOf(symbols, 64, false, { isPerCpu: false }), 64)).toEqual(symbols);
});

it.each([32, 64] as const)(
  'are written behind a null section where a file of %i bits has no sections, weak code as code',
  bits => {
    const { bytes, sectionOffset, sectionCount, section, symbol } = CLASSES[bits];
    const file = new Uint8Array(bytes + 3);
    file.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1]);
    const made = withSymbols(file, [
      { type: 'D', name: 'data', address: 0xc1000010n },
      { type: 'W', name: 'weak', address: 0xc1000000n },
      { type: 't', name: 'own', address: 0xc1000020n },
    ]);
    const view = new DataView(made.buffer),
      word = (at: number): number => (bits === 64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true)),
      headers = word(sectionOffset),
      table = word(headers + section.bytes + section.offset);
    expect([view.getUint16(sectionCount, true), view.getUint32(headers + 4, true)]).toEqual([3, 0]);
    expect([1, 2].map(index => view.getUint32(headers + index * section.bytes + 4, true))).toEqual([2, 3]);
    expect(view.getUint32(headers + section.bytes + section.link, true)).toBe(2);
    // Local ones first: own is a function, data an object, weak a function.
    const each = [1, 2, 3].map(i => table + i * symbol.bytes);
    expect(each.map(at => view.getUint8(at + symbol.info))).toEqual([2, 0x11, 0x12]);
    expect(each.map(at => word(at + symbol.value))).toEqual([0xc1000020, 0xc1000010, 0xc1000000]);
  },
);
