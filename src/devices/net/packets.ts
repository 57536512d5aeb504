/**
 * Reading and building of the headers that the peer speaks.
 * Sources: RFC 791 (IP), RFC 768 (UDP), RFC 792 (ICMP), RFC 826 (ARP), RFC 903 (reverse ARP), RFC 1071 (checksum).
 */

import { MIN_FRAME } from './ethernet.ts';

export const ETHERTYPE_IP = 0x0800,
  ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_RARP = 0x8035;
export const PROTOCOL_ICMP = 1,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17;
export const ARP_REQUEST = 1,
  ARP_REPLY = 2,
  ARP_BYTES = 28;
const REVERSE_REQUEST = 3;
export const ICMP_ECHO_REPLY = 0,
  ICMP_UNREACHABLE = 3,
  ICMP_ECHO = 8;
/** IP header and eight bytes: as much of a packet as an ICMP error quotes (RFC 792). */
const QUOTED = 28;
export const EVERY_STATION = new Uint8Array(6).fill(0xff);
const ETHERNET_HEADER = 14,
  IP_HEADER = 20,
  UDP_HEADER = 8;
const TTL = 64;

/** `a.b.c.d`. */
export const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');

/** `xx:xx:xx:xx:xx:xx`. */
export const formatMac = (bytes: Uint8Array): string =>
  [...bytes.subarray(0, 6)].map(byte => byte.toString(16).padStart(2, '0')).join(':');

/** Six bytes in hexadecimal with colons; undefined: it is something else. */
export const parseMac = (text: string): Uint8Array | undefined =>
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)
    ? Uint8Array.from(text.split(':'), byte => parseInt(byte, 16))
    : undefined;

/** An address as a number, first byte on top; NaN: not four numbers up to 255. */
export function parseAddress(text: string): number {
  const parts = text.split('.');
  if (parts.length !== 4) return NaN;
  let address = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return NaN;
    address = address * 256 + Number(part);
  }
  return address;
}

export const get16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];
export const get32 = (bytes: Uint8Array, at: number): number => get16(bytes, at) * 0x10000 + get16(bytes, at + 2);
export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}
export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

/** Ones' complement of the ones' complement sum (RFC 1071) on top of `sum`; 0 over data that contain a right checksum. */
export function checksum(bytes: Uint8Array, sum = 0): number {
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += get16(bytes, i);
  if (bytes.length & 1) sum += bytes[bytes.length - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Sum of the pseudo header under a transport's checksum; `length` of its header and data, in bytes. */
export function pseudoHeader(source: number, destination: number, protocol: number, length: number): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length;
}

export interface IpPacket {
  source: number;
  destination: number;
  protocol: number;
  payload: Uint8Array;
  /** Header and payload, as ICMP's errors quote them. */
  whole: Uint8Array;
}

/** The packet in an Ethernet frame; null: malformed, or a fragment. */
export function parseIp(frame: Uint8Array): IpPacket | null {
  const ip = frame.subarray(ETHERNET_HEADER);
  if (ip.length < IP_HEADER || ip[0] >> 4 !== 4) return null;
  const header = (ip[0] & 15) * 4;
  const total = get16(ip, 2);
  if (header < IP_HEADER || total < header || total > ip.length || checksum(ip.subarray(0, header)) !== 0) return null;
  if (get16(ip, 6) & 0x3fff) return null;
  const whole = ip.subarray(0, total);
  return { source: get32(ip, 12), destination: get32(ip, 16), protocol: ip[9], payload: whole.subarray(header), whole };
}

export interface UdpDatagram {
  sourcePort: number;
  destinationPort: number;
  data: Uint8Array;
}

/** Null: malformed, or the checksum is wrong. */
export function parseUdp({ source, destination, payload }: IpPacket): UdpDatagram | null {
  if (payload.length < UDP_HEADER) return null;
  const length = get16(payload, 4);
  if (length < UDP_HEADER || length > payload.length) return null;
  const datagram = payload.subarray(0, length);
  if (get16(datagram, 6) !== 0 && checksum(datagram, pseudoHeader(source, destination, PROTOCOL_UDP, length)) !== 0)
    return null;
  return { sourcePort: get16(datagram, 0), destinationPort: get16(datagram, 2), data: datagram.subarray(UDP_HEADER) };
}

/** An Ethernet frame with room for `length` bytes behind its header. */
export function ethernetFrame(destination: Uint8Array, source: Uint8Array, type: number, length: number): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + length);
  frame.set(destination, 0);
  frame.set(source, 6);
  put16(frame, 12, type);
  return frame;
}

/** Two stations, as a frame and a packet name them. */
export interface Path {
  fromMac: Uint8Array;
  from: number;
  toMac: Uint8Array;
  to: number;
}

/** Of Ethernet and IP; a request goes to every station, whatever `toMac` is. */
export function arpFrame(operation: number, path: Path): Uint8Array {
  const frame = ethernetFrame(
    operation === ARP_REQUEST ? EVERY_STATION : path.toMac,
    path.fromMac,
    ETHERTYPE_ARP,
    ARP_BYTES,
  );
  putArp(frame, operation, path);
  return frame;
}

/** A station asks every other for its own address; of no less than 60 bytes, as a wire wants it. */
export function reverseArpFrame(station: Uint8Array): Uint8Array {
  const frame = ethernetFrame(EVERY_STATION, station, ETHERTYPE_RARP, MIN_FRAME - ETHERNET_HEADER);
  putArp(frame, REVERSE_REQUEST, { fromMac: station, from: 0, toMac: station, to: 0 });
  return frame;
}

function putArp(frame: Uint8Array, operation: number, { fromMac, from, toMac, to }: Path): void {
  const arp = frame.subarray(ETHERNET_HEADER);
  put32(arp, 0, 0x00010800);
  put16(arp, 4, 0x0604);
  put16(arp, 6, operation);
  arp.set(fromMac, 8);
  put32(arp, 14, from);
  arp.set(toMac, 18);
  put32(arp, 24, to);
}

export function ipFrame({ fromMac, from, toMac, to }: Path, protocol: number, payload: Uint8Array): Uint8Array {
  const frame = ethernetFrame(toMac, fromMac, ETHERTYPE_IP, IP_HEADER + payload.length);
  const ip = frame.subarray(ETHERNET_HEADER);
  ip[0] = 0x45;
  put16(ip, 2, ip.length);
  put16(ip, 6, 0x4000);
  ip[8] = TTL;
  ip[9] = protocol;
  put32(ip, 12, from);
  put32(ip, 16, to);
  put16(ip, 10, checksum(ip.subarray(0, IP_HEADER)));
  ip.set(payload, IP_HEADER);
  return frame;
}

export function udpFrame(path: Path, sourcePort: number, destinationPort: number, data: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(UDP_HEADER + data.length);
  put16(datagram, 0, sourcePort);
  put16(datagram, 2, destinationPort);
  put16(datagram, 4, datagram.length);
  datagram.set(data, UDP_HEADER);
  // 0 would mean that there is no checksum.
  put16(datagram, 6, checksum(datagram, pseudoHeader(path.from, path.to, PROTOCOL_UDP, datagram.length)) || 0xffff);
  return ipFrame(path, PROTOCOL_UDP, datagram);
}

/** An ICMP message: type, code, the four bytes after the checksum, data. */
export function icmpFrame(path: Path, type: number, code: number, rest: number, data: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + data.length);
  message[0] = type;
  message[1] = code;
  put32(message, 4, rest);
  message.set(data, 8);
  put16(message, 2, checksum(message));
  return ipFrame(path, PROTOCOL_ICMP, message);
}

/** What a gateway or a station says of a packet that goes no further. */
export const unreachableFrame = (path: Path, code: number, { whole }: IpPacket): Uint8Array =>
  icmpFrame(path, ICMP_UNREACHABLE, code, 0, whole.subarray(0, QUOTED));

const encoder = new TextEncoder();
export const ascii = (text: string): Uint8Array => encoder.encode(text);
