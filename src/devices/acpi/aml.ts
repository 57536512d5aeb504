/**
 * As much of an AML assembler as a small DSDT needs: each function gives the bytes of one term.
 * Source: ACPI specification, chapter 20 (AML encoding).
 */

export type Aml = number[];
/** A term, or a number (encoded as the shortest integer constant), or a NamePath written as a string. */
export type Term = Aml | number | string;

const word = (value: number): Aml => [value & 0xff, (value >>> 8) & 0xff];
const dword = (value: number): Aml => [...word(value), ...word(value >>> 16)];

export function integer(value: number): Aml {
  if (value === 0) return [0x00];
  if (value === 1) return [0x01];
  if (value === 0xffffffff) return [0x0c, 0xff, 0xff, 0xff, 0xff];
  if (value < 0x100) return [0x0a, value];
  if (value < 0x10000) return [0x0b, ...word(value)];
  return [0x0c, ...dword(value)];
}

/** NameString: `\` root and `^` parent prefixes, segments divided by dots, each padded to four characters with `_`. */
export function path(name: string): Aml {
  const prefix = /^[\\^]*/.exec(name)?.[0] ?? '';
  const segments = name
    .slice(prefix.length)
    .split('.')
    .filter(segment => segment !== '');
  const bytes = [...prefix].map(c => c.charCodeAt(0));
  if (segments.length === 0) bytes.push(0x00);
  else if (segments.length === 2) bytes.push(0x2e);
  else if (segments.length > 2) bytes.push(0x2f, segments.length);
  for (const segment of segments) {
    if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(segment)) throw new Error(`${name}: ${segment} is no AML name`);
    for (const c of segment.padEnd(4, '_')) bytes.push(c.charCodeAt(0));
  }
  return bytes;
}

const term = (value: Term): Aml =>
  typeof value === 'number' ? integer(value) : typeof value === 'string' ? path(value) : value;
const terms = (values: Term[]): Aml => values.flatMap(term);

/** PkgLength counts itself; its first byte tells how many follow. */
function packageLength(length: number): Aml {
  if (length + 1 < 0x40) return [length + 1];
  if (length + 2 < 0x1000) return [0x40 | ((length + 2) & 15), (length + 2) >> 4];
  const total = length + 3;
  return [0x80 | (total & 15), (total >> 4) & 0xff, total >> 12];
}

const block = (opcode: Aml, body: Aml): Aml => [...opcode, ...packageLength(body.length), ...body];

export const text = (value: string): Aml => [0x0d, ...[...value].map(c => c.charCodeAt(0)), 0];
export const buffer = (bytes: Aml): Aml => block([0x11], [...integer(bytes.length), ...bytes]);
export const list = (...elements: Term[]): Aml => block([0x12], [elements.length, ...terms(elements)]);
export const name = (at: string, value: Term): Aml => [0x08, ...path(at), ...term(value)];
export const scope = (at: string, ...body: Term[]): Aml => block([0x10], [...path(at), ...terms(body)]);
export const device = (at: string, ...body: Term[]): Aml => block([0x5b, 0x82], [...path(at), ...terms(body)]);
export const method = (at: string, args: number, ...body: Term[]): Aml =>
  block([0x14], [...path(at), args, ...terms(body)]);
/** OperationRegion in PCI configuration space (2) or system I/O (1). */
export const region = (at: string, space: number, offset: number, length: number): Aml => [
  0x5b,
  0x80,
  ...path(at),
  space,
  ...integer(offset),
  ...integer(length),
];
/** Field, by bytes unless its flags say otherwise, its units (of less than 64 bits) named in order with their bits. */
export const field = (of: string, units: [string, number][], flags = 0x01): Aml =>
  block([0x5b, 0x81], [...path(of), flags, ...units.flatMap(([unit, bits]) => [...path(unit), bits])]);
export const processor = (at: string, id: number): Aml => block([0x5b, 0x83], [...path(at), id, 0, 0, 0, 0, 0]);

export const arg = (n: number): Aml => [0x68 + n];
export const local = (n: number): Aml => [0x60 + n];
export const store = (value: Term, to: Term): Aml => [0x70, ...term(value), ...term(to)];
export const and = (a: Term, b: Term, to: Term = [0x00]): Aml => [0x7b, ...term(a), ...term(b), ...term(to)];
export const or = (a: Term, b: Term, to: Term = [0x00]): Aml => [0x7d, ...term(a), ...term(b), ...term(to)];
export const less = (a: Term, b: Term): Aml => [0x95, ...term(a), ...term(b)];
export const when = (condition: Term, ...body: Term[]): Aml => block([0xa0], [...term(condition), ...terms(body)]);
export const give = (value: Term): Aml => [0xa4, ...term(value)];
export const createDwordField = (source: Term, index: number, at: string): Aml => [
  0x8a,
  ...term(source),
  ...integer(index),
  ...path(at),
];
export const call = (at: string, ...args: Term[]): Aml => [...path(at), ...terms(args)];

/** EISAID("PNP0A03"): three letters of five bits, four hexadecimal digits, big end first. */
export function eisaId(id: string): Aml {
  const letter = (i: number) => id.charCodeAt(i) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = Number.parseInt(id.slice(3), 16);
  return [0x0c, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff];
}

// ---- resource descriptors (ACPI specification, 6.4)

export const ioPort = (base: number, length: number): Aml => [0x47, 0x01, ...word(base), ...word(base), 0x01, length];
/** ISA interrupt, edge, active high, not shared. */
export const irq = (number: number): Aml => [0x22, ...word(1 << number)];
/** Extended interrupt: level, active high, shared. */
export const sharedInterrupts = (...numbers: number[]): Aml => [
  0x89,
  ...word(2 + 4 * numbers.length),
  0x09,
  numbers.length,
  ...numbers.flatMap(dword),
];
/** Address space descriptors share their five numbers: granularity, minimum, maximum, translation, length. */
const span = (first: number, last: number): number[] => [0, first, last, 0, last - first + 1];
export const busNumbers = (first: number, last: number): Aml => [
  0x88,
  ...word(13),
  0x02,
  0x0c,
  0x00,
  ...span(first, last).flatMap(word),
];
export const ioWindow = (first: number, last: number): Aml => [
  0x88,
  ...word(13),
  0x01,
  0x0c,
  0x03,
  ...span(first, last).flatMap(word),
];
export const memoryWindow = (first: number, last: number): Aml => [
  0x87,
  ...word(23),
  0x00,
  0x0c,
  0x01,
  ...span(first, last).flatMap(dword),
];
export const fixedMemory = (base: number, length: number): Aml => [
  0x86,
  ...word(9),
  0x01,
  ...dword(base),
  ...dword(length),
];
export const resources = (...descriptors: Aml[]): Aml => buffer([...descriptors.flat(), 0x79, 0x00]);
