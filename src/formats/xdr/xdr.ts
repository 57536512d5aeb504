/**
 * XDR: External Data Representation (RFC 4506). A type reads and writes its values; types of structures are made of others. Everything is big-endian and a
 * multiple of four bytes long. Lengths come from the sender: each has its most, and none is believed beyond the bytes that are there.
 */

/** The bytes are not what their type says; a sentence. */
export class XdrError extends Error {
  override name = 'XdrError';
}

export interface Xdr<T> {
  /** @throws XdrError */
  read(from: XdrReader): T;
  /** @throws XdrError where a value does not fit its type */
  write(to: XdrWriter, value: T): void;
}

/** What a type's values are. */
export type Of<X> = X extends Xdr<infer T> ? T : never;

const padded = (count: number): number => (count + 3) & ~3;

export class XdrReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The place of this many bytes, which are behind then, with what fills them up. @throws XdrError */
  private take(count: number): number {
    const { at } = this;
    if (count > this.left) throw new XdrError(`${count} bytes are wanted, and ${this.left} are left.`);
    this.at = Math.min(at + padded(count), this.bytes.length);
    return at;
  }

  int(): number {
    return this.view.getInt32(this.take(4));
  }

  unsigned(): number {
    return this.view.getUint32(this.take(4));
  }

  hyper(): bigint {
    return this.view.getBigInt64(this.take(8));
  }

  double(): number {
    return this.view.getFloat64(this.take(8));
  }

  opaque(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.slice(at, at + count);
  }

  /** Of what follows. @throws XdrError where it is more than `most` */
  length(most: number): number {
    const length = this.unsigned();
    if (length > most) throw new XdrError(`A length of ${length} is more than ${most}.`);
    return length;
  }
}

export class XdrWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  private make(count: number): number {
    const { at } = this;
    const end = at + padded(count);
    if (end > this.bytes.length) {
      const more = new Uint8Array(Math.max(end, this.bytes.length * 2));
      more.set(this.bytes);
      this.bytes = more;
      this.view = new DataView(more.buffer);
    }
    this.at = end;
    return at;
  }

  int(value: number): void {
    const at = this.make(4);
    this.view.setInt32(at, value);
  }

  hyper(value: bigint): void {
    const at = this.make(8);
    this.view.setBigInt64(at, value);
  }

  double(value: number): void {
    const at = this.make(8);
    this.view.setFloat64(at, value);
  }

  opaque(bytes: Uint8Array): void {
    const at = this.make(bytes.length);
    this.bytes.set(bytes, at);
  }

  get whole(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }
}

const MOST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

export const int: Xdr<number> = { read: from => from.int(), write: (to, value) => to.int(value) };
export const unsigned: Xdr<number> = { read: from => from.unsigned(), write: (to, value) => to.int(value) };
export const bool: Xdr<boolean> = { read: from => from.int() !== 0, write: (to, value) => to.int(value ? 1 : 0) };
/** A number's place among those that JavaScript counts with: what is farther off becomes the farthest. */
const near = (value: bigint): number =>
  Number(value > MOST_EXACT ? MOST_EXACT : value < -MOST_EXACT ? -MOST_EXACT : value);
/** 64 bits with a sign. */
export const hyper: Xdr<number> = {
  read: from => near(from.hyper()),
  write: (to, value) => to.hyper(BigInt(Math.trunc(value))),
};
export const unsignedHyper: Xdr<number> = {
  read: from => near(BigInt.asUintN(64, from.hyper())),
  write: (to, value) => to.hyper(BigInt.asIntN(64, BigInt(Math.trunc(value)))),
};
export const double: Xdr<number> = { read: from => from.double(), write: (to, value) => to.double(value) };

/** No value at all. */
export const nothing: Xdr<void> = { read: () => {}, write: () => {} };

/** Bytes of a number that both know. */
export const opaque = (count: number): Xdr<Uint8Array> => ({
  read: from => from.opaque(count),
  write: (to, value) => {
    if (value.length !== count) throw new XdrError(`${value.length} bytes are not ${count}.`);
    to.opaque(value);
  },
});

export const bytes = (most: number): Xdr<Uint8Array> => ({
  read: from => from.opaque(from.length(most)),
  write: (to, value) => {
    writeLength(to, value.length, most);
    to.opaque(value);
  },
});

export const string = (most: number): Xdr<string> => ({
  read: from => new TextDecoder().decode(from.opaque(from.length(most))),
  write: (to, value) => {
    const encoded = new TextEncoder().encode(value);
    writeLength(to, encoded.length, most);
    to.opaque(encoded);
  },
});

/** A value, or none. */
export const optional = <T>(type: Xdr<T>): Xdr<T | undefined> => ({
  read: from => (from.int() === 0 ? undefined : type.read(from)),
  write: (to, value) => {
    to.int(value === undefined ? 0 : 1);
    if (value !== undefined) type.write(to, value);
  },
});

/** This many of a type. */
export const fixed = <T>(type: Xdr<T>, count: number): Xdr<T[]> => ({
  read: from => Array.from({ length: count }, () => type.read(from)),
  write: (to, values) => {
    for (let i = 0; i < count; i++) type.write(to, values[i]);
  },
});

export const array = <T>(type: Xdr<T>, most: number): Xdr<T[]> => ({
  read: from => {
    const length = from.length(most);
    const values: T[] = [];
    // A type may take no bytes at all, or nearly: what is not there is found out before there is room for it.
    for (let i = 0; i < length; i++) values.push(type.read(from));
    return values;
  },
  write: (to, values) => {
    writeLength(to, values.length, most);
    for (const value of values) type.write(to, value);
  },
});

/** Fields in their order. */
export const struct = <T extends Record<string, unknown>>(fields: { [Key in keyof T]: Xdr<T[Key]> }): Xdr<T> => {
  const all = Object.entries(fields) as [keyof T, Xdr<T[keyof T]>][];
  return {
    read: from => Object.fromEntries(all.map(([name, type]) => [name, type.read(from)])) as T,
    write: (to, value) => {
      for (const [name, type] of all) type.write(to, value[name]);
    },
  };
};

function writeLength(to: XdrWriter, length: number, most: number): void {
  if (length > most) throw new XdrError(`A length of ${length} is more than ${most}.`);
  to.int(length);
}

/** The bytes of a value. @throws XdrError */
export function encode<T>(type: Xdr<T>, value: T): Uint8Array {
  const writer = new XdrWriter();
  type.write(writer, value);
  return writer.whole;
}

/** The value of all bytes. @throws XdrError, also where some are left */
export function decode<T>(type: Xdr<T>, from: Uint8Array): T {
  const reader = new XdrReader(from);
  const value = type.read(reader);
  if (reader.left > 0) throw new XdrError(`${reader.left} bytes are left behind the value.`);
  return value;
}
