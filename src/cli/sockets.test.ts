import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { channelOf } from './sockets.ts';

it('a socket breaks off, and nobody listened to it: the process goes on', () => {
  const socket = new Socket();
  channelOf(socket).close();
  expect(() => socket.emit('error', new Error('read ECONNRESET'))).not.toThrow();
});

it('a channel tells why it broke', async () => {
  const socket = new Socket();
  const why = new Promise<string | undefined>(resolve => channelOf(socket).listen(() => {}, resolve));
  socket.destroy(new Error('read ECONNRESET'));
  expect(await why).toBe('read ECONNRESET');
});

/** So much comes to a server that reads nothing before the connection was ended so. */
async function arrivesAfter(end: (socket: Socket) => void): Promise<number> {
  let server: Socket | undefined;
  const listening = createServer({ pauseOnConnect: true }, socket => {
    server = socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const socket = connect((listening.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(new Uint8Array(2 ** 25));
  while (!server) await new Promise(setImmediate);
  end(socket);
  let got = 0;
  server.on('data', bytes => {
    got += bytes.length;
  });
  server.resume();
  await once(server, 'close');
  listening.close();
  return got;
}

it('a reset throws away what the kernel has and has not sent, which it sends where a socket just ends', async () => {
  const ended = await arrivesAfter(socket => void socket.destroy());
  expect(await arrivesAfter(socket => channelOf(socket).reset!())).toBeLessThan(ended / 2);
});
