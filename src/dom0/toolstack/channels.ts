/**
 * Other ends of a guest's channels of virtio (devices/virtio/console.ts): the guest's /dev/virtio-ports/NAME is here by that name, for one client at a time, as
 * a socket of QEMU's is. What a client writes waits until the guest takes it; what the guest writes, until the client has read it.
 */
import { channelsOf, type ChannelTold, type ChannelWish, hasPorts, MOST_CHANNEL_BYTES } from '../../devices/index.ts';

/** libvirt is at this one from the guest's start to its end (qemuConnectAgent() of src/qemu/qemu_process.c): a guest that reads it waits for a question. */
export const AGENT_CHANNEL = 'org.qemu.guest_agent.0';

export interface ChannelClient {
  /** The guest wrote; it may write more when this is done. */
  bytes(bytes: Uint8Array): void | Promise<void>;
  /** The guest has opened its port, or closed it. */
  turned?(isOpen: boolean): void;
  /** The guest is gone, or has left this host. */
  closed(): void;
}

/** A client's way to the guest. */
export interface ChannelEnd {
  /** Resolves when the guest has taken all, or is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Somebody else may come. */
  close(): void;
}

export class Channel {
  readonly name: string;
  /** The guest has its port open. */
  isOpen = false;
  /** Where its socket is, where there is one. */
  path?: string;
  private readonly ask: (wish: ChannelWish) => void;
  private client: ChannelClient | undefined;
  private isGone = false;
  /** Bytes that the guest has not taken. */
  private under = 0;
  private taken: (() => void) | undefined;

  constructor(name: string, ask: (wish: ChannelWish) => void) {
    this.name = name;
    this.ask = ask;
  }

  /** Once what the guest says of it is heard: a saved one may know of somebody who was elsewhere, and says whether it has the port open. */
  begin(): void {
    this.ask({ isConnected: this.isHeld });
  }

  private get isHeld(): boolean {
    return this.name === AGENT_CHANNEL;
  }

  /** Undefined: somebody is there, or the guest is gone. */
  connect(client: ChannelClient): ChannelEnd | undefined {
    if (this.client || this.isGone) return undefined;
    this.client = client;
    this.ask({ isConnected: true });
    let last = Promise.resolve();
    return {
      write: bytes => (last = last.then(() => this.write(client, bytes))),
      close: () => {
        if (this.client !== client) return;
        this.leave();
        if (!this.isHeld) this.ask({ isConnected: false });
      },
    };
  }

  private leave(): void {
    this.client = undefined;
    this.under = 0;
    this.taken?.();
  }

  private async write(client: ChannelClient, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && this.client === client; ) {
      const piece = bytes.slice(at, at + MOST_CHANNEL_BYTES - this.under);
      at += piece.length;
      this.under += piece.length;
      if (piece.length > 0) this.ask({ bytes: piece });
      if (this.under > 0) await new Promise<void>(resolve => (this.taken = resolve));
    }
  }

  /** Whether the guest has opened it, or closed it. */
  hear({ isOpen, isConnected, bytes, taken }: ChannelTold): boolean {
    const { client } = this;
    const turned = isOpen !== this.isOpen;
    if (turned) {
      this.isOpen = isOpen;
      client?.turned?.(isOpen);
    }
    const isSo = this.isHeld || client !== undefined;
    // A state may have come over what was asked for.
    if (isConnected !== isSo && !this.isGone) this.ask({ isConnected: isSo });
    if (taken !== undefined) {
      this.under = Math.max(0, this.under - taken);
      this.taken?.();
    }
    if (bytes)
      void Promise.resolve(client?.bytes(bytes)).then(() => {
        if (this.client === client) this.ask({ read: bytes.length });
      });
    return turned;
  }

  /** The guest is gone, or it from the guest. */
  end(): void {
    this.isGone = true;
    const { client } = this;
    this.leave();
    client?.closed();
  }
}

/** A guest, as far as it has channels. */
interface Bearer {
  blueprint: { definition: { virtio?: readonly string[] } };
  runner: { ask(verb: 'channel', name: string, wish: ChannelWish): void };
  channels?: Map<string, Channel>;
  whenOver: Set<(how: string, byItself: boolean) => void>;
}

export const channelAt = ({ runner }: Bearer, name: string): Channel =>
  new Channel(name, wish => runner.ask('channel', name, wish));

/** The program at one is notified when the guest ends. */
export function openChannels(guest: Bearer): void {
  const { virtio } = guest.blueprint.definition;
  if (!hasPorts(virtio)) return;
  const channels = new Map(channelsOf(virtio).map(({ name }) => [name, channelAt(guest, name)]));
  guest.channels = channels;
  // A guest on this thread answers at once.
  for (const channel of channels.values()) channel.begin();
  guest.whenOver.add(() => channels.forEach(channel => channel.end()));
}
