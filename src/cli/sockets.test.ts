import { Socket } from 'node:net';
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
