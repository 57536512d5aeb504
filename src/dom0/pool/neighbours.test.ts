import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../host/nbd/index.ts';
import { WINDOW_BYTES } from './channels.ts';
import { channelPair, Neighbourhood } from './neighbours.ts';

const soon = (callback: () => void): void => void setImmediate(callback);
const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

/** All that comes, and what is said at the end. */
function heardBy(channel: ByteChannel): { bytes: number[]; end: (string | undefined)[] } {
  const heard = { bytes: [] as number[], end: [] as (string | undefined)[] };
  channel.listen(
    bytes => void heard.bytes.push(...bytes),
    why => void heard.end.push(why),
  );
  return heard;
}

describe('channels between hosts of one process', () => {
  it('brings what was sent before the end, in order, and then the end', async () => {
    const [here, there] = channelPair(soon).ends;
    here.send(Uint8Array.of(1, 2));
    here.send(Uint8Array.of(3));
    here.close();
    const heard = heardBy(there);
    await turns(5);
    expect(heard).toEqual({ bytes: [1, 2, 3], end: [undefined] });
  });

  it('keeps back what comes while its listener pauses, and tells the sender when little waits again', async () => {
    const [here, there] = channelPair(soon).ends;
    let drained = 0;
    here.onDrained(() => drained++);
    let heard = 0;
    there.listen(
      bytes => void (heard += bytes.length),
      () => {},
    );
    there.pause();
    for (let i = 0; i < 4; i++) here.send(new Uint8Array(2 ** 20));
    await turns(8);
    expect([heard, drained, here.waitingBytes]).toEqual([0, 0, 2 ** 22 - WINDOW_BYTES]);
    there.resume();
    await turns(8);
    expect([heard, drained, here.waitingBytes]).toEqual([2 ** 22, 1, 0]);
  });

  it('tells the other end why it is closed, after what was sent before', async () => {
    const [here, there] = channelPair(soon).ends;
    here.send(Uint8Array.of(1));
    here.close('There is no room.');
    const heard = [here, there].map(heardBy);
    await turns(5);
    expect(heard).toEqual([
      { bytes: [], end: [undefined] },
      { bytes: [1], end: ['There is no room.'] },
    ]);
  });

  it('loses what is on its way when it is cut, and tells both ends why', async () => {
    const { ends, cut } = channelPair(soon);
    const heard = ends.map(heardBy);
    ends[0].send(Uint8Array.of(1));
    cut('the cable was pulled');
    ends[0].send(Uint8Array.of(2));
    await turns(5);
    expect(heard).toEqual([
      { bytes: [], end: ['the cable was pulled'] },
      { bytes: [], end: ['the cable was pulled'] },
    ]);
  });

  it('connects hosts by their names, and says which do not answer', async () => {
    const hosts = new Neighbourhood(soon);
    const from: string[] = [];
    hosts.of('b').serve('migrate', (channel, host) => {
      from.push(host);
      channel.send(Uint8Array.of(7));
    });
    const heard = heardBy(await hosts.of('a').connect('b', 'migrate'));
    await turns(3);
    expect([from, heard.bytes]).toEqual([['a'], [7]]);
    await expect(hosts.of('a').connect('c', 'migrate')).rejects.toThrow('There is no host c here');
  });
});
