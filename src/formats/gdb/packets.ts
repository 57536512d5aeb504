/**
 * Packets of gdb's remote serial protocol, as bytes come in and go out. Source: Debugging with GDB, appendix E (E.1 Overview, E.8 Notification Packets).
 *
 * `$` data `#` two digits: a sum of the bytes of data. `}` says that the next byte has bit 5 turned, in both directions.
 */

/** A request's data, the byte that interrupts a program, an acknowledgement; or what is no packet, so that its sender shall send it again. */
export type GdbEvent =
  | { kind: 'packet'; data: Uint8Array<ArrayBuffer> }
  | { kind: 'interrupt' | 'ack' | 'nak' | 'bad' };

const DOLLAR = 0x24,
  HASH = 0x23,
  STAR = 0x2a,
  PLUS = 0x2b,
  MINUS = 0x2d,
  ESCAPE = 0x7d,
  ESCAPED = 0x20,
  INTERRUPT = 0x03;

const digit = (byte: number): number => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? -1 : value;
};

/** One direction of a connection, byte by byte. Of what is longer than `most` bytes nothing is kept. */
export class PacketReader {
  private readonly data: Uint8Array<ArrayBuffer>;
  private length = 0;
  private sum = 0;
  private place: 'between' | 'data' | 'first digit' | 'second digit' = 'between';
  private escaped = false;
  private tooLong = false;
  private wanted = 0;

  constructor(most: number) {
    this.data = new Uint8Array(most);
  }

  *push(bytes: Uint8Array): Generator<GdbEvent> {
    for (const byte of bytes) {
      const event = this.byte(byte);
      if (event) yield event;
    }
  }

  private byte(byte: number): GdbEvent | undefined {
    switch (this.place) {
      case 'between':
        if (byte === DOLLAR) this.begin();
        else if (byte === INTERRUPT) return { kind: 'interrupt' };
        else if (byte === PLUS) return { kind: 'ack' };
        else if (byte === MINUS) return { kind: 'nak' };
        return undefined;
      case 'data':
        if (byte === HASH) this.place = 'first digit';
        // What came before it was cut off.
        else if (byte === DOLLAR) this.begin();
        else this.put(byte);
        return undefined;
      case 'first digit':
        this.wanted = digit(byte) << 4;
        this.place = 'second digit';
        return undefined;
      case 'second digit':
        this.wanted |= digit(byte);
        this.place = 'between';
        return this.wanted !== this.sum || this.escaped || this.tooLong
          ? { kind: 'bad' }
          : { kind: 'packet', data: this.data.slice(0, this.length) };
    }
  }

  private begin(): void {
    this.place = 'data';
    this.length = this.sum = 0;
    this.escaped = this.tooLong = false;
  }

  private put(byte: number): void {
    this.sum = (this.sum + byte) & 0xff;
    if (!this.escaped && byte === ESCAPE) {
      this.escaped = true;
      return;
    }
    if (this.length === this.data.length) this.tooLong = true;
    else this.data[this.length++] = this.escaped ? byte ^ ESCAPED : byte;
    this.escaped = false;
  }
}

/** A packet with this data. */
export function gdbPacket(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = [DOLLAR];
  let sum = 0;
  const put = (byte: number): void => {
    bytes.push(byte);
    sum += byte;
  };
  for (const byte of data) {
    if (byte === DOLLAR || byte === HASH || byte === STAR || byte === ESCAPE) {
      put(ESCAPE);
      put(byte ^ ESCAPED);
    } else put(byte);
  }
  const digits = (sum & 0xff).toString(16).padStart(2, '0');
  return Uint8Array.from([...bytes, HASH, ...[...digits].map(each => each.charCodeAt(0))]);
}

export const hexOf = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};

/** Undefined: these are no pairs of hexadecimal digits. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0 || !/^[\da-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
