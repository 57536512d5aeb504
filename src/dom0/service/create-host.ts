/** A host with all its commands, for whoever has them at hand. The page's worker loads most of them when one is asked for (host-in-worker.ts). */
import type { Host, HostParts } from './host.ts';
import { hostWith } from './host-with.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';

export const createHost = (parts: HostParts): Host => hostWith(parts, COMMANDS);
