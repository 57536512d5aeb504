/** Networks next to the host's own, and Domain 0's own station. */
export { OwnStation } from '../own-station.ts';
export { VirtualNetwork } from '../virtual-network.ts';
