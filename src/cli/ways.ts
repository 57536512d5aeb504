/** From a host in node to the others of a pool. */
import { getRandomValues } from 'node:crypto';
import WebSocket from 'ws';
import type { Ways, WebSocketLike } from '../dom0/host/index.ts';

export const nodeWays: Ways = {
  webSocket: url => new WebSocket(url, { perMessageDeflate: false }) as unknown as WebSocketLike,
  random: count => getRandomValues(new Uint8Array(count)),
};
