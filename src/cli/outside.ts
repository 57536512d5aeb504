/** The network of this computer, for the guests' NAT: node's sockets. */
import { LOOPBACK } from '../dom0/host/nbd/index.ts';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import dns from 'node:dns';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Datagrams, Forward, OpenForward, Outside, Refusal, Stream } from '../dom0/host/network/nat/index.ts';
import { channelOf, resetSocket } from './sockets.ts';
import { unacknowledgedOf } from './unacknowledged.ts';

/** As long as a guest's own system tries (some two minutes) nobody wants to keep a socket. */
const CONNECT_MS = 30_000;
/** Datagrams of a port that have not left; of more one is lost. */
const MOST_WAITING = 64;

/** To be closed at the end. */
export interface NodeOutside extends Outside {
  readonly forwards: readonly (OpenForward & { readonly forward: Forward })[];
  close(): void;
}

/** Opens the ports of the forwards. @throws Error with a sentence: one is taken, or not for us */
export async function openOutside(forwards: readonly Forward[]): Promise<NodeOutside> {
  const open = new Set<{ close(): void }>();
  const close = (): void => open.forEach(each => each.close());
  const keep = (socket: UdpSocket): Datagrams => datagramsOf(socket, open);
  const opened: NodeOutside['forwards'][number][] = [];
  try {
    for (const forward of forwards)
      opened.push(await (forward.protocol === 'tcp' ? listen(forward, open) : bind(forward, keep)));
  } catch (error) {
    close();
    throw error;
  }
  return {
    connect: to => connect(to, open),
    datagrams: () => keep(createSocket('udp4')),
    nameServer: () => dns.getServers().map(nameServerOf).find(Boolean),
    isOwn: host => Object.values(networkInterfaces()).some(each => each?.some(({ address }) => address === host)),
    forwards: opened,
    random32: () => randomBytes(4).readUInt32LE(),
    close,
  };
}

/** `a.b.c.d`, or with a port; of another family: undefined. */
function nameServerOf(text: string): { host: string; port: number } | undefined {
  const [, host, port = '53'] = /^(\d+\.\d+\.\d+\.\d+)(?::(\d+))?$/.exec(text) ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

function streamOf(socket: Socket, open: Set<{ close(): void }>): Stream {
  const entry = { close: () => void socket.destroy() };
  open.add(entry);
  socket.on('close', () => open.delete(entry));
  // The listener hears of it with the end.
  socket.on('error', () => {});
  socket.pause();
  return Object.assign(channelOf(socket), {
    end: () => void socket.end(),
    onEnded: (listener: () => void) => void socket.on('end', listener),
    reset: () => resetSocket(socket),
    // Where nobody can tell what the kernel has, it may have something.
    hasUnsent: () => socket.writableLength > 0 || (unacknowledgedOf(socket)?.bytes ?? 1) > 0,
  });
}

const connect = (to: { host: string; port: number }, open: Set<{ close(): void }>): Promise<Stream | Refusal> =>
  new Promise(resolve => {
    const socket = createConnection({ ...to, timeout: CONNECT_MS, allowHalfOpen: true });
    const entry = { close: () => void socket.destroy() };
    open.add(entry);
    const failed = (refusal: Refusal): void => {
      open.delete(entry);
      socket.destroy();
      resolve(refusal);
    };
    socket.once('error', (error: NodeJS.ErrnoException) =>
      failed(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'refused' : 'unreachable'),
    );
    socket.once('timeout', () => failed('unreachable'));
    socket.once('connect', () => {
      open.delete(entry);
      socket.setTimeout(0);
      for (const event of ['error', 'timeout']) socket.removeAllListeners(event);
      resolve(streamOf(socket, open));
    });
  });

const problem = (port: number, error: Error): Error =>
  new Error(`port ${port} of ${LOOPBACK} cannot be opened: ${error.message}. Choose another.`);

const listen = (forward: Forward, open: Set<{ close(): void }>): Promise<NodeOutside['forwards'][number]> =>
  new Promise((resolve, reject) => {
    let accept: ((stream: Stream) => void) | undefined;
    const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
      const stream = streamOf(socket, open);
      if (accept) accept(stream);
      else stream.reset();
    });
    server.once('error', error => reject(problem(forward.port, error)));
    server.listen({ host: LOOPBACK, port: forward.port }, () => {
      open.add({ close: () => void server.close() });
      resolve({
        forward: { ...forward, port: (server.address() as { port: number }).port },
        address: forward.guest,
        port: forward.guestPort,
        onStream: taken => {
          accept = taken;
        },
      });
    });
  });

const bind = (forward: Forward, keep: (socket: UdpSocket) => Datagrams): Promise<NodeOutside['forwards'][number]> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', error => reject(problem(forward.port, error)));
    socket.bind({ address: LOOPBACK, port: forward.port }, () =>
      resolve({
        forward: { ...forward, port: socket.address().port },
        address: forward.guest,
        port: forward.guestPort,
        datagrams: keep(socket),
      }),
    );
  });

function datagramsOf(socket: UdpSocket, open: Set<{ close(): void }>): Datagrams {
  let waiting = 0,
    isOpen = true;
  let received: Parameters<Datagrams['onReceived']>[0] = () => {};
  const datagrams: Datagrams = {
    send: (bytes, { host, port }) => {
      // Nobody sends to port 0.
      if (!isOpen || waiting >= MOST_WAITING || port === 0) return;
      waiting++;
      socket.send(bytes, port, host, () => waiting--);
    },
    onReceived: listener => {
      received = listener;
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      open.delete(datagrams);
      socket.close();
    },
  };
  socket.on('message', (bytes, { address, port }) => received(new Uint8Array(bytes), { host: address, port }));
  // What cannot be sent is lost.
  socket.on('error', () => {});
  open.add(datagrams);
  return datagrams;
}
