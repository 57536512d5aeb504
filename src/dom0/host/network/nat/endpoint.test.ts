import { describe, expect, it } from 'vitest';
import { TestClock } from '../../../../devices/testing.ts';
import { Endpoint, type Outgoing, type TcpState } from './endpoint.ts';
import { bytesOf, joined } from './nat.test-support.ts';
import { ACK, FIN, plus, PSH, RST, type Segment, SYN } from './segment.ts';

const OURS = 0xfffffffa,
  THEIRS = 1000;
const WINDOW = 65535;
const SECOND = 1e9;

function make({ active = false, mss = 1000, window = WINDOW } = {}) {
  const clock = new TestClock();
  const sent: Outgoing[] = [];
  const events: string[] = [];
  const got: Uint8Array[] = [];
  const user = {
    waitingBytes: 0,
    nowNs: () => clock.ns,
    send: (segment: Outgoing) => void sent.push(segment),
    established: () => void events.push('established'),
    received: (bytes: Uint8Array) => void got.push(bytes.slice()),
    ended: () => void events.push('ended'),
    hasRoom: () => void events.push('room'),
    closed: () => void events.push('closed'),
  };
  const segment = (given: Partial<Segment>): Segment => ({
    sourcePort: 1,
    destinationPort: 2,
    sequence: THEIRS + 1,
    acknowledgement: plus(OURS, 1),
    flags: ACK,
    window,
    data: new Uint8Array(),
    ...given,
  });
  const syn = segment({ sequence: THEIRS, acknowledgement: 0, flags: SYN, mss });
  const endpoint = active ? new Endpoint(user, OURS) : new Endpoint(user, OURS, syn);
  const take = (given: Partial<Segment>): Outgoing[] => {
    sent.length = 0;
    endpoint.take(segment(given));
    return [...sent];
  };
  /** Its timer fires when it is due. */
  const expire = (): Outgoing[] => {
    sent.length = 0;
    clock.ns = endpoint.deadlineNs;
    endpoint.expire();
    return [...sent];
  };
  const establish = (): void => {
    if (active) take({ ...syn, acknowledgement: plus(OURS, 1), flags: SYN | ACK });
    else take({});
    sent.length = 0;
    events.length = 0;
  };
  return { clock, endpoint, sent, events, user, take, expire, establish, received: () => joined(got) };
}

const flagsOf = (segments: Outgoing[]): number[] => segments.map(({ flags }) => flags);
/** Places in what we send, and lengths. */
const placesOf = (segments: Outgoing[]): number[][] =>
  segments.map(({ sequence, data }) => [(sequence - plus(OURS, 1)) | 0, data.length]);

describe('an end of a TCP connection', () => {
  it('answers a SYN with its own and stands with the acknowledgement (RFC 9293, 3.5, figure 6)', () => {
    const { endpoint, sent, events, take } = make();
    expect(sent).toMatchObject([{ sequence: OURS, acknowledgement: THEIRS + 1, flags: SYN | ACK, mss: 1460 }]);
    expect(endpoint.state).toBe('SYN-RECEIVED');
    // An acknowledgement of what was not sent gets a reset, and nothing changes.
    expect(take({ acknowledgement: 5 })).toMatchObject([{ sequence: 5, flags: RST }]);
    expect(take({})).toEqual([]);
    expect([endpoint.state, events]).toEqual(['ESTABLISHED', ['established']]);
  });

  it('asks by a SYN, and stands with the answer', () => {
    const { endpoint, sent, take, events } = make({ active: true });
    expect(sent).toMatchObject([{ sequence: OURS, flags: SYN, mss: 1460 }]);
    expect(take({ sequence: THEIRS, acknowledgement: OURS, flags: SYN | ACK })).toMatchObject([{ flags: RST }]);
    expect(take({ sequence: THEIRS, flags: SYN | ACK })).toMatchObject([
      { sequence: plus(OURS, 1), acknowledgement: THEIRS + 1, flags: ACK },
    ]);
    expect([endpoint.state, events]).toEqual(['ESTABLISHED', ['established']]);
  });

  it('is refused by a reset that acknowledges the SYN, and by no other', () => {
    const { endpoint, take, events } = make({ active: true });
    take({ acknowledgement: 7, flags: RST | ACK });
    take({ flags: RST });
    expect(endpoint.state).toBe('SYN-SENT');
    take({ flags: RST | ACK });
    expect([endpoint.state, events]).toEqual(['CLOSED', ['closed']]);
  });

  it('cuts data by what the other end takes, and goes on as they are acknowledged', () => {
    const { endpoint, sent, take, establish } = make();
    establish();
    endpoint.write(bytesOf(5500));
    // Three segments to begin with, or four of up to 1095 bytes (RFC 5681, 3.1).
    expect(placesOf(sent)).toEqual([
      [0, 1000],
      [1000, 1000],
      [2000, 1000],
      [3000, 1000],
    ]);
    expect(placesOf(take({ acknowledgement: plus(OURS, 2001) }))).toEqual([
      [4000, 1000],
      [5000, 500],
    ]);
    expect(sent.at(-1)!.flags).toBe(ACK | PSH);
  });

  it('takes an MSS of 536 where none is said, and never one below 48', () => {
    for (const [mss, length] of [
      [undefined, 536],
      [1, 48],
      [9000, 1460],
    ] as const) {
      const { endpoint, sent, establish, take } = make({ ...(mss === undefined ? { active: true } : { mss }) });
      if (mss === undefined) take({ sequence: THEIRS, flags: SYN | ACK });
      else establish();
      sent.length = 0;
      endpoint.write(bytesOf(3000));
      expect(sent[0].data.length).toBe(length);
    }
  });

  it('puts in order what comes out of order, twice or overlapping, and takes nothing beyond the window', () => {
    const { take, establish, received, user } = make();
    establish();
    const data = bytesOf(300);
    const part = (from: number, to: number, flags = ACK): Outgoing[] =>
      take({ sequence: THEIRS + 1 + from, data: data.subarray(from, to), flags });
    expect(part(100, 200)).toMatchObject([{ acknowledgement: THEIRS + 1 }]);
    expect(part(150, 250)).toMatchObject([{ acknowledgement: THEIRS + 1 }]);
    expect(part(0, 120)).toMatchObject([{ acknowledgement: THEIRS + 251 }]);
    expect(part(0, 100)).toMatchObject([{ acknowledgement: THEIRS + 251 }]);
    expect(part(240, 300)).toMatchObject([{ acknowledgement: THEIRS + 301 }]);
    expect(received()).toEqual(data);
    // Nobody takes it on: what was offered is still taken, and nothing else.
    user.waitingBytes = WINDOW;
    const more = bytesOf(WINDOW + 100);
    expect(take({ sequence: THEIRS + 301, data: more })).toMatchObject([
      { acknowledgement: THEIRS + 1 + WINDOW, window: 0 },
    ]);
    expect(received().length).toBe(WINDOW);
    // Asked whether the window is still closed, it says so.
    expect(take({ sequence: THEIRS + 1 + WINDOW, data: bytesOf(1) })).toMatchObject([
      { acknowledgement: THEIRS + 1 + WINDOW, window: 0 },
    ]);
  });

  it('offers its window again when that is worth a segment', () => {
    const { endpoint, take, establish, user, sent } = make();
    establish();
    user.waitingBytes = WINDOW;
    take({ data: bytesOf(WINDOW) });
    sent.length = 0;
    user.waitingBytes = WINDOW - 1000;
    endpoint.drained();
    expect(sent).toEqual([]);
    user.waitingBytes = 0;
    endpoint.drained();
    expect(sent).toMatchObject([{ flags: ACK, window: WINDOW }]);
  });

  it('sends again what three acknowledgements ask for, and what is lost behind it (RFC 6582)', () => {
    const { endpoint, take, establish } = make();
    establish();
    endpoint.write(bytesOf(20_000));
    take({ acknowledgement: plus(OURS, 4001) });
    const lost = { acknowledgement: plus(OURS, 4001) };
    expect(take(lost)).toEqual([]);
    expect(take(lost)).toEqual([]);
    expect(placesOf(take(lost))[0]).toEqual([4000, 1000]);
    expect(placesOf(take({ acknowledgement: plus(OURS, 6001) }))[0]).toEqual([6000, 1000]);
  });

  it('sends again what nobody acknowledges, later and later, and gives up in some three minutes', () => {
    const { endpoint, clock, expire, establish, events } = make();
    establish();
    endpoint.write(bytesOf(2500));
    const times: number[] = [];
    while (endpoint.state !== 'CLOSED') {
      const sent = expire();
      times.push(clock.ns / SECOND);
      if (endpoint.state === 'ESTABLISHED') expect(placesOf(sent)).toEqual([[0, 1000]]);
      else expect(flagsOf(sent)).toEqual([RST | ACK]);
    }
    expect(times).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243]);
    expect(events).toEqual(['closed']);
  });

  it('asks a closed window whether it still is, for as long as that is answered', () => {
    const { endpoint, expire, establish, take, sent } = make();
    establish();
    take({ window: 0 });
    endpoint.write(bytesOf(3000));
    expect(sent).toEqual([]);
    for (let i = 0; i < 30; i++) {
      expect(placesOf(expire())).toEqual([[0, 1]]);
      take({ window: 0 });
    }
    expect(placesOf(take({ window: 2500 }))).toEqual([
      [0, 1000],
      [1000, 1000],
    ]);
  });

  it('ends by the other end’s reset at the very place, and asks about one elsewhere in the window (RFC 5961)', () => {
    const { endpoint, establish, take, events } = make();
    establish();
    expect(flagsOf(take({ sequence: THEIRS + 2, flags: RST }))).toEqual([ACK]);
    expect(flagsOf(take({ sequence: THEIRS + 2, flags: SYN }))).toEqual([ACK]);
    expect(take({ sequence: THEIRS - 5, flags: RST })).toEqual([]);
    expect(endpoint.state).toBe('ESTABLISHED');
    take({ flags: RST });
    expect([endpoint.state, events]).toEqual(['CLOSED', ['closed']]);
  });

  const theirFin = { flags: FIN | ACK },
    ackOfFin = plus(OURS, 2);
  it.each<[string, ((e: ReturnType<typeof make>) => void)[], TcpState[], number]>([
    [
      'here first',
      [
        e => e.endpoint.end(),
        e => void e.take({ acknowledgement: ackOfFin }),
        e => void e.take({ ...theirFin, acknowledgement: ackOfFin }),
      ],
      ['FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT'],
      60,
    ],
    [
      'there first',
      [
        e => void e.take(theirFin),
        e => e.endpoint.end(),
        e => void e.take({ sequence: THEIRS + 2, acknowledgement: ackOfFin }),
      ],
      ['CLOSE-WAIT', 'LAST-ACK', 'CLOSED'],
      0,
    ],
    [
      'at the same time',
      [
        e => e.endpoint.end(),
        e => void e.take(theirFin),
        e => void e.take({ sequence: THEIRS + 2, acknowledgement: ackOfFin }),
      ],
      ['FIN-WAIT-1', 'CLOSING', 'TIME-WAIT'],
      60,
    ],
    [
      'with their FIN and acknowledgement in one',
      [e => e.endpoint.end(), e => void e.take({ ...theirFin, acknowledgement: ackOfFin })],
      ['FIN-WAIT-1', 'TIME-WAIT'],
      60,
    ],
  ])('closes %s (RFC 9293, 3.6)', (_how, deeds, states, waits) => {
    const e = make();
    e.establish();
    expect(
      deeds.map(deed => {
        deed(e);
        return e.endpoint.state;
      }),
    ).toEqual(states);
    if (waits > 0) {
      expect(e.endpoint.deadlineNs).toBe(e.clock.ns + waits * SECOND);
      // Their FIN again: ours was lost on its way, or its acknowledgement.
      e.clock.ns += 10 * SECOND;
      expect(flagsOf(e.take({ ...theirFin, acknowledgement: ackOfFin }))).toEqual([ACK]);
      expect(e.endpoint.deadlineNs).toBe(e.clock.ns + waits * SECOND);
      expect(e.expire()).toEqual([]);
    }
    expect([e.endpoint.state, e.events]).toEqual(['CLOSED', ['ended', 'closed']]);
  });

  it('goes on sending after the other end has ended, and receiving after its own end', () => {
    const half = make();
    half.establish();
    half.take(theirFin);
    half.sent.length = 0;
    half.endpoint.write(bytesOf(10));
    expect(placesOf(half.sent)).toEqual([[0, 10]]);
    const other = make();
    other.establish();
    other.endpoint.end();
    other.take({ acknowledgement: ackOfFin, data: bytesOf(10) });
    expect(other.received()).toEqual(bytesOf(10));
  });

  it('sends a lost FIN again, with the data before it', () => {
    const { endpoint, establish, expire, sent } = make();
    establish();
    endpoint.write(bytesOf(10));
    endpoint.end();
    expect(flagsOf(sent)).toEqual([ACK | PSH, FIN | ACK]);
    expect(expire()).toMatchObject([{ sequence: plus(OURS, 1), flags: FIN | ACK | PSH }]);
  });

  const ways: [TcpState, (e: ReturnType<typeof make>) => void][] = [
    ['SYN-RECEIVED', () => {}],
    ['ESTABLISHED', e => e.establish()],
    ['FIN-WAIT-1', e => (e.establish(), e.endpoint.end())],
    ['FIN-WAIT-2', e => (e.establish(), e.endpoint.end(), void e.take({ acknowledgement: ackOfFin }))],
    ['CLOSE-WAIT', e => (e.establish(), void e.take(theirFin))],
    ['CLOSING', e => (e.establish(), e.endpoint.end(), void e.take(theirFin))],
    ['LAST-ACK', e => (e.establish(), e.take(theirFin), e.endpoint.end())],
  ];
  it.each(ways)('in %s it is aborted by a reset, and ended by one', (state, to) => {
    const e = make();
    to(e);
    expect(e.endpoint.state).toBe(state);
    e.sent.length = 0;
    e.endpoint.abort();
    expect(flagsOf(e.sent)).toEqual([RST | ACK]);
    expect([e.endpoint.state, e.endpoint.deadlineNs, e.events.at(-1)]).toEqual(['CLOSED', Infinity, 'closed']);
    expect(e.take({})).toEqual([]);
    const other = make();
    to(other);
    const [{ acknowledgement }] = other.take({ sequence: THEIRS + 500, flags: RST });
    other.take({ sequence: acknowledgement, flags: RST });
    expect([other.endpoint.state, other.events.at(-1)]).toEqual(['CLOSED', 'closed']);
  });
});
