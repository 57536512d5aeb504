/**
 * A frame in Domain 0, with what paravirtual senders leave for later: checksums that nobody has computed, and TCP data that nobody has cut into segments.
 * Sources: RFC 9293 (TCP), RFC 768 (UDP), RFC 791 (IP), RFC 1071 (checksum), RFC 3168 6.1.2 (CWR goes with the first segment);
 * Linux's Documentation/networking/segmentation-offloads.rst.
 */
import {
  checksum,
  ETHERTYPE_IP,
  get16,
  get32,
  HEADER_BYTES,
  MAX_FRAME,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeader,
  put16,
  put32,
} from '../../../devices/net/index.ts';

export interface Frame {
  /** Destination, source, type, data. Nobody changes them once the frame is under way. */
  readonly bytes: Uint8Array;
  /** The checksum of its TCP or UDP holds the sum of the pseudo header alone. */
  readonly blankChecksum?: boolean;
  /** Its TCP data are to be cut into parts of this many bytes before they go where nobody can do that; absent: it is one segment. */
  readonly segmentBytes?: number;
  /** Its number where somebody follows it (hypervisor/tracing/io-trace.ts). */
  readonly number?: number;
}

/** What parts of a frame keep of it. */
export const numberOf = ({ number }: Frame): Pick<Frame, 'number'> => (number === undefined ? {} : { number });

const IP_HEADER = 20,
  TCP_HEADER = 20;
const FIN_PSH = 0x09,
  CWR = 0x80;

/** Where the headers of an IPv4 frame end; undefined: it is no whole TCP or UDP packet. */
interface Headers {
  ip: number;
  transport: number;
  /** Checksum's place behind `transport`. */
  sum: number;
  protocol: number;
  end: number;
}

export function headersOf(bytes: Uint8Array): Headers | undefined {
  if (bytes.length < HEADER_BYTES + IP_HEADER || get16(bytes, 12) !== ETHERTYPE_IP || bytes[HEADER_BYTES] >> 4 !== 4)
    return undefined;
  const ip = HEADER_BYTES,
    transport = ip + (bytes[ip] & 15) * 4,
    end = ip + get16(bytes, ip + 2);
  const protocol = bytes[ip + 9];
  const least = protocol === PROTOCOL_TCP ? TCP_HEADER : protocol === PROTOCOL_UDP ? 8 : Infinity;
  // A fragment has no transport header, or not all of its data.
  if (transport < ip + IP_HEADER || transport + least > end || end > bytes.length || get16(bytes, ip + 6) & 0x3fff)
    return undefined;
  return { ip, transport, sum: transport + (protocol === PROTOCOL_TCP ? 16 : 6), protocol, end };
}

function fillChecksum(bytes: Uint8Array, { ip, transport, sum, protocol, end }: Headers): void {
  put16(bytes, sum, 0);
  const pseudo = pseudoHeader(get32(bytes, ip + 12), get32(bytes, ip + 16), protocol, end - transport);
  const value = checksum(bytes.subarray(transport, end), pseudo);
  // Of UDP 0 says that there is none.
  put16(bytes, sum, value === 0 && protocol === PROTOCOL_UDP ? 0xffff : value);
}

/**
 * The frames as a wire has them: with all checksums, and no longer than it takes. One that says that it needs work and is nothing that the work can be
 * done on is lost: an empty list.
 */
export function finish(frame: Frame): Uint8Array[] {
  const { bytes, blankChecksum, segmentBytes } = frame;
  if (!blankChecksum && segmentBytes === undefined) return bytes.length <= MAX_FRAME ? [bytes] : [];
  const headers = headersOf(bytes);
  if (!headers) return [];
  if (segmentBytes !== undefined) return segments(bytes, headers, segmentBytes);
  if (bytes.length > MAX_FRAME) return [];
  const whole = bytes.slice();
  fillChecksum(whole, headers);
  return [whole];
}

function segments(
  bytes: Uint8Array,
  { ip, transport, protocol, end, sum }: Headers,
  segmentBytes: number,
): Uint8Array[] {
  const header = protocol === PROTOCOL_TCP ? transport + (bytes[transport + 12] >> 4) * 4 : 0;
  // A segment that would not fit, or of next to nothing, is no TCP's wish.
  if (header < transport + TCP_HEADER || header > end || segmentBytes < 8 || header + segmentBytes > MAX_FRAME)
    return [];
  const parts: Uint8Array[] = [];
  const identification = get16(bytes, ip + 4),
    sequence = get32(bytes, transport + 4),
    flags = bytes[transport + 13];
  for (let at = header; at < end || at === header; at += segmentBytes) {
    const data = bytes.subarray(at, Math.min(at + segmentBytes, end)),
      first = at === header,
      last = at + segmentBytes >= end;
    const part = new Uint8Array(header + data.length);
    part.set(bytes.subarray(0, header));
    part.set(data, header);
    put16(part, ip + 2, part.length - ip);
    put16(part, ip + 4, (identification + parts.length) & 0xffff);
    put16(part, ip + 10, 0);
    put16(part, ip + 10, checksum(part.subarray(ip, transport)));
    put32(part, transport + 4, (sequence + (at - header)) >>> 0);
    part[transport + 13] = flags & ~(last ? 0 : FIN_PSH) & ~(first ? 0 : CWR);
    fillChecksum(part, { ip, transport, sum, protocol, end: part.length });
    parts.push(part);
  }
  return parts;
}
