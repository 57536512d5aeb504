/** What src/devices/net offers to other rooms. */
export { type Ethernet, HEADER_BYTES, MAX_FRAME } from './ethernet.ts';
export { ETHERTYPE_ARP, ETHERTYPE_IP, checksum, formatAddress, get16, get32, put16, put32 } from './packets.ts';
export { type GivenOut, NetworkPeer, type PeerOptions } from './peer.ts';
