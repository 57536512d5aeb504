/** What a port of a console of virtio and the client at its other end send each other (console.ts). Channels go by name. */

/** Bytes under way in either direction; a sender waits then. */
export const MOST_CHANNEL_BYTES = 65536;

/** Channels of a guest at most: ports of QEMU's device, without the console's. */
export const MOST_CHANNELS = 30;

export const isChannelName = (name: unknown): name is string => typeof name === 'string' && /^[\w.-]{1,63}$/.test(name);

/** Of the device. */
export interface ChannelTold {
  /** The guest has it open. */
  isOpen: boolean;
  /** It takes somebody for being there, who may be of the time before a state was saved. */
  isConnected: boolean;
  /** The guest wrote these. */
  bytes?: Uint8Array;
  /** The guest has been given this many more of those that it was sent. */
  taken?: number;
}

/** Of the other end. */
export type ChannelWish =
  /** The channel comes to a guest that runs, as this port. */
  | { port: number }
  /** It goes. */
  | { isGone: true }
  /** Somebody is there from now on, or nobody. */
  | { isConnected: boolean }
  /** For the guest; it is given them when it has the port open and a buffer. */
  | { bytes: Uint8Array }
  /** This many of the guest's have been read. */
  | { read: number };
