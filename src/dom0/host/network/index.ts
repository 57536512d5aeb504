/** What src/dom0/host/network offers to other rooms. */
export { announce, announcementOf } from './announce.ts';
export { Bridge, type BridgePort, formatStations, type PortCounts } from './bridge.ts';
export { finish, type Frame, numberOf } from './frame.ts';
export { Credit, formatRate, parseRate, type Rate } from './rate.ts';
export { BRIDGE, type Dom0Time, Network, uplink } from './network.ts';
export { capture } from './pcap.ts';
export type { Echo } from './own-station.ts';
