/** Channels as ports of the one device that a guest's console is, too: which ports they have, and how a definition's list says so. */
import { MOST_CHANNELS } from './channel-words.ts';
import { hasVirtio, isPort, virtioWords } from './kinds.ts';

/** Whether a guest has a device whose ports channels are. */
export const hasPorts = (items: readonly string[] = []): boolean => items.some(isPort);

export interface ChannelPort {
  name: string;
  port: number;
  /** Where its socket is to be. */
  path?: string;
}

/** A guest's channels: a channel that names a port gets it, and the others get the first ones that are free. */
export function channelsOf(items: readonly string[] = []): ChannelPort[] {
  const asked = items.map(virtioWords).flatMap(({ name, options }) => (name === 'channel' ? [options] : []));
  const taken = new Set(asked.map(({ port }) => Number(port)));
  return asked.map(({ name = '', port: wanted, path }) => {
    const port = wanted === undefined ? freePort(taken) : Number(wanted);
    taken.add(port);
    return { name, port, ...(path === undefined ? {} : { path }) };
  });
}

function freePort(taken: ReadonlySet<number>): number {
  let port = 1;
  while (taken.has(port)) port++;
  return port;
}

/** The first port that no channel of a guest's has; undefined: all have one. */
export function nextPort(items: readonly string[]): number | undefined {
  const port = freePort(new Set(channelsOf(items).map(channel => channel.port)));
  return port <= MOST_CHANNELS ? port : undefined;
}

/** A guest's devices with these channels in place of those that it has: their device stays where it is, if it is there. */
export function withChannels(items: readonly string[], channels: readonly ChannelPort[]): string[] {
  const has = hasVirtio(items, 'console') ? ['console'] : channels.length > 0 || !hasPorts(items) ? [] : ['serial'];
  const its = channels.map(
    ({ name, port, path }) => `channel,name=${name},port=${port}${path === undefined ? '' : `,path=${path}`}`,
  );
  const first = items.findIndex(isPort);
  const at = first < 0 ? items.length : first;
  return [...items.slice(0, at), ...has, ...its, ...items.slice(at).filter(item => !isPort(item))];
}
