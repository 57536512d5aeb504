/**
 * Plain data as bytes: null, booleans, numbers (all of them: -0, NaN, Infinity), strings, arrays, objects with string keys, and typed arrays.
 * A byte says the kind; lengths are 32-bit little-endian. Reading never trusts a length.
 */
type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

const KIND = {
  UNDEFINED: 0,
  NULL: 1,
  FALSE: 2,
  TRUE: 3,
  NUMBER: 4,
  STRING: 5,
  ARRAY: 6,
  OBJECT: 7,
  TYPED: 16,
} as const;
const TYPED = [Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array] as const;

/** A state has thousands of words, and a guest is paused for them: most are short and of ASCII, which no coder is called for. */
const SHORT = 32;
const encoder = new TextEncoder(),
  decoder = new TextDecoder();

/** What a literal makes of its items; a name of this is one like any other. */
const ITEM = { enumerable: true, writable: true, configurable: true };

/** Bytes that are no plain data; `offset` is where. */
export class PlainDataError extends Error {
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(what);
    this.name = 'PlainDataError';
    this.offset = offset;
  }
}

/** False: it is no short word of ASCII. */
function putShort(word: string, into: Uint8Array, at: number): boolean {
  if (word.length > SHORT) return false;
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code > 0x7f) return false;
    into[at + i] = code;
  }
  return true;
}

/** @throws PlainDataError for functions, symbols and other things that are no data. */
export function encodePlain(value: unknown): Uint8Array {
  let bytes = new Uint8Array(1024),
    at = 0;
  let view = new DataView(bytes.buffer);
  const room = (count: number): void => {
    if (at + count <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, at + count));
    larger.set(bytes);
    bytes = larger;
    view = new DataView(bytes.buffer);
  };
  const byte = (b: number): void => {
    room(1);
    bytes[at++] = b;
  };
  const length = (n: number): void => {
    room(4);
    view.setUint32(at, n, true);
    at += 4;
  };
  const raw = (data: Uint8Array): void => {
    room(data.length);
    bytes.set(data, at);
    at += data.length;
  };
  const text = (s: string): void => {
    room(4 + SHORT);
    if (putShort(s, bytes, at + 4)) {
      length(s.length);
      at += s.length;
      return;
    }
    const data = encoder.encode(s);
    length(data.length);
    raw(data);
  };
  const put = (v: unknown): void => {
    if (v === undefined) return byte(KIND.UNDEFINED);
    if (v === null) return byte(KIND.NULL);
    if (typeof v === 'boolean') return byte(v ? KIND.TRUE : KIND.FALSE);
    if (typeof v === 'number') {
      byte(KIND.NUMBER);
      room(8);
      view.setFloat64(at, v, true);
      at += 8;
      return;
    }
    if (typeof v === 'string') {
      byte(KIND.STRING);
      return text(v);
    }
    if (Array.isArray(v)) {
      byte(KIND.ARRAY);
      length(v.length);
      for (const item of v) put(item);
      return;
    }
    if (ArrayBuffer.isView(v)) {
      const kind = TYPED.findIndex(type => v instanceof type);
      if (kind < 0) throw new PlainDataError(`${v.constructor.name} is no plain data`, at);
      byte(KIND.TYPED + kind);
      length((v as TypedArray).length);
      raw(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
      return;
    }
    if (typeof v !== 'object') throw new PlainDataError(`a ${typeof v} is no plain data`, at);
    const entries = Object.entries(v);
    byte(KIND.OBJECT);
    length(entries.length);
    for (const [key, item] of entries) {
      text(key);
      put(item);
    }
  };
  put(value);
  return bytes.slice(0, at);
}

/** @throws PlainDataError */
export function decodePlain(data: Uint8Array): unknown {
  // Node's Buffer is a Uint8Array whose slice() shares memory.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const need = (count: number): number => {
    if (at + count > bytes.length) throw new PlainDataError(`it ends ${at + count - bytes.length} bytes too early`, at);
    at += count;
    return at - count;
  };
  const length = (): number => view.getUint32(need(4), true);
  const text = (): string => {
    const count = length(),
      start = need(count);
    if (count > SHORT) return decoder.decode(bytes.slice(start, at));
    let short = '';
    for (let i = start; i < at; i++) {
      if (bytes[i]! > 0x7f) return decoder.decode(bytes.slice(start, at));
      short += String.fromCharCode(bytes[i]!);
    }
    return short;
  };
  const get = (depth: number): unknown => {
    const start = need(1),
      kind = bytes[start];
    if (depth > 64) throw new PlainDataError('it is nested too deeply', start);
    switch (kind) {
      case KIND.UNDEFINED:
        return undefined;
      case KIND.NULL:
        return null;
      case KIND.FALSE:
        return false;
      case KIND.TRUE:
        return true;
      case KIND.NUMBER:
        return view.getFloat64(need(8), true);
      case KIND.STRING:
        return text();
      case KIND.ARRAY: {
        const items: unknown[] = [];
        for (let count = length(); count > 0; count--) items.push(get(depth + 1));
        return items;
      }
      case KIND.OBJECT: {
        const object: Record<string, unknown> = {};
        for (let count = length(); count > 0; count--) {
          const key = text(),
            value = get(depth + 1);
          if (key === '__proto__') Object.defineProperty(object, key, { ...ITEM, value });
          else object[key] = value;
        }
        return object;
      }
      default: {
        const Type = TYPED[kind - KIND.TYPED];
        if (!Type) throw new PlainDataError(`a value of unknown kind ${kind}`, start);
        const count = length(),
          from = need(count * Type.BYTES_PER_ELEMENT);
        return new Type(bytes.slice(from, at).buffer);
      }
    }
  };
  const value = get(0);
  if (at !== bytes.length) throw new PlainDataError(`${bytes.length - at} bytes too many`, at);
  return value;
}
