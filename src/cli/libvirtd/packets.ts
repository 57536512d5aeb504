/** Packets of libvirt's protocol: a length that counts itself, a header, a payload. */
import { decode, encode, XdrReader, type Xdr } from '../../formats/xdr/index.ts';
import { HEADER_BYTES, LENGTH_BYTES, MOST_MESSAGE_BYTES } from './protocol.ts';
import { header, type Header } from './types.ts';

export interface Packet {
  header: Header;
  payload: Uint8Array;
}

/** Who sends this speaks another language; a sentence. */
export class PacketError extends Error {
  override name = 'PacketError';
}

/** Cuts what comes into packets. What has come of one is kept until the rest is there, and no room is made for what has not. */
export class PacketReader {
  private pieces: Uint8Array[] = [];
  private held = 0;

  /** The packets that are whole now. @throws PacketError: nothing that follows has a meaning */
  *take(bytes: Uint8Array): Generator<Packet> {
    this.pieces.push(bytes);
    this.held += bytes.length;
    while (this.held >= LENGTH_BYTES) {
      const length = new XdrReader(this.head(LENGTH_BYTES)).unsigned();
      if (length < LENGTH_BYTES + HEADER_BYTES || length > LENGTH_BYTES + MOST_MESSAGE_BYTES)
        throw new PacketError(
          `packet ${length} bytes received from client is not between ${LENGTH_BYTES + HEADER_BYTES} and ${LENGTH_BYTES + MOST_MESSAGE_BYTES}`,
        );
      if (this.held < length) return;
      const whole = this.head(length);
      this.drop(length);
      const at = LENGTH_BYTES + HEADER_BYTES;
      yield { header: decode(header, whole.subarray(LENGTH_BYTES, at)), payload: whole.subarray(at) };
    }
  }

  /** The first bytes, which are there, in one piece. */
  private head(count: number): Uint8Array {
    if (this.pieces[0]!.length < count) {
      const all = new Uint8Array(this.held);
      let at = 0;
      for (const piece of this.pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      this.pieces = [all];
    }
    return this.pieces[0]!.subarray(0, count);
  }

  private drop(count: number): void {
    this.held -= count;
    const rest = this.pieces[0]!.subarray(count);
    if (rest.length > 0) this.pieces[0] = rest;
    else this.pieces.shift();
  }
}

export function packetOf(head: Header, payload: Uint8Array): Uint8Array {
  const whole = new Uint8Array(LENGTH_BYTES + HEADER_BYTES + payload.length);
  new DataView(whole.buffer).setUint32(0, whole.length);
  whole.set(encode(header, head), LENGTH_BYTES);
  whole.set(payload, LENGTH_BYTES + HEADER_BYTES);
  return whole;
}

export const packetWith = <T>(head: Header, type: Xdr<T>, value: T): Uint8Array => packetOf(head, encode(type, value));
