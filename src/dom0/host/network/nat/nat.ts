/**
 * The way out of the built-in network where the computer lets one have it: a NAT without privileges, since it ends the guests' connections and makes its own, as
 * QEMU's user network does. TCP and UDP over IPv4 go; what was cut into fragments, other protocols and ICMP do not.
 */
import { type Beyond, type BeyondParts, PROTOCOL_TCP, unreachableFrame } from '../../../../devices/net/index.ts';
import { Connections, type NatParts } from './connections.ts';
import { Flows } from './flows.ts';
import type { OpenForward, Outside } from './outside.ts';

export interface Nat extends Beyond {
  /** Connections and ports that are known at the moment. */
  readonly sizes: { connections: number; flows: number };
}

/** For `PeerOptions.beyond`, of one network or of several. A forward leads to the network that its address is in: of several the first. */
export const natTo = (outside: Outside) => {
  const taken = new Set<OpenForward>();
  return ({ timers, holds, gateway, nameServer, send, woken }: BeyondParts): Nat => {
    const forwards = outside.forwards.filter(forward => holds(forward.address) && !taken.has(forward));
    for (const forward of forwards) taken.add(forward);
    const nowNs = (): number => timers.clock.nowNs();
    const timer = timers.create('network address translation', () => {
      const now = nowNs();
      const next = Math.min(connections.expire(now), flows.expire(now));
      dueAt(next);
    });
    const dueAt = (deadlineNs: number): void => {
      if (deadlineNs < timer.deadlineNs) timer.set(deadlineNs);
    };
    const parts: NatParts = {
      outside,
      forwards,
      stations: { gateway, nameServer },
      nowNs,
      send,
      woken,
      dueAt,
      unreachable: (packet, code) => send(gateway, packet.source, path => unreachableFrame(path, code, packet)),
    };
    const connections = new Connections(parts),
      flows = new Flows(parts);
    return {
      take: (packet, udp) => {
        if (udp) return flows.take(packet, udp);
        if (packet.protocol !== PROTOCOL_TCP) return false;
        connections.take(packet);
        return true;
      },
      fence: station => connections.fence(station),
      close: () => {
        timer.remove();
        connections.close();
        flows.close();
        // Another network may have that address later.
        for (const forward of forwards) taken.delete(forward);
      },
      get sizes() {
        return { connections: connections.size, flows: flows.size };
      },
    };
  };
};
