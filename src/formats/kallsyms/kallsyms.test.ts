/** A kernel's table of its own symbols, laid out as scripts/kallsyms.c of Linux 6.1 writes it, and what an ELF file has of it. */
import { describe, expect, it } from 'vitest';
import { kernelSymbols } from '../elf/index.ts';
import { kallsymsOf, type KallsymsSymbol, withSymbols } from './index.ts';

const SHORT = 'do_sys_';
const SHORT_TOKEN = 1;

/** So many symbols, of which the first is the kernel's begin; one of them has a name of more than 127 tokens. */
const symbolsFrom = (base: bigint, count: number): KallsymsSymbol[] =>
  Array.from({ length: count }, (_, i) => ({
    type: i % 3 === 0 ? 'T' : i % 3 === 1 ? 't' : 'D',
    name: i === 0 ? '_text' : i === 7 ? 'x'.repeat(200) : `do_sys_${i}`,
    address: base + BigInt(i * 16),
  }));

/** The table behind some bytes that are none, though digits lie there. `inOrder`: with the order of names, as later releases have it. */
function tableOf(symbols: KallsymsSymbol[], bits: 32 | 64, inOrder: boolean): Uint8Array {
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
  for (const { address } of symbols) put(bits === 64 ? -1n - (address - base) : address - base, 4);
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
    const text = token === SHORT_TOKEN ? SHORT : token > 0x20 && token < 0x7f ? String.fromCharCode(token) : '';
    bytes.push(...[...text].map(letter => letter.charCodeAt(0)), 0);
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
