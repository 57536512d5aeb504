/** Asks Domain 0 for xenstored's tree again and again, and keeps when a node was written. */

import type { StoreNode } from '../../../dom0/service/index.ts';
import { host } from '../../host.ts';
import type { Target } from '../inspector.ts';
import { type Data, isWritten, nodesOf } from './facts.ts';

export function open({ session }: Target) {
  let before: Map<string, StoreNode> | undefined;
  const changed = new Map<string, number>();
  return {
    async look(): Promise<Data> {
      const { nodes: all, watches } = await host.inspect('store', 0),
        nodes = nodesOf(all, session?.id),
        nowMs = performance.now();
      for (const node of nodes) if (isWritten(node, before)) changed.set(node.path, nowMs);
      before = new Map(nodes.map(node => [node.path, node]));
      return { nodes, watches, changed: new Map(changed), nowMs };
    },
  };
}
