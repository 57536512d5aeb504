/** Numbers and texts as they are on the wire. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encode = (text: string): Uint8Array => encoder.encode(text);
/** Bytes that may lie in shared memory. */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes.slice());

/** A field: how many bytes, and what. Texts and bytes are sent as they are. */
export type Field = readonly [bytes: 2 | 4 | 8, value: number | bigint] | Uint8Array;

/** Fields one behind the other. */
export function packed(...fields: Field[]): Uint8Array {
  const bytes = fields.reduce((sum, field) => sum + (field instanceof Uint8Array ? field.length : field[0]), 0);
  const whole = new Uint8Array(bytes);
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const field of fields) {
    if (field instanceof Uint8Array) whole.set(field, at);
    else if (field[0] === 2) view.setUint16(at, Number(field[1]));
    else if (field[0] === 4) view.setUint32(at, Number(field[1]));
    else view.setBigUint64(at, BigInt(field[1]));
    at += field instanceof Uint8Array ? field.length : field[0];
  }
  return whole;
}

/** What came, read field by field. */
export class Fields {
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** @throws RangeError where so much is not there, as the others */
  u16(): number {
    return this.view.getUint16((this.at += 2) - 2);
  }

  u32(): number {
    return this.view.getUint32((this.at += 4) - 4);
  }

  u64(): bigint {
    return this.view.getBigUint64((this.at += 8) - 8);
  }

  take(count: number): Uint8Array<ArrayBuffer> {
    if (count > this.left) throw new RangeError(`${count} bytes are said to follow, and there are ${this.left}.`);
    return this.bytes.subarray(this.at, (this.at += count));
  }

  rest(): Uint8Array<ArrayBuffer> {
    return this.take(this.left);
  }
}
