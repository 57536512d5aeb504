import * as encoding from 'lib0/encoding';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../host/nbd/index.ts';
import { later, until } from '../service/host.test-support.ts';
import type { Pool } from './pool.ts';
import { enter, random, TestRoom } from './rooms.test-support.ts';
import { type HostLoad, SharedState } from './shared-state.ts';

const hostMs = (): number => performance.now();
const GUEST = { uuid: '11111111-2222-4333-8444-555555555555', name: 'web', memoryMiB: 64, state: 'running' };
const LOAD: HostLoad = { slots: 2, busy: 0.5, totalBytes: 2 ** 30, freeBytes: 2 ** 29, guests: [] };

interface TestHost {
  pool: Pool & { said: string[] };
  state: SharedState;
}

async function host(room: TestRoom, name: string): Promise<TestHost> {
  const pool = await enter(room.enter(), name);
  const id = name.charCodeAt(0).toString(16).padStart(32, '0');
  const state = new SharedState({ pool, id, later, hostMs, random, say: sentence => pool.said.push(sentence) });
  state.setHost({ name, version: 'test', memoryMiB: 1024, slots: 2, vt: true, station: 1, receives: true });
  return { pool, state };
}

const names = ({ state }: TestHost): string =>
  state.hosts
    .map(({ name }) => name)
    .sort()
    .join();

describe('what all hosts of a pool see', () => {
  it('comes to those who were there and to those who come later, and stays when its writer goes', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo')];
    bravo.state.setGuests([GUEST]);
    bravo.state.addTask({ command: 'xl create web', state: 'done', atMs: 7, message: 'domain 1' });
    await until(() => alfa.state.guests.length === 1 && alfa.state.tasks.length === 1);
    expect(alfa.state.guests).toEqual([{ ...GUEST, host: 'bravo' }]);
    const charlie = await host(room, 'charlie');
    await until(() => charlie.state.guests.length === 1 && names(alfa) === 'alfa,bravo,charlie');
    bravo.pool.leave();
    expect(charlie.state.guests).toEqual([{ ...GUEST, host: 'bravo' }]);
    expect(charlie.state.tasks).toEqual([
      { host: 'bravo', command: 'xl create web', state: 'done', atMs: 7, message: 'domain 1' },
    ]);
    alfa.pool.leave();
    charlie.pool.leave();
  });

  it('has the tags of a guest as its host has them, and of what somebody writes only what are tags', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo')];
    const seen = () => alfa.state.guests.map(({ tags }) => tags);
    bravo.state.setGuests([{ ...GUEST, tags: ['shop', 'produção'] }]);
    await until(() => seen().length === 1);
    expect(seen()).toEqual([['shop', 'produção']]);
    const wrong = [['two words'], [7], 'shop', [], Array.from({ length: 17 }, (_, i) => `t${i}`)];
    for (const [i, tags] of wrong.entries()) {
      bravo.state.setGuests([{ ...GUEST, tags: tags as string[], state: `${i}` }]);
      await until(() => alfa.state.guests[0]?.state === `${i}`);
      expect(seen()).toEqual([undefined]);
    }
    bravo.state.setGuests([GUEST]);
    await until(() => alfa.state.guests[0]?.state === 'running');
    expect(alfa.state.guests).toEqual([{ ...GUEST, host: 'bravo' }]);
    alfa.pool.leave();
    bravo.pool.leave();
  });

  it('is the same on all whatever the order, and loses a guest that is gone', async () => {
    const room = new TestRoom();
    const hosts = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    await Promise.all(
      hosts.map(async ({ state, pool }, i) => {
        for (let n = 0; n < 20; n++) {
          state.setGuests([{ ...GUEST, uuid: `${i}`, name: `${pool.me}-${n}` }]);
          await new Promise(resolve => setTimeout(resolve, (n * 7 + i) % 5));
        }
      }),
    );
    hosts[0]!.state.setGuests([]);
    await until(() =>
      hosts.every(
        ({ state }) =>
          state.guests
            .map(({ name }) => name)
            .sort()
            .join() === 'bravo-19,charlie-19',
      ),
    );
    for (const { pool } of hosts) pool.leave();
  });

  it('tells how busy hosts are as long as they are there', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo')];
    bravo.state.setLoad(LOAD);
    await until(() => alfa.state.loads.get('bravo') !== undefined);
    expect(alfa.state.loads.get('bravo')).toEqual(LOAD);
    bravo.state.setLoad({ ...LOAD, busy: 0.75 });
    await until(() => alfa.state.loads.get('bravo')?.busy === 0.75);
    bravo.pool.leave();
    await until(() => !alfa.state.loads.has('bravo'));
    alfa.pool.leave();
  });

  it('passes by what others wrote and has no form', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    const channels: ByteChannel[] = [];
    const hostile = await enter(room.enter(), 'zulu');
    hostile.serve('state', channel => void channels.push(channel));
    await until(() => channels.length === 1);
    const doc = new Y.Doc();
    const wrong: unknown[] = [
      null,
      7,
      'x',
      {},
      { name: '../..' },
      { name: 'web', memoryMiB: -1 },
      { name: 'a'.repeat(999) },
    ];
    for (const [i, value] of wrong.entries()) {
      doc.getMap('hosts').set(`h${i}`, value);
      doc.getMap('guests').set(`g${i}`, value);
      doc.getArray('tasks').push([value]);
    }
    doc.getMap('guests').set('good', { name: 'web', memoryMiB: 1, host: 'zulu', state: 'running' });
    channels[0]!.listen(
      () => {},
      () => {},
    );
    const update = Y.encodeStateAsUpdate(doc);
    const [low, high] = [(update.length & 0x7f) | 0x80, update.length >>> 7];
    channels[0]!.send(framed([0, 2, low, high, ...update]));
    await until(() => alfa.state.guests.length === 1);
    expect([names(alfa), alfa.state.guests[0]!.name, alfa.state.tasks]).toEqual(['alfa', 'web', []]);
    alfa.pool.leave();
    hostile.leave();
  });

  it('counts nothing that a host writes in place of another, and names it', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo')];
    alfa.state.setCoordinator('alfa', 1);
    alfa.state.setGuests([GUEST]);
    alfa.state.setLease(GUEST.uuid, { owner: 'alfa', epoch: 3 });
    await until(() => bravo.state.leases.size === 1);
    const { channel, hostile } = await hostileHost(room, 'zulu');
    const doc = new Y.Doc();
    const card = { name: 'alfa', version: 'x', memoryMiB: 1, slots: 1, vt: true, station: 9, receives: true };
    doc.getMap('hosts').set('1'.padStart(32, '0'), card);
    doc.getMap('guests').set('mine', { ...GUEST, host: 'alfa', state: 'crashed' });
    // By its own name it may list what it likes: the lease tells whose it is.
    doc.getMap('guests').set(GUEST.uuid, { name: 'stolen', memoryMiB: 1, host: 'zulu', state: 'running' });
    doc.getMap('leases').set(GUEST.uuid, { owner: 'zulu', epoch: 2 ** 40 });
    doc.getMap('wishes').set('alfa', { mode: 'density', automatic: true });
    doc.getMap('moves').set(GUEST.uuid, { from: 'alfa', to: 'zulu', number: 1 });
    doc.getArray('tasks').push([{ host: 'alfa', command: 'rm', state: 'done', atMs: 1, message: '' }]);
    doc.getMap('pool').set('coordinator', { name: 'zulu', term: 2 ** 40 });
    doc.getMap('guests').set('own', { ...GUEST, name: 'own', host: 'zulu' });
    channel.send(updateOf(doc));
    await until(() => alfa.state.guests.some(({ name }) => name === 'own'));
    expect(alfa.state.hosts.find(({ name }) => name === 'alfa')?.station).toBe(1);
    expect(alfa.state.guests.find(({ uuid }) => uuid === GUEST.uuid)).toEqual({ ...GUEST, host: 'alfa' });
    expect(alfa.state.guests.map(({ name }) => name).sort()).toEqual(['own', 'web']);
    expect(bravo.state.leases.get(GUEST.uuid)).toEqual({ owner: 'alfa', epoch: 3 });
    expect([alfa.state.wishes.size, alfa.state.moves.size, alfa.state.tasks.length]).toEqual([0, 0, 0]);
    expect(alfa.state.coordinator).toEqual({ name: 'alfa', term: 1 });
    expect(alfa.pool.said).toEqual(
      ['the card of alfa', 'guests of alfa', 'wishes of alfa'].map(
        what => `zulu writes ${what}, which is not its to write: it does not count.`,
      ),
    );
    alfa.pool.leave();
    bravo.pool.leave();
    hostile.leave();
  });

  it('lets a host say how busy it is itself, and no other', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    alfa.state.setLoad(LOAD);
    const { channel, hostile, got } = await hostileHost(room, 'zulu');
    await until(() => got.some(bytes => bytes[4] === 1));
    // As it came: of alfa's document.
    channel.send(got.find(bytes => bytes[4] === 1)!);
    await until(() => alfa.pool.said.length === 1);
    expect(alfa.pool.said[0]).toContain('it sent what no host sends (it speaks for another host).');
    expect([...alfa.state.loads.keys()]).toEqual(['alfa']);
    alfa.pool.leave();
    hostile.leave();
  });

  it('takes no document that is larger than one host can fill', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    const { channel, hostile } = await hostileHost(room, 'zulu');
    const doc = new Y.Doc();
    // Each change alone is small enough.
    doc.on('update', update => channel.send(messageOf(update)));
    for (let i = 0; i < 5; i++) doc.getMap('guests').set(`${i}`, 'x'.repeat(600_000));
    await until(() => alfa.pool.said.length === 1);
    expect(alfa.pool.said[0]).toContain('its part is larger than 2 MiB');
    alfa.pool.leave();
    hostile.leave();
  });

  const frames: Record<string, [number[], RegExp]> = {
    'a message that is too long': [[0, 0, 0x20, 0], /it sent a message of 2097152 bytes\.$/],
    'a message of another kind': [[...framed([9])], /it sent what no host sends \(there is no message 9\)\.$/],
    'half an update': [[...framed([0, 2, 40, 1, 2, 3])], /it sent what no host sends \(.*\)\.$/],
    'an update of noise': [
      [...framed([0, 2, 8, 255, 254, 253, 252, 251, 250, 249, 248])],
      /it sent what no host sends/,
    ],
    nothing: [[...framed([])], /it sent what no host sends/],
    'noise of presence': [[...framed([1, 4, 9, 9, 9, 9])], /it sent what no host sends/],
  };
  for (const [what, [bytes, says]] of Object.entries(frames))
    it(`ends the channel of a host that sends ${what}, in words`, async () => {
      const room = new TestRoom();
      const alfa = await host(room, 'alfa');
      const channels: ByteChannel[] = [];
      const hostile = await enter(room.enter(), 'zulu');
      hostile.serve('state', channel => void channels.push(channel));
      await until(() => channels.length === 1);
      channels[0]!.listen(
        () => {},
        () => {},
      );
      channels[0]!.send(Uint8Array.from(bytes));
      await until(() => alfa.pool.said.length === 1);
      expect(alfa.pool.said[0]).toMatch(/^What all hosts see does not reach zulu any more: /);
      expect(alfa.pool.said[0]).toMatch(says);
      expect(names(alfa)).toBe('alfa');
      alfa.pool.leave();
      hostile.leave();
    });
});

/** A member that has said who it is, and sends on its channel whatever it likes. */
async function hostileHost(room: TestRoom, name: string) {
  const channels: ByteChannel[] = [],
    got: Uint8Array[] = [];
  const hostile = await enter(room.enter(), name);
  hostile.serve('state', channel => void channels.push(channel));
  await until(() => channels.length > 0);
  channels[0]!.listen(
    bytes => void got.push(bytes),
    () => {},
  );
  return { hostile, channel: channels[0]!, got };
}

const updateOf = (doc: Y.Doc): Uint8Array => messageOf(Y.encodeStateAsUpdate(doc));

function messageOf(update: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, 0);
  sync.writeUpdate(encoder, update);
  return framed([...encoding.toUint8Array(encoder)]);
}

function framed(message: readonly number[]): Uint8Array {
  return Uint8Array.from([message.length & 0xff, (message.length >>> 8) & 0xff, message.length >>> 16, 0, ...message]);
}
