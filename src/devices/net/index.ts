/** What src/devices/net offers to other rooms. */
export { type Ethernet, HEADER_BYTES, MAX_FRAME } from './ethernet.ts';
export {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpFrame,
  checksum,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  formatAddress,
  get16,
  get32,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_UNREACHABLE,
  icmpFrame,
  parseAddress,
  parseIp,
  type Path,
  PROTOCOL_ICMP,
  put16,
  put32,
  reverseArpFrame,
} from './packets.ts';
export { type GivenOut, NetworkPeer, type PeerOptions } from './peer.ts';
export { GATEWAY, NETWORK, STATION_NAMES } from './stations.ts';
