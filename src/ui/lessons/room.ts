/** The room of a class and its wall: the other tabs of this browser that are in a room of the same word. */
import type { OpenRoom } from '../../lessons/index.ts';
import { address } from './addresses.ts';

/** The one that the address names. A word of another form is none. */
export const roomHere = (): string | undefined => /^[a-z0-9]{1,32}$/.exec(address().get('room') ?? '')?.[0];

/** Tabs of one browser and one origin alone (BroadcastChannel): nothing leaves the machine. */
export const openRoom: OpenRoom = (word, hear) => {
  const channel = new BroadcastChannel(`ringside-class-${word}`);
  channel.onmessage = ({ data }) => hear(data);
  return { send: text => channel.postMessage(text), close: () => channel.close() };
};
