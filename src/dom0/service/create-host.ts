/** A host with all its commands, for whoever has them at hand. The page's worker loads most of them when one is asked for (host-in-worker.ts). */
import { type Host, type HostParts, hostWith } from './host.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';

export const createHost = (parts: HostParts): Host => hostWith(parts, COMMANDS);
