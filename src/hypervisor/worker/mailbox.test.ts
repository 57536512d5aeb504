/** What Domain 0 asks of a domain's worker. */
import { expect, it } from 'vitest';
import { MAILBOX, MAILBOX_RING_BYTES } from '../layout/layout.ts';
import type { Machine } from '../memory/machine.ts';
import { Mailbox } from './mailbox.ts';

const AT = 4096;

function make() {
  const words = new Int32Array(new SharedArrayBuffer(2 ** 20)),
    bytes = new Uint8Array(words.buffer);
  const mailbox = new Mailbox(
    { words, bytes } as Machine,
    { mailboxOffset: AT } as ConstructorParameters<typeof Mailbox>[1],
  );
  const post = (name: string, ...given: unknown[]) => mailbox.messages(name, given).map(one => mailbox.post(one));
  const all = () => {
    const sent = [];
    for (let next = mailbox.take(); next; next = mailbox.take()) sent.push([next.name, ...next.given]);
    return sent;
  };
  return { mailbox, words, bytes, post, all };
}

it('gives verbs with their arguments in the order in which they were posted, once', () => {
  const { mailbox, words, post, all } = make();
  const points = [{ kind: 'write', linear: 0xffffffff, bytes: 4096 }];
  post('breakAt', points);
  post('key', 'KeyA', true);
  post('mouse', { dx: -40_000, dy: 300, dz: -1, buttons: 5 });
  post('serial', Uint8Array.of(0, 255, 104));
  post('insertMedium', 3, new Blob([]));
  expect([mailbox.hasVerbs, words[(AT >>> 2) + MAILBOX.DOORBELL]]).toEqual([true, 5]);
  expect(all()).toEqual([
    ['breakAt', points],
    ['key', 'KeyA', true],
    ['mouse', { dx: -40_000, dy: 300, dz: -1, buttons: 5 }],
    ['serial', Uint8Array.of(0, 255, 104)],
    ['insertMedium'],
  ]);
  expect([mailbox.hasVerbs, all()]).toEqual([false, []]);
});

it('gives no argument where none was given', () => {
  const { post, all } = make();
  post('copyAhead', 'save', undefined);
  post('reset');
  expect(all()).toEqual([['copyAhead', 'save'], ['reset']]);
});

it('takes many bytes in parts, says where there is no room, and goes round', () => {
  const { post, all } = make();
  const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i);
  for (let round = 0; round < 10; round++) {
    expect(post('serial', bytes)).toEqual([true, true, true]);
    expect(all().flatMap(([, part]) => [...(part as Uint8Array)])).toEqual([...bytes]);
  }
  const many = post('serial', new Uint8Array(MAILBOX_RING_BYTES));
  expect(many).toEqual([...many.slice(0, -1).map(() => true), false]);
  expect(() => post('key', 'x'.repeat(MAILBOX_RING_BYTES), true)).toThrow("too long for a domain's mailbox");
});

it('leaves out what is no verb, and all that is there where a message would be longer than what was written', () => {
  const { mailbox, words, bytes, post, all } = make();
  const ring = AT + 4 * MAILBOX.RING;
  mailbox.post({ verb: 200, bytes: new Uint8Array(0) });
  post('reset');
  // Behind the first message and the second one's head: what should be a list of arguments.
  bytes[ring + 2 * 8] = 0x7b;
  post('wake');
  expect(all()).toEqual([['wake']]);
  post('wake');
  words[(ring + words[(AT >>> 2) + MAILBOX.READ]!) >>> 2] = 0xffff;
  expect([all(), mailbox.hasVerbs]).toEqual([[], false]);
});
