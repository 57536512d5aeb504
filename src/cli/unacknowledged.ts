/**
 * What TCP_USER_TIMEOUT does (tcp(7), RFC 5482), which node cannot set: a connection whose other end acknowledges nothing any more is reset. Without it Linux sends
 * again what it has for a quarter of an hour (tcp_retries2), so a write from before a cut would arrive long after it. What the kernel holds of a connection is in
 * /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp.rst), which anybody may read. Elsewhere there is no such file, and nothing is limited.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Later } from '../dom0/host/index.ts';
import { later } from './node-clock.ts';

/** Together well below the time after which a holder pauses its guests (fenceMs), and above what a busy machine takes. */
const LOOK_MS = 1000,
  MOST_UNACKNOWLEDGED_MS = 5000;

/** Ports of one connection. */
interface Ports {
  localPort?: number | undefined;
  remotePort?: number | undefined;
}

/** Bytes that the kernel has sent or is to send, and times that it sent some again since the last acknowledgement. */
interface Unacknowledged {
  bytes: number;
  sentAgain: number;
}

/** Of one connection, from the text of /proc/net/tcp; undefined: it is not there. */
export function readUnacknowledged(table: string, { localPort, remotePort }: Ports): Unacknowledged | undefined {
  for (const line of table.split('\n')) {
    const [, local = '', remote = '', , queues = '', , sentAgain = ''] = line.trim().split(/\s+/);
    if (portOf(local) !== localPort || portOf(remote) !== remotePort) continue;
    return { bytes: Number.parseInt(queues, 16), sentAgain: Number.parseInt(sentAgain, 16) };
  }
  return undefined;
}

const portOf = (address: string): number => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);

/** Of a connection of this process; undefined: nobody can tell. */
export function unacknowledgedOf(socket: Socket): Unacknowledged | undefined {
  const table = socket.remoteFamily === 'IPv6' ? '/proc/net/tcp6' : '/proc/net/tcp';
  try {
    return readUnacknowledged(readFileSync(table, 'latin1'), socket);
  } catch {
    return undefined;
  }
}

export interface LimitParts {
  later: Later;
  nowMs(): number;
  look(socket: Socket): Unacknowledged | undefined;
}

/** Resets a connection of which nothing was acknowledged for MOST_UNACKNOWLEDGED_MS though the kernel sends it again and again. */
export function limitUnacknowledged(
  socket: Socket,
  { later: after, nowMs, look }: LimitParts = { later, nowMs: () => performance.now(), look: unacknowledgedOf },
): void {
  let [written, read] = [-1, socket.bytesRead];
  /** Since when it has been so. */
  let sinceMs: number | undefined;
  const again = (): void => {
    if (socket.destroyed) return;
    const isAnswered = socket.bytesRead !== read;
    const isIdle = sinceMs === undefined && socket.bytesWritten === written;
    const seen = isAnswered || isIdle ? undefined : look(socket);
    if (!seen || seen.sentAgain === 0) {
      sinceMs = undefined;
      // What is still in the kernel is looked at again.
      if (!seen || seen.bytes === 0) written = socket.bytesWritten;
    } else {
      sinceMs ??= nowMs();
      if (nowMs() - sinceMs >= MOST_UNACKNOWLEDGED_MS) return resetUnacknowledged(socket);
    }
    read = socket.bytesRead;
    cancel = after(LOOK_MS, again);
  };
  let cancel = after(LOOK_MS, again);
  socket.once('close', () => cancel());
}

function resetUnacknowledged(socket: Socket): void {
  const error = new Error(`The other end acknowledged nothing for ${MOST_UNACKNOWLEDGED_MS / 1000} seconds.`);
  socket.emit('error', error);
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
