/** The daemon's UNIX sockets: the owner's programs are its clients, at the second one (`virsh -r`) without changing anything. */
import { chmodSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { Host } from '../../dom0/service/index.ts';
import { listenToLives, listNetworks, networkEvents, poolEvents } from '../../dom0/libvirt/index.ts';
import { channelOf, removeSocket } from '../sockets.ts';
import { Client } from './client.ts';
import { descriptorsFor } from './descriptors.ts';
import { PROCEDURES } from './table.ts';

/** Clients at once (max_clients of libvirtd.conf has 5000). */
const MOST_CLIENTS = 100;
const OWNER_ALONE = 0o600;
/** What libvirt's clients put behind the socket's name for a connection that only reads (LIBVIRTD_PRIV_UNIX_SOCKET_RO of remote_driver.h). */
const READ_ONLY = '-ro';

/** The socket cannot be opened; a sentence. */
export class SocketError extends Error {
  override name = 'SocketError';
}

export class LibvirtServer {
  private readonly servers: Server[] = [];
  private readonly clients = new Set<Client>();
  private readonly listening: (() => void)[] = [];

  /** @throws SocketError */
  static async open(host: Host, path: string): Promise<LibvirtServer> {
    const daemon = new LibvirtServer();
    await daemon.listenAt(host, path, true);
    try {
      await daemon.listenAt(host, `${path}${READ_ONLY}`, false);
    } catch (error) {
      await daemon.close();
      throw error;
    }
    daemon.listening.push(
      listenToLives(host, event => {
        for (const client of daemon.clients) client.tell(event);
      }),
    );
    for (const [kind, events] of [['network', networkEvents] as const, ['pool', poolEvents] as const])
      daemon.listening.push(
        events.listen(host, event => {
          for (const client of daemon.clients) client.tellOf(kind, event);
        }),
      );
    // Those that start with the host do.
    await listNetworks(host, 0);
    return daemon;
  }

  /** @throws SocketError */
  private async listenAt(host: Host, path: string, mayChange: boolean): Promise<void> {
    await removeDead(path);
    const server = createServer(socket => {
      if (this.clients.size >= MOST_CLIENTS) return void socket.destroy();
      const gone = (): void => void this.clients.delete(client);
      const client: Client = new Client(host, channelOf(socket), PROCEDURES, gone, descriptorsFor(socket), mayChange);
      this.clients.add(client);
    });
    // No other user may connect in the moment before the mode is set.
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      });
    } catch (error) {
      throw new SocketError(`${path}: ${(error as Error).message}`);
    } finally {
      process.umask(mask);
    }
    this.servers.push(server);
    chmodSync(path, OWNER_ALONE);
  }

  /** Hangs up on all, and the sockets are gone. */
  close(): Promise<void> {
    for (const end of this.listening) end();
    for (const client of this.clients) client.end();
    return Promise.all(this.servers.map(server => new Promise<void>(resolve => server.close(() => resolve())))).then(
      () => {},
    );
  }
}

/** A socket that nobody listens at any more is what an earlier daemon left. @throws SocketError where somebody does, or something else lies there */
async function removeDead(path: string): Promise<void> {
  const [isAlive, isRefused] = await new Promise<[boolean, boolean]>(resolve => {
    const socket = connect(path, () => (socket.destroy(), resolve([true, false])));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve([false, code === 'ECONNREFUSED']));
  });
  if (isAlive) throw new SocketError(`${path}: another daemon listens there. Write another --socket.`);
  if (!isRefused) return;
  try {
    removeSocket(path);
  } catch (error) {
    throw new SocketError(`${(error as Error).message}.`);
  }
}
