import { describe, expect, it } from 'vitest';
import { later, until } from '../service/host.test-support.ts';
import { enter, random } from './rooms.test-support.ts';
import { tabsRoom } from './tabs-room.ts';

const NAME = `test-${Math.random()}`;

const tab = () =>
  tabsRoom({
    channel: new BroadcastChannel(NAME) as unknown as Parameters<typeof tabsRoom>[0]['channel'],
    later,
    hostMs: () => performance.now(),
    epochMs: () => Date.now(),
    random,
  });

describe('tabs of one browser', () => {
  it('are a pool: they find each other, bring bytes in order, and tell who goes', async () => {
    const alfa = await enter(await tab(), 'alfa');
    const bravo = await enter(await tab(), 'bravo');
    await until(() => alfa.hosts.length === 1);
    expect([alfa.inOrder, bravo.inOrder]).toEqual([
      ['alfa', 'bravo'],
      ['alfa', 'bravo'],
    ]);
    let bytes = 0,
      isInOrder = true;
    alfa.serve('migrate', channel =>
      channel.listen(
        piece => {
          for (const byte of piece) isInOrder &&= byte === ((bytes++ / 4096) & 0xff);
        },
        () => {},
      ),
    );
    const channel = await bravo.connect('alfa', 'migrate');
    const sent = 4 * 2 ** 20;
    const all = Uint8Array.from({ length: sent }, (_, i) => i / 4096);
    for (let at = 0; at < sent; at += 100_000) channel.send(all.slice(at, at + 100_000));
    await until(() => bytes === sent);
    expect(isInOrder).toBe(true);
    bravo.leave();
    await until(() => alfa.hosts.length === 0);
    alfa.leave();
  });

  it('pass by what is no word of theirs', async () => {
    const alfa = await enter(await tab(), 'alfa');
    const channel = new BroadcastChannel(NAME);
    for (const word of [
      null,
      7,
      'x',
      {},
      { from: -1, what: 'come' },
      { from: 3, what: 'message', bytes: [1] },
      { from: 4 },
    ])
      channel.postMessage(word);
    const bravo = await enter(await tab(), 'bravo');
    expect(bravo.hosts.map(({ name }) => name)).toEqual(['alfa']);
    channel.close();
    alfa.leave();
    bravo.leave();
  });
});
