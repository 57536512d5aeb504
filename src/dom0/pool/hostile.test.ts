/** A member that sends whatever it likes: it is refused in words, holds no more than it may, and others go on. */
import { expect, it } from 'vitest';
import { until } from '../service/host.test-support.ts';
import { xorshift } from '../toolstack/random.ts';
import { Channels, WINDOW_BYTES } from './channels.ts';
import { enter, reach, TestRoom } from './rooms.test-support.ts';

const MESSAGES = 100_000;

it('may send 100,000 messages of any kind: each is taken, or ends the link in words, and none holds more than its window', () => {
  const next = xorshift(20261128);
  const below = (count: number): number => (next() >>> 0) % count;
  const why = new Set<string>();
  let heldBytes = 0,
    ended = 0;
  const make = (): Channels => {
    heldBytes = 0;
    return new Channels({
      isOdd: true,
      send: () => {},
      waitingBytes: () => 0,
      left: async () => {},
      accept: (_service, channel) => {
        if (below(3) === 0) return 'not now';
        // Nobody takes what comes: it stays within the window.
        channel().listen(
          bytes => void (heldBytes += bytes.length),
          () => {},
        );
        return undefined;
      },
      noted: () => {},
      violated: sentence => {
        why.add(sentence.replace(/\d+/g, 'N'));
        ended++;
        channels = make();
      },
    });
  };
  let channels = make();
  for (let i = 0; i < MESSAGES; i++) {
    const message = new Uint8Array(below(4) === 0 ? below(12) : 5 + below(64));
    for (let at = 0; at < message.length; at++) message[at] = next();
    // Mostly what nearly is one: a type there is, a channel that may be open.
    if (message.length >= 5 && below(10) > 0) {
      message[0] = below(8);
      new DataView(message.buffer).setUint32(1, below(8), true);
    }
    channels.take(message);
  }
  expect(ended).toBeGreaterThan(1000);
  expect(heldBytes).toBeLessThanOrEqual(64 * WINDOW_BYTES);
  expect([...why].sort()).toEqual([
    'answered for channel N, which was not asked for',
    'gave a credit that is no number',
    'gave more credit on channel N than was used',
    'opened channel N, which is not its to open',
    'sent a message of type N, which there is not',
    'sent a message without a head',
    'sent on channel N, which is not open',
  ]);
});

it('cannot have more on its way than a window, though nobody takes it', () => {
  const why: string[] = [];
  const channels = new Channels({
    isOdd: true,
    send: () => {},
    waitingBytes: () => 0,
    left: async () => {},
    accept: (_service, channel) => void channel().pause(),
    noted: () => {},
    violated: sentence => why.push(sentence),
  });
  const message = (type: number, bytes: number): Uint8Array<ArrayBuffer> => {
    const whole = new Uint8Array(5 + bytes);
    whole.set([type, 2]);
    return whole;
  };
  channels.take(message(1, 4));
  for (let sent = 0; sent < WINDOW_BYTES; sent += 65_536) channels.take(message(4, 65_536));
  expect(why).toEqual([]);
  channels.take(message(4, 1));
  expect(why).toEqual(['sent more on channel 2 than it was let']);
});

it('says at the door whatever it likes, and hosts beside it go on', async () => {
  const room = new TestRoom();
  const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
  const next = xorshift(7);
  for (let visit = 0; visit < 50; visit++) {
    const hostile = room.enter();
    const others = hostile.listen({
      came: () => {},
      gone: () => {},
      message: () => {},
      drained: () => {},
      closed: () => {},
    });
    for (let i = 0; i < 4; i++)
      for (const other of others)
        hostile.send(other, Uint8Array.from({ length: i === 0 ? 16 : (next() >>> 0) % 80 }, next));
    await new Promise(resolve => setTimeout(resolve, 5));
    hostile.leave();
  }
  await until(() => alfa.said.length > 20);
  for (const sentence of alfa.said)
    expect(sentence).toMatch(
      /^Member \d+ of the room (sent what no seal is on|sent what does not open with the key of this pool|does not begin as a member).* This host has no link with it any more\.$/,
    );
  expect(alfa.hosts.map(({ name }) => name)).toEqual(['bravo']);
  await reach(bravo, alfa);
  alfa.leave();
  bravo.leave();
});
