/** Sockets of node as channels of bytes. */
import { lstatSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { ByteChannel, Listening, Sockets } from '../dom0/host/nbd/index.ts';
import { limitUnacknowledged } from './unacknowledged.ts';

/** A connection by TCP has this long to open. */
const CONNECT_MS = 10_000;

export function channelOf(socket: Socket): ByteChannel {
  socket.setNoDelay(true);
  let why: string | undefined;
  // Of a channel that nobody listens to, too: an error that is not heard ends the process.
  socket.on('error', error => {
    why = error.message;
  });
  return {
    send: bytes => void socket.write(bytes),
    get waitingBytes() {
      return socket.writableLength;
    },
    onDrained: listener => void socket.on('drain', listener),
    listen: (bytes, closed) => {
      socket.on('data', data => bytes(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length)));
      socket.on('close', () => closed(why));
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => socket.end(() => socket.destroySoon()),
    reset: () => resetSocket(socket),
  };
}

/** By a reset, which throws the kernel's send buffer away (RFC 9293, 3.10.5, ABORT); TLS and UNIX sockets have none. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

/** Takes a UNIX socket away that an earlier process left. @throws Error, a sentence, where something else lies there, which stays */
export function removeSocket(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw new Error(`${path} is there and is no socket. Write another path, or move it away`);
  rmSync(path, { force: true });
}

export const nodeSockets: Sockets = {
  connect: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, timeout: CONNECT_MS });
      socket.once('error', error => reject(new Error(`${host}:${port} does not answer: ${error.message}`)));
      socket.once('timeout', () => socket.destroy(new Error(`not within ${CONNECT_MS / 1000} seconds`)));
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.removeAllListeners('error');
        limitUnacknowledged(socket);
        resolve(channelOf(socket));
      });
    }),
  listen: ({ host, port }, accept) =>
    new Promise((resolve, reject) => {
      const server = createServer(socket => accept(channelOf(socket)));
      server.once('error', error => reject(new Error(`${host}:${port} cannot be listened on: ${error.message}`)));
      server.listen({ host, port }, () => resolve(listening(server)));
    }),
};

const listening = (server: Server): Listening => ({
  port: (server.address() as { port: number }).port,
  close: () => void server.close(),
});
