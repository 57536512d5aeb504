/**
 * What a driver leaves to its network card: checksums, and the cutting of TCP into segments. The wire has whole frames alone, so both are done here.
 * Sources: VIRTIO 1.2, 5.1.6.2 (fields of the header); RFC 9293 (TCP); RFC 791 (IPv4); RFC 8200, 8.1 (IPv6's pseudo header); RFC 3168, 6.1.2 (CWR).
 */
import { HEADER_BYTES as ETHERNET_HEADER, MAX_FRAME } from '../net/ethernet.ts';
import {
  checksum,
  ETHERTYPE_IP,
  get16,
  get32,
  parseIp,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeader,
  put16,
  put32,
} from '../net/packets.ts';

/** Flags of the header: a checksum is to be made; it was found right. */
export const NEEDS_CSUM = 1,
  DATA_VALID = 2;
const NONE = 0,
  TCPV4 = 1,
  TCPV6 = 4,
  ECN = 0x80;
const VLAN = 0x8100,
  VLAN_BYTES = 4;
const IPV4_HEADER = 20,
  IPV6_HEADER = 40,
  TCP_HEADER = 20;
/** Of TCP's header: sequence number, length of the header, flags, checksum. */
const SEQUENCE = 4,
  DATA_OFFSET = 12,
  FLAGS = 13,
  SUM = 16;
const FIN_PSH = 0x09,
  CWR = 0x80;
/** A driver that wants smaller segments wants to drown somebody: Linux's least is 48 (TCP_MIN_SND_MSS). */
const LEAST_SEGMENT = 48;
/** Headers, and what IP's length can say. */
export const MOST_PACKET = ETHERNET_HEADER + VLAN_BYTES + 65535;

/** The fields of the header. */
export interface Offload {
  flags: number;
  /** How the packet is cut, and into how many bytes of data. */
  kind: number;
  size: number;
  /** Where the checksum begins, and where behind that it goes. */
  start: number;
  at: number;
}

/**
 * The frames that go to the wire for a packet, from the one of this number on, each made when it is asked for: a wire may take a part of them now. None: its
 * header makes no sense, or it is too long.
 */
export function* framesOf(packet: Uint8Array, offload: Offload, first: number): Generator<Uint8Array> {
  if ((offload.kind & ~ECN) !== NONE) return yield* segments(packet, offload, first);
  if (first > 0 || packet.length > MAX_FRAME) return;
  if (offload.flags & NEEDS_CSUM) {
    const { start, at } = offload;
    if (start + at + 2 > packet.length) return;
    // The driver has put the pseudo header's sum there.
    put16(packet, start + at, checksum(packet.subarray(start)) || 0xffff);
  }
  yield packet;
}

function* segments(packet: Uint8Array, { kind, size, start }: Offload, first: number): Generator<Uint8Array> {
  const ip = get16(packet, 12) === VLAN ? ETHERNET_HEADER + VLAN_BYTES : ETHERNET_HEADER;
  const isIpv4 = (kind & ~ECN) === TCPV4;
  if (!isIpv4 && (kind & ~ECN) !== TCPV6) return;
  const header = start + (packet[start + DATA_OFFSET] >> 4) * 4;
  if (
    start < ip + (isIpv4 ? IPV4_HEADER : IPV6_HEADER) ||
    header < start + TCP_HEADER ||
    header >= packet.length ||
    size < LEAST_SEGMENT ||
    header + size > MAX_FRAME
  )
    return;
  for (let number = first, at = header + first * size; at < packet.length; number++, at += size) {
    const data = packet.subarray(at, at + size);
    const frame = new Uint8Array(header + data.length);
    frame.set(packet.subarray(0, header));
    frame.set(data, header);
    const length = frame.length - start;
    let sum: number;
    if (isIpv4) {
      put16(frame, ip + 2, frame.length - ip);
      put16(frame, ip + 4, get16(packet, ip + 4) + number);
      put16(frame, ip + 10, 0);
      put16(frame, ip + 10, checksum(frame.subarray(ip, start)));
      sum = pseudoHeader(get32(frame, ip + 12), get32(frame, ip + 16), PROTOCOL_TCP, length);
    } else {
      put16(frame, ip + 4, frame.length - ip - IPV6_HEADER);
      sum = PROTOCOL_TCP + length;
      for (let i = 8; i < IPV6_HEADER; i += 2) sum += get16(frame, ip + i);
    }
    put32(frame, start + SEQUENCE, (get32(packet, start + SEQUENCE) + at - header) >>> 0);
    if (at + size < packet.length) frame[start + FLAGS] &= ~FIN_PSH;
    if (number > 0) frame[start + FLAGS] &= ~CWR;
    put16(frame, start + SUM, 0);
    put16(frame, start + SUM, checksum(frame.subarray(start), sum));
    yield frame;
  }
}

/** Whether a frame's checksum of TCP or UDP was looked at, and is right. */
export function isSumRight(frame: Uint8Array): boolean {
  const ip = get16(frame, 12) === ETHERTYPE_IP ? parseIp(frame) : null;
  if (!ip || (ip.protocol !== PROTOCOL_TCP && ip.protocol !== PROTOCOL_UDP)) return false;
  const { source, destination, protocol, payload } = ip;
  if (protocol === PROTOCOL_UDP && payload.length >= 8 && get16(payload, 6) === 0) return false;
  return checksum(payload, pseudoHeader(source, destination, protocol, payload.length)) === 0;
}
