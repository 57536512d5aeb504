/** From a host in node to the others of a pool. */
import { getRandomValues } from 'node:crypto';
import WebSocket from 'ws';
import type { Ways, WebSocketLike } from '../dom0/host/index.ts';
import { letGo } from '../hypervisor/memory/index.ts';
import { subtleInNode } from './subtle-in-node.ts';
import { limitUnacknowledged } from './unacknowledged.ts';

/**
 * A frame's mask keeps somebody else's script from choosing the bytes that a proxy sees (RFC 6455, 10.3). What goes here is sealed, so that nobody chooses them;
 * where the mask is zero no message is copied for it.
 */
const noMask = (mask: Buffer): void => void mask.fill(0);

class NodeSocket extends WebSocket {
  constructor(url: string) {
    super(url, { perMessageDeflate: false, generateMask: noMask });
    // Frames and streams of guests from before a cut are not to arrive long after it.
    this.once('upgrade', ({ socket }) => limitUnacknowledged(socket));
  }

  override send(message: string | Uint8Array<ArrayBuffer>): void {
    if (typeof message === 'string') super.send(message);
    else super.send(message, () => letGo(message.buffer));
  }
}

export const nodeWays: Ways = {
  webSocket: url => new NodeSocket(url) as unknown as WebSocketLike,
  subtle: subtleInNode,
  random: count => getRandomValues(new Uint8Array(count)),
};
