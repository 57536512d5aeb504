/** Channels of bytes without a network, for tests. */
import type { ByteChannel } from './index.ts';

/** Two ends; what one sends comes to the other in pieces of `pieceBytes`, later. */
export function channels(pieceBytes = Infinity): [ByteChannel, ByteChannel] {
  const listeners: ({ bytes: (bytes: Uint8Array<ArrayBuffer>) => void; closed: (why?: string) => void } | undefined)[] =
    [];
  const held: Uint8Array<ArrayBuffer>[][] = [[], []];
  const paused = [false, false];
  let closed = false;
  const deliver = (to: number): void => {
    while (listeners[to] && !paused[to] && held[to].length > 0) listeners[to].bytes(held[to].shift()!);
  };
  const end = (me: number): ByteChannel => ({
    send: bytes => {
      for (let at = 0; at < bytes.length; at += pieceBytes)
        held[1 - me].push(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      queueMicrotask(() => deliver(1 - me));
    },
    waitingBytes: 0,
    onDrained: () => {},
    listen: (bytes, whenClosed) => {
      listeners[me] = { bytes, closed: whenClosed };
      queueMicrotask(() => deliver(me));
    },
    pause: () => {
      paused[me] = true;
    },
    resume: () => {
      paused[me] = false;
      queueMicrotask(() => deliver(me));
    },
    close: () => {
      if (closed) return;
      closed = true;
      queueMicrotask(() => {
        for (const to of [0, 1]) {
          deliver(to);
          listeners[to]?.closed();
        }
      });
    },
  });
  return [end(0), end(1)];
}
