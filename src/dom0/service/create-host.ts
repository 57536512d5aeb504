/** A host with all commands of the toolstack. The page's worker loads most of them when one is asked for (host-in-worker.ts). */
import { COMMANDS, spellingsOf } from '../toolstack/commands/index.ts';
import type { Host, HostParts } from './host.ts';
import { hostWith } from './host-with.ts';

export function createHost(parts: HostParts): Host {
  const host = hostWith(parts, COMMANDS);
  host.tasks.spellBy(spellingsOf(host.toolstack.hypervisor.kind));
  return host;
}
