/** Other ends of channels: one client at a time, no more under way than is read, and an agent that answers, lies, or says nothing. Words are those of qemu_agent.c. */
import { describe, expect, it, vi } from 'vitest';
import { type ChannelWish, MOST_CHANNEL_BYTES } from '../../devices/index.ts';
import { AGENT_CHANNEL, Channel, openChannels } from './channels.ts';
import type { CommandHost } from './command-host.ts';
import { agentCommand } from './libvirt/index.ts';
import type { Domain } from './domains/index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (wish: ChannelWish): string => ('bytes' in wish ? new TextDecoder().decode(wish.bytes) : '');

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

describe('an agent', () => {
  const later = (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  };
  /** A guest whose agent answers a line so. */
  const guest = (answer: (said: { execute: string; arguments?: { id: number } }) => string, isThere = true) => {
    const channel: Channel = new Channel(AGENT_CHANNEL, wish => {
      for (const line of textOf(wish).split('\n').filter(Boolean))
        queueMicrotask(() =>
          channel.hear({
            isOpen: true,
            isConnected: true,
            bytes: bytesOf(answer(JSON.parse(line))),
            taken: line.length + 1,
          }),
        );
    });
    channel.isOpen = isThere;
    const members = new Map([
      [1, { ending: null, channels: new Map([[AGENT_CHANNEL, channel]]) }],
      [2, { ending: null }],
    ]);
    const host = { toolstack: { hypervisor: { kind: 'kvm' }, members, hotplug: { later } } } as unknown as CommandHost;
    return (text: string, timeout?: number, id: number | undefined = 1) =>
      agentCommand(host, { id } as Domain, text, timeout).catch(
        (error: Error & { code: number }) => `${error.code}: ${error.message}`,
      );
  };
  const synced = (rest: (execute: string) => string) =>
    guest(({ execute, arguments: given }) =>
      execute === 'guest-sync' ? `{"return": 77}\n{"return": ${given!.id}}\n` : rest(execute),
    );
  const PING = '{"execute":"guest-ping"}';

  it('is asked once it has answered guest-sync, past what it still had to say', async () => {
    expect(await synced(() => '{"return": {}}\n')(PING)).toBe('{"return":{}}');
    expect(
      await synced(
        execute => `{"error": {"class": "CommandNotFound", "desc": "The command ${execute} has not been found"}}\n`,
      )('{"execute":"x"}'),
    ).toBe("1: internal error: unable to execute QEMU agent command 'x': The command x has not been found");
    expect(await synced(() => '')(PING, 0)).toBeUndefined();
    expect(await synced(() => 'no JSON\n[1]\nnull\n{"return": "late"}\n')(PING)).toBe('{"return":"late"}');
  });

  it('is none where nobody answers, or none was defined', async () => {
    expect(await guest(() => '', false)(PING)).toBe(
      '86: Guest agent is not responding: QEMU guest agent is not connected',
    );
    expect(await guest(() => '')(PING, -1, 2)).toBe('74: argument unsupported: QEMU guest agent is not configured');
    expect(await synced(() => '')('{')).toMatch(/^1: internal error: cannot parse json {/);
    expect(await synced(() => '')(PING, -3)).toBe(
      "8: invalid argument: guest agent timeout '-3' is less than the minimum '-2'",
    );
    vi.useFakeTimers();
    try {
      const silent = guest(() => '')(PING);
      await vi.advanceTimersByTimeAsync(5000);
      expect(await silent).toBe('86: Guest agent is not responding: Guest agent not available for now');
    } finally {
      vi.useRealTimers();
    }
  });
});
