export { bytesOfHex, type GdbEvent, gdbPacket, hexOf, PacketReader } from './packets.ts';
