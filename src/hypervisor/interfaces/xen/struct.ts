/**
 * Structures of Xen's public headers: declared once, by the names and types of their fields; offsets follow from the types, for guests of 32 and of 64 bits.
 * A type of the headers may differ between the two: unsigned long is a word of the guest's, and 64-bit integers are aligned to four bytes on i386 and to
 * eight on x86-64 (System V ABI, processor supplements). What a guest passes is copied before anything of it is looked at.
 */
import { getInt64, getUint64, setUint64 } from '../../memory/words.ts';

/** Memory of the guest that passes a structure, at linear addresses (GuestAccess), which wrap around as those of its code do. */
export interface StructMemory {
  /** Copies from there; undefined: it cannot be read. */
  read(linear: number, length: number): Uint8Array<ArrayBuffer> | undefined;
  /** Copies to there; false: it cannot be written. */
  write(linear: number, from: Uint8Array): boolean;
}

/** How a type of the headers lies in memory and what it is here. */
export interface FieldType<T> {
  readonly bytes: number;
  readonly align: number;
  get(view: DataView<ArrayBuffer>, at: number): T;
  set(view: DataView<ArrayBuffer>, at: number, value: T): void;
  /** The same in a 64-bit guest's structures; absent: it lies there as here. */
  readonly wide?: FieldType<T>;
}

/** How many bits a guest's words have. */
export type Width = 32 | 64;

/** A field at an offset of its own: a member of a union. */
export interface PlacedField<T> extends FieldType<T> {
  readonly offset: number;
}

export const u8: FieldType<number> = {
  bytes: 1,
  align: 1,
  get: (view, at) => view.getUint8(at),
  set: (view, at, value) => view.setUint8(at, value),
};
export const u16: FieldType<number> = {
  bytes: 2,
  align: 2,
  get: (view, at) => view.getUint16(at, true),
  set: (view, at, value) => view.setUint16(at, value, true),
};
export const i16: FieldType<number> = {
  bytes: 2,
  align: 2,
  get: (view, at) => view.getInt16(at, true),
  set: (view, at, value) => view.setInt16(at, value, true),
};
export const u32: FieldType<number> = {
  bytes: 4,
  align: 4,
  get: (view, at) => view.getUint32(at, true),
  set: (view, at, value) => view.setUint32(at, value, true),
};
export const i32: FieldType<number> = {
  bytes: 4,
  align: 4,
  get: (view, at) => view.getInt32(at, true),
  set: (view, at, value) => view.setInt32(at, value, true),
};
const wideU64: FieldType<number> = { bytes: 8, align: 8, get: getUint64, set: setUint64 };
/** As a number: exact below 2^53, and larger ones stay larger. */
export const u64: FieldType<number> = { ...wideU64, align: 4, wide: wideU64 };
/** xen_pfn_t, unsigned long: a word of the guest's width. */
export const ulong: FieldType<number> = { ...u32, wide: wideU64 },
  pfn = ulong;
/** long, and what registers hold: the same with a sign. */
export const long: FieldType<number> = { ...i32, wide: { ...wideU64, get: getInt64 } };
/** XEN_GUEST_HANDLE: a linear address, canonical where it has 64 bits, and then a number with a sign. */
export const handle: FieldType<number> = { ...u32, wide: { ...wideU64, get: getInt64 } };

/** A type as a guest of this width has it. */
export const typeAt = <T>(type: FieldType<T>, width: Width): FieldType<T> => (width === 64 && type.wide) || type;

/** A value in a guest's memory, an element of a list; undefined: it cannot be read. */
export function readValue<T>(memory: StructMemory, type: FieldType<T>, linear: number): T | undefined {
  const bytes = memory.read(linear, type.bytes);
  return bytes && type.get(new DataView(bytes.buffer), 0);
}

/** Writes one; false: it cannot be written there. */
export function writeValue<T>(memory: StructMemory, type: FieldType<T>, linear: number, value: T): boolean {
  const bytes = new Uint8Array(type.bytes);
  type.set(new DataView(bytes.buffer), 0, value);
  return memory.write(linear, bytes);
}

/** A type that the headers declare otherwise for 64-bit guests. */
export const byWidth = <T>(narrow: FieldType<T>, wide: FieldType<T>): FieldType<T> => ({
  ...narrow,
  wide: wide.wide ?? wide,
});
/** An integer of 64 bits in a packed structure: aligned to nothing in either width. */
export const packedU64: FieldType<number> = { ...wideU64, align: 1 };

/** char[length]: what is not text is zeros, and so is the last byte. */
export function chars(length: number): FieldType<string> {
  return {
    bytes: length,
    align: 1,
    get: (view, at) => String.fromCharCode(...new Uint8Array(view.buffer, at, length)),
    set: (view, at, value) => {
      for (let i = 0; i < length; i++)
        view.setUint8(at + i, i < length - 1 && i < value.length ? value.charCodeAt(i) : 0);
    },
  };
}

/** uint8_t[length]. */
export function octets(length: number): FieldType<Uint8Array> {
  return {
    bytes: length,
    align: 1,
    get: (view, at) => new Uint8Array(view.buffer, at, length),
    set: (view, at, value) => new Uint8Array(view.buffer, at, length).set(value),
  };
}

/** type[length]. */
export function array<T>(type: FieldType<T>, length: number): FieldType<readonly T[]> {
  return {
    ...(type.wide && { wide: array(type.wide, length) }),
    bytes: type.bytes * length,
    align: type.align,
    get: (view, at) => Array.from({ length }, (_, i) => type.get(view, at + i * type.bytes)),
    set: (view, at, values) => values.forEach((value, i) => type.set(view, at + i * type.bytes, value)),
  };
}

const words = array(u32, 2);
/** uint64_t whose bits all count: low word, high word. */
export const u64words: FieldType<readonly number[]> = { ...words, wide: { ...words, align: 8 } };

/** A structure in a structure: its fields as they were when it was asked for. */
export function nested<F extends Fields>(type: StructType<F>): FieldType<Values<F> & StructCopy> {
  return {
    ...(type.at(64) !== type && { wide: nested(type.at(64)) }),
    bytes: type.bytes,
    align: type.align,
    get: (view, at) => type.over(new Uint8Array(view.buffer.slice(at, at + type.bytes))),
    set: () => {
      throw new Error('no operation answers in a structure in a structure');
    },
  };
}

/** Places a field: where a union's members lie over each other. */
export const at = <T>(offset: number, type: FieldType<T>, wideOffset = offset): PlacedField<T> => {
  const wide: PlacedField<T> = { ...(type.wide ?? type), offset: wideOffset };
  return { ...type, offset, wide };
};

// biome-ignore lint/suspicious/noExplicitAny: fields of all types.
export type Fields = Readonly<Record<string, FieldType<any>>>;
export type Values<F extends Fields> = { -readonly [Name in keyof F]: F[Name] extends FieldType<infer T> ? T : never };
/** A guest's structure of a type, `GuestStruct<typeof EvtchnBindInterdomain>`: a copy. */
export type GuestStruct<S> = S extends StructType<infer F> ? Values<F> & StructCopy : never;
/** What `answer` writes: bytes that lie side by side. */
export type Span = readonly [at: number, bytes: number];

/** The bytes of one. */
export class StructCopy {
  readonly view: DataView<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.view = new DataView(bytes.buffer);
  }
}

export class StructType<F extends Fields> {
  readonly fields: F;
  readonly bytes: number;
  readonly align: number;
  /** Byte offsets of the fields. */
  readonly offsets: Readonly<Record<keyof F, number>>;
  private readonly Copy: typeof StructCopy;
  private wide: StructType<F> | undefined;

  /** As a 32-bit guest lays it out; `at(64)` is the other. */
  constructor(fields: F) {
    this.fields = fields;
    const offsets: Record<string, number> = {};
    class Copy extends StructCopy {}
    let end = 0,
      most = 1;
    for (const [name, type] of Object.entries(fields)) {
      const { bytes, align } = type;
      const offset = (type as Partial<PlacedField<unknown>>).offset ?? Math.ceil(end / align) * align;
      offsets[name] = offset;
      end = Math.max(end, offset + bytes);
      most = Math.max(most, align);
      Object.defineProperty(Copy.prototype, name, {
        get(this: StructCopy) {
          return type.get(this.view, offset);
        },
        set(this: StructCopy, value: unknown) {
          type.set(this.view, offset, value);
        },
      });
    }
    this.bytes = Math.ceil(end / most) * most;
    this.align = most;
    this.offsets = offsets as Record<keyof F, number>;
    this.Copy = Copy;
  }

  /** The structure in memory of a guest of this width. Of what lies alike in both there is one. */
  at(width: Width): StructType<F> {
    return width === 32 ? this : (this.wide ??= this.widened());
  }

  private widened(): StructType<F> {
    if (Object.values(this.fields).every(({ wide }) => wide === undefined)) return this;
    return new StructType(
      Object.fromEntries(Object.entries(this.fields).map(([name, type]) => [name, alone(type.wide ?? type)])) as F,
    );
  }

  /** The fields of bytes that nobody else changes. */
  over(bytes: Uint8Array<ArrayBuffer>): Values<F> & StructCopy {
    return new this.Copy(bytes) as Values<F> & StructCopy;
  }

  /** A copy of a guest's; undefined: it cannot be read. */
  read(memory: StructMemory, linear: number): (Values<F> & StructCopy) | undefined {
    const bytes = memory.read(linear, this.bytes);
    return bytes && this.over(bytes);
  }

  /** One of zeros, to be answered with. */
  blank(): Values<F> & StructCopy {
    return this.over(new Uint8Array(this.bytes));
  }

  /** Where these fields lie, those side by side together. */
  spans(names: readonly (keyof F)[]): Span[] {
    const spans: [number, number][] = [];
    for (const name of Object.keys(this.fields).filter(field => names.includes(field))) {
      const offset = this.offsets[name],
        last = spans.at(-1);
      if (last && last[0] + last[1] >= offset) last[1] = Math.max(last[1], offset + this.fields[name].bytes - last[0]);
      else spans.push([offset, this.fields[name].bytes]);
    }
    return spans;
  }
}

/** Where fields lie, by the width of the guest. */
export const spansOf = <F extends Fields>(
  type: StructType<F>,
  names: readonly (keyof F)[],
): Readonly<Record<Width, Span[]>> => ({ 32: type.spans(names), 64: type.at(64).spans(names) });

/** A type of a 64-bit guest's structure, which has no other. */
function alone<T>({ wide: _, ...type }: FieldType<T>): FieldType<T> {
  return type;
}

/** Declares a structure: its fields in the order of the header. */
export const struct = <const F extends Fields>(fields: F): StructType<F> => new StructType(fields);

/** Writes fields of a copy to where the guest has its structure. False: it cannot be written there. */
export function answer(memory: StructMemory, linear: number, copy: StructCopy, spans: readonly Span[]): boolean {
  for (const [offset, bytes] of spans)
    if (!memory.write(linear + offset, new Uint8Array(copy.view.buffer, offset, bytes))) return false;
  return true;
}
