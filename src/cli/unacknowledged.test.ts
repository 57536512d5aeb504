import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { limitUnacknowledged, readUnacknowledged } from './unacknowledged.ts';

/** As Linux 6.1 has it: a listener, a connection that is cut off, and its other end's. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2A39 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21523 1 0000000000000000 100 0 0 10 0
   1: 0100007F:D2F0 0100007F:2A39 01 0000021C:00000000 01:00000147 00000005     0        0 30131 2 0000000000000000 6400 4 30 1 7
   2: 0100007F:2A39 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 30132 1 0000000000000000 20 4 30 10 -1
`;

it('what the kernel has of a connection is read by its ports', () => {
  expect(readUnacknowledged(TABLE, { localPort: 0xd2f0, remotePort: 0x2a39 })).toEqual({ bytes: 540, sentAgain: 5 });
  expect(readUnacknowledged(TABLE, { localPort: 0x2a39, remotePort: 0xd2f0 })).toEqual({ bytes: 0, sentAgain: 0 });
  expect(readUnacknowledged(TABLE, { localPort: 1, remotePort: 2 })).toBeUndefined();
});

/** A connection, and seconds that pass. */
function limited() {
  const socket: EventEmitter & {
    bytesWritten: number;
    bytesRead: number;
    destroyed: boolean;
    resets: number;
    resetAndDestroy(): void;
  } = Object.assign(new EventEmitter(), {
    bytesWritten: 0,
    bytesRead: 0,
    destroyed: false,
    resets: 0,
    resetAndDestroy: () => {
      socket.resets++;
      socket.destroyed = true;
      socket.emit('close');
    },
  });
  socket.on('error', () => {});
  const kernel = { bytes: 0, sentAgain: 0, looks: 0 };
  let nowMs = 0;
  let due: (() => void) | undefined;
  limitUnacknowledged(socket as unknown as Socket, {
    later: (_ms, callback) => {
      due = callback;
      return () => {
        due = undefined;
      };
    },
    nowMs: () => nowMs,
    look: () => {
      kernel.looks++;
      return kernel;
    },
  });
  const pass = (seconds: number): void => {
    for (let i = 0; i < seconds && due; i++) {
      nowMs += 1000;
      const next = due;
      due = undefined;
      next();
    }
  };
  return { socket, kernel, pass, isOver: () => due === undefined };
}

it('a connection is reset once nothing was acknowledged for five seconds, well before a guest is fenced', () => {
  const { socket, kernel, pass, isOver } = limited();
  socket.bytesWritten = 540;
  Object.assign(kernel, { bytes: 540, sentAgain: 1 });
  pass(5);
  expect(socket.resets).toBe(0);
  pass(2);
  expect([socket.resets, isOver()]).toEqual([1, true]);
});

it('a server that is slow and has acknowledged, or that answers, is left alone', () => {
  const { socket, kernel, pass } = limited();
  socket.bytesWritten = 540;
  // It has all of it, and thinks.
  pass(60);
  // It was away for a moment.
  Object.assign(kernel, { bytes: 540, sentAgain: 2 });
  socket.bytesWritten += 540;
  pass(4);
  kernel.sentAgain = 0;
  pass(1);
  kernel.sentAgain = 1;
  pass(4);
  socket.bytesRead += 16;
  pass(1);
  pass(5);
  expect(socket.resets).toBe(0);
});

it('a connection on which nothing happens costs nothing', () => {
  const { socket, kernel, pass } = limited();
  socket.bytesWritten = 28;
  pass(3);
  const { looks } = kernel;
  pass(100);
  expect([kernel.looks, socket.resets]).toEqual([looks, 0]);
});
