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
  state.setHost({ name, version: 'test', memoryMiB: 1024, slots: 2, vt: true, station: 1 });
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

function framed(message: readonly number[]): Uint8Array {
  return Uint8Array.from([message.length & 0xff, (message.length >>> 8) & 0xff, message.length >>> 16, 0, ...message]);
}
