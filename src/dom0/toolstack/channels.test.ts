/** Other ends of channels: one client at a time, and no more under way than is read. */
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { type ChannelWish, MOST_CHANNEL_BYTES } from '../../devices/index.ts';
import { plugChannel, unplugChannel } from './kinds/kvm/channel-hotplug.ts';
import { AGENT_CHANNEL, Channel, openChannels } from './channels.ts';
import type { Member } from './running-domain.ts';
import type { Toolstack } from './toolstack.ts';

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
    await eventually(() => expect(sent()).toBe(MOST_CHANNEL_BYTES + 10));
    channel.hear({ isOpen: true, isConnected: true, taken: MOST_CHANNEL_BYTES });
    await written;
    channel.hear({ isOpen: true, isConnected: true, bytes: bytesOf('words') });
    expect([heard, asked.some(wish => 'read' in wish)]).toEqual([['words'], false]);
    read();
    await eventually(() => expect(asked.at(-1)).toEqual({ read: 5 }));
  });
});

describe('channels of a guest that runs', () => {
  const guest = (virtio: string[]) => {
    const asked: [string, ChannelWish][] = [];
    const member = {
      blueprint: { definition: { virtio } },
      runner: { ask: (_verb: string, name: string, wish: ChannelWish) => asked.push([name, wish]) },
      whenOver: new Set(),
    } as unknown as Member;
    const toolstack = { idle: async () => {}, runners: { poke: vi.fn() }, listener: { listed: vi.fn() } };
    if (virtio.length > 0) openChannels(member as never);
    return { member, toolstack: toolstack as unknown as Toolstack, asked, listed: toolstack.listener.listed };
  };

  it('come as the first port that is free, and go with whoever is at them', async () => {
    const { member, toolstack, asked, listed } = guest(['rng', 'channel,name=one,port=2', 'balloon']);
    asked.length = 0;
    await plugChannel(toolstack, member, { name: AGENT_CHANNEL, path: '/run/a' });
    const all = () => member.blueprint.definition.virtio;
    expect(all()).toEqual([
      'rng',
      'channel,name=one,port=2',
      `channel,name=${AGENT_CHANNEL},port=1,path=/run/a`,
      'balloon',
    ]);
    expect(asked).toEqual([
      [AGENT_CHANNEL, { port: 1 }],
      // libvirt is at this one at once.
      [AGENT_CHANNEL, { isConnected: true }],
    ]);
    const closed = vi.fn();
    member.channels!.get('one')!.connect({ bytes: () => {}, closed });
    await unplugChannel(toolstack, member, 'one');
    await unplugChannel(toolstack, member, AGENT_CHANNEL);
    expect([closed.mock.calls.length, [...member.channels!], listed.mock.calls.length]).toEqual([1, [], 3]);
    // The controller stays where it is, for others.
    expect(all()).toEqual(['rng', 'serial', 'balloon']);
    await plugChannel(toolstack, member, { name: 'two' });
    expect(all()).toEqual(['rng', 'channel,name=two,port=1', 'balloon']);
    expect(asked.at(-1)).toEqual(['two', { isConnected: false }]);
  });

  it('are refused where there is no controller or port, where one is called so, and where there is none to go', async () => {
    const without = guest([]);
    await expect(plugChannel(without.toolstack, without.member, { name: 'a' })).rejects.toMatchObject({
      why: 'no controller',
    });
    const full = guest(['console', ...Array.from({ length: 30 }, (_, i) => `channel,name=c${i}`)]);
    await expect(plugChannel(full.toolstack, full.member, { name: 'a' })).rejects.toMatchObject({ why: 'no port' });
    await expect(plugChannel(full.toolstack, full.member, { name: 'c3' })).rejects.toMatchObject({ why: 'name' });
    await expect(unplugChannel(full.toolstack, full.member, 'a')).rejects.toMatchObject({ why: 'not there' });
    expect(full.listed).not.toHaveBeenCalled();
  });
});
