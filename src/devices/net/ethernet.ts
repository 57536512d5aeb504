/** What lies between a network card and what plays the wire: frames without preamble and without frame check sequence. */
import type { AskedBy } from '../../formats/blocks/index.ts';

/** What a card is called on its board: those behind the first have numbers. */
export const cardName = (kind: string, place = 0): string => (place === 0 ? kind : `${kind}-${place}`);

export interface Ethernet {
  /** A frame towards the wire: destination, source, type, data. The frame is the receiver's to keep. Returns at once. `by`: for who follows it. */
  send(frame: Uint8Array, by?: AskedBy): void;
  /** The wire takes no frame now: the card waits and asks again. Absent: it always does. */
  readonly busy?: boolean;
  /** A frame from the wire; the card sets it. To be called between instructions (from a timer or a message), never inside `send`. */
  receive?: (frame: Uint8Array) => void;
  /** Whether the card would keep a frame: one with nowhere to put it loses it. The card sets it. */
  canReceive?: () => boolean;
  /** Nothing is at the other end: what is sent is lost (default: something is). */
  readonly isDown?: boolean;
  /** Is called when that changes; a card that shows its link sets it. */
  linkChanged?: () => void;
}

/** Shortest and longest frame without its frame check sequence (IEEE 802.3, 3.2.7 and 4A.4.2), and that sequence's length, in bytes. */
export const MIN_FRAME = 60,
  MAX_FRAME = 1514,
  FCS_BYTES = 4;
/** Destination, source, type. */
export const HEADER_BYTES = 14;

/** Whether a frame's destination is a group. */
export const isMulticast = (frame: Uint8Array): boolean => (frame[0] & 1) !== 0;

/** Whether its destination is everybody. */
export function isBroadcast(frame: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (frame[i] !== 0xff) return false;
  return true;
}

const POLYNOMIAL = 0xedb88320;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Remainder of the first `length` bytes, least significant bit first, as the card's filter takes it: not complemented (IEEE 802.3, 3.2.9). */
export function crcRemainder(bytes: Uint8Array, length: number): number {
  let crc = ~0;
  for (let i = 0; i < length; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return crc >>> 0;
}

/** Frame check sequence of the first `length` bytes; it goes out with its least significant byte first. */
export function frameCheck(bytes: Uint8Array, length: number): number {
  return ~crcRemainder(bytes, length) >>> 0;
}
