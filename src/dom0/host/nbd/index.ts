/** What src/dom0/host/nbd offers to other rooms. */
export {
  LOOPBACK,
  type ByteChannel,
  type Conversation,
  Converser,
  type Listening,
  Pieces,
  type SocketAddress,
  type Sockets,
} from './channel.ts';
export { connectNbd, type NbdDisk } from './client.ts';
export { doneBy } from './network-disk.ts';
export { NetworkDisks } from './network-disks.ts';
export { type NbdExport, type NbdExports, serveNbd } from './server.ts';
