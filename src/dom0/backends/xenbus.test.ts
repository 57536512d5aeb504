import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeGuest, FrontRing } from './fake-guest.test-support.ts';
import { type Connection, type Driver, type Nodes, XENBUS_STATE, XenbusBackend } from './xenbus.ts';

const { INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED } = XENBUS_STATE;
const ID = { kind: 'vbd', domid: 7, devid: 51712 };
const REF = 8,
  PORT = 3;

/** Answers each request with itself. */
class Echo implements Driver {
  connection: Connection | undefined;
  disconnects = 0;
  savedAs: unknown;

  features(): Nodes {
    return { 'feature-echo': 1 };
  }

  connect(connection: Connection, saved?: unknown): Nodes {
    this.connection = connection;
    this.savedAs = saved;
    const ring = connection.ring([connection.number('ring-ref')], 12);
    const request = new Int32Array(3);
    const tell = connection.bind(connection.number('event-channel'), () => {
      do while (ring.take(request)) ring.respond(request);
      while (ring.finalCheck());
      if (ring.push()) tell();
    });
    return { sectors: 100 };
  }

  disconnect(): void {
    this.disconnects++;
  }

  save(): unknown {
    return 'where it was';
  }
}

function make() {
  const guest = new FakeGuest();
  guest.plug(ID, { mode: 'w' });
  const driver = new Echo();
  const backend = new XenbusBackend(guest.parts, ID, driver);
  const front = new FrontRing([guest.grant(REF)], 12);
  guest.unbound.add(PORT);
  const state = (): number => Number(guest.backend(ID, 'state'));
  const connect = (): void => {
    guest.write(ID, { 'ring-ref': REF, 'event-channel': PORT, state: INITIALISED });
    guest.poll();
  };
  return { guest, driver, backend, front, state, connect };
}

describe('a back end', () => {
  it('waits with its features shown, connects, serves, and lets go when the front end closes', () => {
    const { guest, driver, front, state, connect } = make();
    expect([state(), guest.backend(ID, 'feature-echo'), guest.backend(ID, 'sectors')]).toEqual([
      INIT_WAIT,
      '1',
      undefined,
    ]);
    connect();
    expect([state(), guest.backend(ID, 'sectors'), guest.mapped]).toEqual([CONNECTED, '100', 1]);
    guest.write(ID, { state: CONNECTED });
    front.put([1, 2, 3]);
    expect(front.push()).toBe(true);
    guest.notify(PORT);
    guest.poll();
    expect([front.take(3), guest.events]).toEqual([Int32Array.of(1, 2, 3), [PORT]]);
    guest.write(ID, { state: CLOSING });
    expect([state(), guest.mapped, driver.disconnects, driver.connection?.open]).toEqual([CLOSING, 0, 1, false]);
    guest.write(ID, { state: CLOSED });
    expect([state(), guest.said]).toEqual([CLOSED, []]);
  });

  it('connects to a front end that is Connected at once, as netfront', () => {
    const { guest, state } = make();
    guest.write(ID, { 'ring-ref': REF, 'event-channel': PORT, state: CONNECTED });
    expect(state()).toBe(CONNECTED);
  });

  it('begins anew: after GRUB has closed, and after a kernel that did not', () => {
    const { guest, front, state, connect } = make();
    connect();
    guest.write(ID, { state: CLOSED });
    guest.write(ID, { 'ring-ref': '', 'event-channel': '' });
    expect(state()).toBe(CLOSED);
    guest.write(ID, { state: INITIALISING });
    expect(state()).toBe(INIT_WAIT);
    connect();
    expect(state()).toBe(CONNECTED);
    guest.write(ID, { state: INITIALISING });
    expect([state(), guest.mapped]).toEqual([INIT_WAIT, 0]);
    front.header.set([0, 1, 0, 1]);
    connect();
    expect([state(), guest.mapped, guest.said]).toEqual([CONNECTED, 1, []]);
  });

  it.each<[what: string, nodes: Nodes, clause: RegExp]>([
    ['a missing node', { 'event-channel': PORT }, /its node ring-ref is missing/],
    [
      'a node that is no number',
      { 'ring-ref': '-8', 'event-channel': PORT },
      /its node ring-ref is no number of 32 bits/,
    ],
    ['a number that is too large', { 'ring-ref': '4294967296', 'event-channel': PORT }, /no number of 32 bits/],
    ['a page that is not granted', { 'ring-ref': 99, 'event-channel': PORT }, /does not grant Domain 0 its entry 99/],
    ['a port that does not wait', { 'ring-ref': REF, 'event-channel': 77 }, /Port 77 of domain 7 does not wait/],
  ])('is closed for good by %s, with a sentence in the log and in the store', (_what, nodes, clause) => {
    const { guest, driver, state } = make();
    guest.write(ID, { ...nodes, state: INITIALISED });
    guest.poll();
    expect([state(), guest.mapped, driver.disconnects]).toEqual([CLOSING, 0, 1]);
    expect(guest.said).toEqual([expect.stringMatching(clause)]);
    expect(guest.said[0]).toMatch(/^The vbd 51712 of domain 7 was closed: /);
    expect(guest.client.read('/local/domain/0/error/backend/vbd/7/51712/error')).toBe(guest.said[0]);
    for (const next of [CLOSING, CLOSED, INITIALISING, INITIALISED])
      guest.write(ID, { 'ring-ref': REF, 'event-channel': PORT, state: next });
    expect([state(), guest.said.length]).toEqual([CLOSED, 1]);
  });

  it('is closed by a ring that makes no sense', () => {
    const { guest, front, state, connect } = make();
    connect();
    front.header[0] = 1000;
    guest.notify(PORT);
    guest.poll();
    expect([state(), guest.mapped]).toEqual([CLOSING, 0]);
    expect(guest.said).toEqual([
      'The vbd 51712 of domain 7 was closed: its ring has room for 256 more requests, and it claims 1000.',
    ]);
  });

  it('takes a front end whose directory is gone for closed', () => {
    const { guest, state, connect } = make();
    connect();
    guest.remove(ID, 'state');
    expect([state(), guest.mapped]).toEqual([CLOSED, 0]);
  });

  it('serves on while it is asked to close, until the front end has', () => {
    const { guest, backend, front, state, connect } = make();
    connect();
    backend.detach();
    expect([state(), guest.backend(ID, 'online'), guest.mapped]).toEqual([CLOSING, '0', 1]);
    front.put([5, 0, 0]);
    front.push();
    guest.notify(PORT);
    guest.poll();
    expect(front.take(1)).toEqual(Int32Array.of(5));
    guest.write(ID, { state: CLOSED });
    expect([state(), guest.mapped]).toEqual([CLOSED, 0]);
  });

  it('shows changes by its state again', () => {
    const { guest, backend, connect } = make();
    connect();
    const events: string[] = [];
    guest.client.watch('/local/domain/0/backend/vbd/7/51712/state', path => events.push(path));
    backend.update({ sectors: 200 });
    expect([guest.backend(ID, 'sectors'), events.length]).toEqual(['200', 2]);
  });

  it('goes on with a front end that knows nothing of it, once', () => {
    const { guest, connect, backend } = make();
    expect(backend.save()).toBeUndefined();
    connect();
    expect(backend.save()).toBe('where it was');
    backend.close();
    const second = new Echo();
    const again = new XenbusBackend(guest.parts, ID, second, 'where it was');
    expect([second.savedAs, again.xenbusState]).toEqual(['where it was', CONNECTED]);
    guest.write(ID, { state: INITIALISING });
    connect();
    expect(second.savedAs).toBeUndefined();
  });

  it('leaves nothing behind and follows nobody once it is closed', () => {
    const { guest, backend, connect } = make();
    connect();
    backend.close();
    backend.close();
    expect([guest.mapped, guest.unbound.has(PORT)]).toEqual([0, true]);
    guest.write(ID, { state: INITIALISED });
    expect(guest.mapped).toBe(0);
  });

  it('survives any nodes, states and indices in any order, and never keeps a page when it is closed', () => {
    const step = fc.oneof(
      fc.record({
        node: fc.constantFrom('ring-ref', 'event-channel', 'state', 'backend'),
        value: fc.oneof(fc.nat(12).map(String), fc.string({ maxLength: 20 })),
      }),
      fc.record({ word: fc.nat(3), index: fc.integer() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const { guest, front, state, connect } = make();
        connect();
        for (const each of steps) {
          if ('node' in each) guest.write(ID, { [each.node]: each.value });
          else front.header[each.word] = each.index;
          guest.notify(PORT);
          guest.poll();
          if (state() !== CONNECTED) expect(guest.mapped).toBe(0);
        }
        expect(guest.said.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
