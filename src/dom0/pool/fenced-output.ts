/**
 * What a guest has sent stays on this host once the guest may be another host's: a station that is heard twice, or an answer from before a cut, would be believed.
 * Between the wake-up of a host that slept and the pause of its guests those run; their frames are dropped meanwhile, as a cable that is pulled drops them.
 */
import type { BridgePort, Network } from '../host/network/index.ts';
import type { Guest } from '../toolstack/index.ts';
import type { Ownership } from './ownership.ts';

export interface FencedOutputParts {
  network: Pick<Network, 'gate' | 'fence'>;
  guestOf(domid: number): Pick<Guest, 'uuid'> | undefined;
  ownership: Pick<Ownership, 'isSure' | 'onUnsure'>;
  /** Of domains on this host. */
  domids(): Iterable<number>;
}

/** Until the result is called. */
export function fenceOutput({ network, guestOf, ownership, domids }: FencedOutputParts): () => void {
  const isUnsure = (domid: number): boolean => {
    const guest = guestOf(domid);
    return guest !== undefined && !ownership.isSure(guest.uuid);
  };
  const known = new WeakMap<BridgePort, number>();
  const domidOf = (port: BridgePort): number => {
    let domid = known.get(port);
    if (domid === undefined) known.set(port, (domid = Number(/^vif(\d+)\./.exec(port.name)?.[1] ?? -1)));
    return domid;
  };
  const pull = network.gate((_frame, port) => {
    const domid = domidOf(port);
    return domid >= 0 && isUnsure(domid);
  });
  ownership.onUnsure(() => {
    for (const domid of domids()) if (isUnsure(domid)) network.fence(domid);
  });
  return pull;
}
