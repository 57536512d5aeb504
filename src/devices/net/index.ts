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
  formatMac,
  get16,
  get32,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_UNREACHABLE,
  icmpFrame,
  ipFrame,
  type IpPacket,
  parseAddress,
  parseMac,
  parseIp,
  parseUdp,
  type Path,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeader,
  put16,
  put32,
  reverseArpFrame,
  type UdpDatagram,
  udpFrame,
  unreachableFrame,
} from './packets.ts';
export { type Beyond, type BeyondParts, type GivenOut, type Lease, NetworkPeer, type PeerOptions } from './peer.ts';
export { FIRST_LEASE, type Subnet, type SubnetHost } from './subnet.ts';
export { GATEWAY, NAME_SERVER, NETWORK, STATION_NAMES } from './stations.ts';
