/** Packets of libvirt's protocol: a length that counts itself, a header, a payload. */
import { Pieces } from '../../dom0/host/nbd/index.ts';
import { decode, encode, XdrReader, type Xdr } from '../../formats/xdr/index.ts';
import { HEADER_BYTES, LENGTH_BYTES, MOST_DESCRIPTORS, MOST_MESSAGE_BYTES, TYPE } from './protocol.ts';
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
  private readonly held = new Pieces();
  /** Of the packet that is coming, behind its length; undefined: that has not come yet. */
  private wanted: number | undefined;
  /** Behind a packet with descriptors comes a byte for each of them, which is nothing without it. */
  private carriers = 0;

  /** The packets that are whole now. @throws PacketError: nothing that follows has a meaning */
  *take(bytes: Uint8Array<ArrayBuffer>): Generator<Packet> {
    const { held } = this;
    held.push(bytes);
    for (;;) {
      while (this.carriers > 0 && held.bytes > 0) {
        held.take(1);
        this.carriers--;
      }
      if (this.wanted === undefined) {
        if (held.bytes < LENGTH_BYTES) return;
        const length = new XdrReader(held.take(LENGTH_BYTES)).unsigned();
        if (length < LENGTH_BYTES + HEADER_BYTES || length > LENGTH_BYTES + MOST_MESSAGE_BYTES)
          throw new PacketError(
            `packet ${length} bytes received from client is not between ${LENGTH_BYTES + HEADER_BYTES} and ${LENGTH_BYTES + MOST_MESSAGE_BYTES}`,
          );
        this.wanted = length - LENGTH_BYTES;
      }
      if (held.bytes < this.wanted) return;
      const whole = held.take(this.wanted);
      this.wanted = undefined;
      const packet = { header: decode(header, whole.subarray(0, HEADER_BYTES)), payload: whole.subarray(HEADER_BYTES) };
      if (packet.header.type === TYPE.CALL_WITH_FDS) this.carriers = descriptorsOf(packet);
      yield packet;
    }
  }
}

/** How many descriptors come with a packet. @throws PacketError */
function descriptorsOf({ payload }: Packet): number {
  if (payload.length < 4) throw new PacketError('Unable to decode number of FDs');
  const count = new XdrReader(payload).unsigned();
  if (count > MOST_DESCRIPTORS)
    throw new PacketError(`Received too many FDs ${count}, expected ${MOST_DESCRIPTORS} maximum`);
  return count;
}

export function packetOf(head: Header, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(LENGTH_BYTES + HEADER_BYTES + payload.length);
  new DataView(whole.buffer).setUint32(0, whole.length);
  whole.set(encode(header, head), LENGTH_BYTES);
  whole.set(payload, LENGTH_BYTES + HEADER_BYTES);
  return whole;
}

export const packetWith = <T>(head: Header, type: Xdr<T>, value: T): Uint8Array<ArrayBuffer> =>
  packetOf(head, encode(type, value));
