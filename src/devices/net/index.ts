/** What src/devices/net offers to other rooms. */
export { type Ethernet, HEADER_BYTES, MAX_FRAME } from './ethernet.ts';
export {
  checksum,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  ethernetFrame,
  formatAddress,
  get16,
  get32,
  icmpFrame,
  parseIp,
  type Path,
  PROTOCOL_ICMP,
  put16,
  put32,
} from './packets.ts';
export { type GivenOut, NetworkPeer, type PeerOptions } from './peer.ts';
