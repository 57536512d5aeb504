/** Other ends of channels: one client at a time, and no more under way than is read. */
import { describe, expect, it, vi } from 'vitest';
import { type ChannelWish, MOST_CHANNEL_BYTES } from '../../devices/index.ts';
import { Channel, openChannels } from './channels.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a channel', () => {
  it('is for one client at a time, and says whether there is one', () => {
    const asked: ChannelWish[] = [];
    const channel = new Channel('one', wish => asked.push(wish));
    channel.begin();
    const closed = vi.fn();
    const first = channel.connect({ bytes: () => {}, closed });
    expect(channel.connect({ bytes: () => {}, closed })).toBeUndefined();
    first!.close();
    first!.close();
    expect(asked).toEqual([{ isConnected: false }, { isConnected: true }, { isConnected: false }]);
    channel.connect({ bytes: () => {}, closed });
    channel.end();
    expect([closed.mock.calls.length, channel.connect({ bytes: () => {}, closed })]).toEqual([1, undefined]);
  });

  it('is open where a guest that was restored says so, which on this thread it does at once', () => {
    const guest: Parameters<typeof openChannels>[0] = {
      blueprint: { definition: { virtio: ['channel,name=one'] } },
      runner: { ask: (_verb, name) => guest.channels?.get(name)?.hear({ isOpen: true, isConnected: false }) },
      whenOver: new Set(),
    };
    openChannels(guest);
    expect(guest.channels!.get('one')!.isOpen).toBe(true);
  });

  it('sends no more than the guest takes, and lets it write as much as is read', async () => {
    const asked: ChannelWish[] = [];
    const channel = new Channel('one', wish => asked.push(wish));
    let read = (): void => {};
    const heard: string[] = [];
    const end = channel.connect({
      bytes: bytes => {
        heard.push(new TextDecoder().decode(bytes));
        return new Promise(resolve => (read = resolve));
      },
      closed: () => {},
    })!;
    const sent = (): number => asked.reduce((sum, wish) => sum + ('bytes' in wish ? wish.bytes.length : 0), 0);
    const written = end.write(new Uint8Array(MOST_CHANNEL_BYTES + 10));
    await Promise.resolve();
    expect(sent()).toBe(MOST_CHANNEL_BYTES);
    channel.hear({ isOpen: true, isConnected: true, taken: 10 });
    await vi.waitFor(() => expect(sent()).toBe(MOST_CHANNEL_BYTES + 10));
    channel.hear({ isOpen: true, isConnected: true, taken: MOST_CHANNEL_BYTES });
    await written;
    channel.hear({ isOpen: true, isConnected: true, bytes: bytesOf('words') });
    expect([heard, asked.some(wish => 'read' in wish)]).toEqual([['words'], false]);
    read();
    await vi.waitFor(() => expect(asked.at(-1)).toEqual({ read: 5 }));
  });
});
