/** TCP segments: reading, building, and numbers that go round. Source: RFC 9293, 3.1 and 3.4. */
import {
  checksum,
  get16,
  get32,
  ipFrame,
  type IpPacket,
  type Path,
  PROTOCOL_TCP,
  pseudoHeader,
  put16,
  put32,
} from '../../../../devices/net/index.ts';

export const FIN = 0x01,
  SYN = 0x02,
  RST = 0x04,
  PSH = 0x08,
  ACK = 0x10;
const HEADER = 20;
const OPTION_END = 0,
  OPTION_NONE = 1,
  OPTION_MSS = 2,
  MSS_BYTES = 4;

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  /** Means something with ACK alone. */
  acknowledgement: number;
  flags: number;
  window: number;
  /** Longest data that the sender takes, where it says so. */
  mss?: number | undefined;
  data: Uint8Array;
}

/** How far `a` is behind `b` in the order of sequence numbers; negative: before it. */
export const distance = (a: number, b: number): number => (a - b) | 0;
export const plus = (sequence: number, count: number): number => (sequence + count) >>> 0;

/** Numbers that it takes: of its data, and one for SYN and for FIN. */
export const lengthOf = ({ flags, data }: Segment): number =>
  data.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);

/** Null: malformed, or the checksum is wrong. */
export function parseTcp(packet: IpPacket): Segment | null {
  const { payload } = packet;
  if (payload.length < HEADER) return null;
  const header = (payload[12] >> 4) * 4;
  if (header < HEADER || header > payload.length) return null;
  if (checksum(payload, pseudoHeader(packet.source, packet.destination, PROTOCOL_TCP, payload.length)) !== 0)
    return null;
  return {
    sourcePort: get16(payload, 0),
    destinationPort: get16(payload, 2),
    sequence: get32(payload, 4),
    acknowledgement: get32(payload, 8),
    flags: payload[13],
    window: get16(payload, 14),
    mss: mssOf(payload.subarray(HEADER, header)),
    data: payload.subarray(header),
  };
}

function mssOf(options: Uint8Array): number | undefined {
  for (let at = 0; at < options.length && options[at] !== OPTION_END; ) {
    if (options[at] === OPTION_NONE) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return undefined;
    if (options[at] === OPTION_MSS && length === MSS_BYTES) return get16(options, at + 2);
    at += length;
  }
  return undefined;
}

export function tcpFrame(path: Path, segment: Segment): Uint8Array {
  const { data, mss } = segment;
  const header = HEADER + (mss === undefined ? 0 : MSS_BYTES);
  const bytes = new Uint8Array(header + data.length);
  put16(bytes, 0, segment.sourcePort);
  put16(bytes, 2, segment.destinationPort);
  put32(bytes, 4, segment.sequence);
  put32(bytes, 8, segment.acknowledgement);
  bytes[12] = (header / 4) << 4;
  bytes[13] = segment.flags;
  put16(bytes, 14, segment.window);
  if (mss !== undefined) {
    bytes[HEADER] = OPTION_MSS;
    bytes[HEADER + 1] = MSS_BYTES;
    put16(bytes, HEADER + 2, mss);
  }
  bytes.set(data, header);
  put16(bytes, 16, checksum(bytes, pseudoHeader(path.from, path.to, PROTOCOL_TCP, bytes.length)));
  return ipFrame(path, PROTOCOL_TCP, bytes);
}

/** The answer to a segment that no connection is there for (RFC 9293, 3.10.7.1); null: it is a RST itself. */
export function resetFor(segment: Segment): Segment | null {
  const { flags, sourcePort, destinationPort, sequence, acknowledgement } = segment;
  if (flags & RST) return null;
  const common = { sourcePort: destinationPort, destinationPort: sourcePort, window: 0, data: new Uint8Array() };
  return flags & ACK
    ? { ...common, sequence: acknowledgement, acknowledgement: 0, flags: RST }
    : { ...common, sequence: 0, acknowledgement: plus(sequence, lengthOf(segment)), flags: RST | ACK };
}
