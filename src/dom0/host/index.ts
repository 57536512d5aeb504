/** What src/dom0/host offers to other rooms. */
export { type HostIdentity, keptName, LONE_HOST, NAME_FILE, seedOfHost } from './identity.ts';
export { justBash } from './state/just-bash.ts';
export { nbd } from './nbd/nbd-part.ts';
export type { Later } from './timers.ts';
export type { Subtle, TabsChannel, Ways, WebSocketLike } from './ways.ts';
export type { BootLoader } from './boot-loader/boot-loader.ts';
export {
  type BootCommands,
  findEntry,
  type GrubConfig,
  type GrubEntry,
  type GrubNode,
  readBootCommands,
  readGrubConfig,
} from './boot-loader/grub-config.ts';
