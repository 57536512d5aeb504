import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestTimers } from '../../../devices/testing.ts';
import { ipFrame, parseAddress, udpFrame } from '../../../devices/net/packets.ts';
import { Bridge, type BridgePort } from '../../host/network/bridge.ts';
import { finish, type Frame } from '../../host/network/frame.ts';
import type { Rate } from '../../host/network/rate.ts';
import { FakeGuest, FrontRing, type Page } from '../fake-guest.test-support.ts';
import { type Nodes, XENBUS_STATE, XenbusBackend } from '../xenbus.ts';
import { EXTRA, RSP, RX_SLOT_BYTES, RXF, TX_SLOT_BYTES, TXF } from './protocol.ts';
import { Vif, vifNodes } from './vif.ts';

const { CONNECTED, CLOSING, INITIALISING } = XENBUS_STATE;
const ID = { kind: 'vif', domid: 7, devid: 0 };
const TX_REF = 8,
  RX_REF = 9,
  PORT = 3,
  DATA_REF = 100;
const ME = [0, 0x16, 0x3e, 0, 0, 1],
  OTHER = [0, 0x16, 0x3e, 0, 0, 2];
const ALL = {
  'tx-ring-ref': TX_REF,
  'rx-ring-ref': RX_REF,
  'event-channel': PORT,
  'request-rx-copy': 1,
  'feature-rx-notify': 1,
  'feature-sg': 1,
  'feature-gso-tcpv4': 1,
};

/** A front end of which tests do each step, and a station on the bridge next to it. */
function make({ nodes = ALL, rate, buffers = 20 }: { nodes?: Nodes; rate?: Rate; buffers?: number } = {}) {
  const guest = new FakeGuest();
  const timers = new TestTimers();
  const bridge = new Bridge('xenbr0', () => timers.clock.nowNs());
  const got: Frame[] = [];
  const other: BridgePort = bridge.addPort('other', { offloads: true, deliver: frame => got.push(frame) });
  guest.plug(
    ID,
    vifNodes({ domid: 7, devid: 0, mac: '00:16:3e:00:00:01', bridge: 'xenbr0', rate, emulated: false }).backend,
  );
  const vif = new Vif({ bridge, timers, name: 'vif7.0', rate });
  const backend = new XenbusBackend(guest.parts, ID, vif);
  const tx = new FrontRing([guest.grant(TX_REF)], TX_SLOT_BYTES),
    rx = new FrontRing([guest.grant(RX_REF)], RX_SLOT_BYTES);
  guest.unbound.add(PORT);
  const pages: Page[] = [];
  const post = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const n = pages.length;
      pages.push(guest.grant(1000 + n));
      rx.put([n & 255, 1000 + n]);
    }
    if (rx.push()) guest.notify(PORT);
  };
  post(buffers);
  guest.write(ID, { ...nodes, state: CONNECTED });
  guest.poll();
  const state = (): number => Number(guest.backend(ID, 'state'));
  /** Slots of one packet: bytes of each, the rest of what a slot says. */
  const slot = (ref: number, size: number, { flags = 0, offset = 0, id = ref & 0xff } = {}): void =>
    tx.put([ref, offset | (flags << 16), id | (size << 16)]);
  const ring = (): void => {
    tx.push();
    guest.notify(PORT);
    guest.poll();
  };
  const page = (bytes: Uint8Array | number[], ref = DATA_REF, offset = 0): void =>
    void guest.grant(ref, true).bytes.set(bytes, offset);
  const answers = (): [id: number, status: number][] => {
    const all: [number, number][] = [];
    for (let word = tx.take(1); word; word = tx.take(1)) all.push([word[0] & 0xffff, word[0] >> 16]);
    return all;
  };
  const received = (): { id: number; flags: number; status: number }[] => {
    const all = [];
    for (let words = rx.take(2); words; words = rx.take(2))
      all.push({ id: words[0] & 0xffff, flags: words[1] & 0xffff, status: words[1] >> 16 });
    return all;
  };
  return {
    guest,
    timers,
    bridge,
    other,
    got,
    vif,
    backend,
    tx,
    rx,
    pages,
    post,
    state,
    slot,
    ring,
    page,
    answers,
    received,
  };
}

const frame = (length: number, to = OTHER, from = ME): Uint8Array => {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 13);
  bytes.set([...to, ...from, 0x88, 0xb5]);
  return bytes;
};
const path = {
  fromMac: Uint8Array.from(OTHER),
  from: parseAddress('10.0.2.16'),
  toMac: Uint8Array.from(ME),
  to: parseAddress('10.0.2.15'),
};
const tcp = (length: number): Uint8Array => {
  const segment = Uint8Array.from({ length: 20 + length }, (_, i) => i);
  segment[12] = 0x50;
  return ipFrame(path, 6, segment);
};

describe('the vif back end', () => {
  it('shows what libxl and netback write, and is on the bridge', () => {
    const { guest, bridge, state } = make({ rate: { bytes: 62_500, intervalUs: 50_000 } });
    expect(state()).toBe(CONNECTED);
    const shown = [
      'mac',
      'bridge',
      'handle',
      'type',
      'vifname',
      'mtu',
      'rate',
      'hotplug-status',
      'feature-rx-copy',
      'feature-sg',
      'feature-gso-tcpv4',
      'feature-multicast-control',
    ];
    expect(shown.map(name => guest.backend(ID, name))).toEqual([
      '00:16:3e:00:00:01',
      'xenbr0',
      '0',
      'vif',
      'vif7.0',
      '1500',
      '62500,50000',
      'connected',
      '1',
      '1',
      '1',
      '1',
    ]);
    expect(bridge.list().map(({ name }) => name)).toEqual(['other', 'vif7.0']);
  });

  it('sends a packet of several slots and answers each of them', () => {
    const { got, slot, ring, page, answers, guest } = make();
    const whole = frame(1400);
    page(whole.subarray(0, 100), 100, 4000 - 4);
    page(whole.subarray(100, 1000), 101);
    page(whole.subarray(1000), 102, 7);
    slot(100, 1400, { flags: TXF.MORE_DATA, offset: 3996 });
    slot(101, 900, { flags: TXF.MORE_DATA });
    slot(102, 400, { offset: 7 });
    ring();
    expect(got).toEqual([{ bytes: whole }]);
    expect(answers()).toEqual([
      [100, RSP.OKAY],
      [101, RSP.OKAY],
      [102, RSP.OKAY],
    ]);
    expect(guest.events.length).toBeGreaterThan(0);
    // The rings alone are mapped.
    expect(guest.mapped).toBe(2);
  });

  it('waits for a page that is on another host yet, and then sends all in its order', () => {
    const { got, slot, ring, page, answers, guest, state } = make();
    const [whole, next] = [frame(1400), frame(60)];
    page(whole.subarray(0, 1000), 100);
    page(whole.subarray(1000), 101);
    page(next, 102);
    guest.away.set(101, []);
    slot(100, 1400, { flags: TXF.MORE_DATA });
    slot(101, 400);
    slot(102, 60);
    ring();
    expect([got, answers(), guest.mapped]).toEqual([[], [], 2]);
    guest.comes(101);
    expect(got).toEqual([{ bytes: whole }, { bytes: next }]);
    expect(answers().map(([id]) => id)).toEqual([100, 101, 102]);
    expect([guest.mapped, state()]).toEqual([2, CONNECTED]);
  });

  it('passes checksums and segments that are left to it on as they are', () => {
    const { got, slot, ring, page, answers, tx } = make();
    const big = tcp(3900);
    page(big);
    slot(DATA_REF, big.length, { flags: TXF.CSUM_BLANK | TXF.EXTRA_INFO });
    tx.put([EXTRA.GSO | (1448 << 16), 1, 0]);
    ring();
    expect(got).toEqual([{ bytes: big, blankChecksum: true, segmentBytes: 1448 }]);
    expect(answers()).toEqual([
      [DATA_REF, RSP.OKAY],
      [0, RSP.NULL],
    ]);
    expect(finish(got[0])).toHaveLength(3);
  });

  it('loses packets that are too short or of too many slots, and goes on', () => {
    const { got, slot, ring, page, answers, state } = make();
    page(frame(60));
    slot(DATA_REF, 13);
    for (let i = 0; i < 19; i++) slot(DATA_REF, i === 0 ? 190 : 10, { flags: i < 18 ? TXF.MORE_DATA : 0 });
    slot(DATA_REF, 60);
    ring();
    expect([got.length, state()]).toEqual([1, CONNECTED]);
    expect(answers().map(([, status]) => status)).toEqual([...new Array<number>(20).fill(RSP.ERROR), RSP.OKAY]);
  });

  it.each<[what: string, break_: (made: ReturnType<typeof make>) => void, clause: RegExp]>([
    ['a page that is not granted', ({ slot }) => slot(55, 60), /does not grant Domain 0 its entry 55/],
    ['data past the end of a page', ({ slot }) => slot(DATA_REF, 100, { offset: 4000 }), /100 bytes from byte 4000/],
    [
      'slots with more bytes than the packet',
      ({ slot }) => {
        slot(DATA_REF, 60, { flags: TXF.MORE_DATA });
        slot(DATA_REF, 61);
      },
      /more bytes than the packet/,
    ],
    ['a packet without its end', ({ slot }) => slot(DATA_REF, 60, { flags: TXF.MORE_DATA }), /not all in its ring/],
    [
      'a packet without end',
      ({ slot }) => {
        for (let i = 0; i < 60; i++) slot(DATA_REF, 60, { flags: TXF.MORE_DATA });
      },
      /more than 20 slots/,
    ],
    [
      'extra information of no kind',
      ({ slot, tx }) => {
        slot(DATA_REF, 60, { flags: TXF.EXTRA_INFO });
        tx.put([9, 0, 0]);
      },
      /type 9/,
    ],
    [
      'segments of nothing',
      ({ slot, tx }) => {
        slot(DATA_REF, 60, { flags: TXF.EXTRA_INFO });
        tx.put([EXTRA.GSO, 1, 0]);
      },
      /segments of no bytes/,
    ],
    [
      'segments of another kind',
      ({ slot, tx }) => {
        slot(DATA_REF, 60, { flags: TXF.EXTRA_INFO });
        tx.put([EXTRA.GSO | (1000 << 16), 2, 0]);
      },
      /type 2, which was not offered/,
    ],
  ])('is closed by %s with a sentence, and nobody else notices', (_what, break_, clause) => {
    const made = make();
    made.page(frame(60));
    break_(made);
    made.ring();
    expect([made.state(), made.guest.said, made.guest.mapped]).toEqual([CLOSING, [expect.stringMatching(clause)], 0]);
    made.other.input({ bytes: frame(60, ME, OTHER) });
    made.guest.poll();
    expect(made.vif.port.counts.txDropped).toBe(1);
  });

  it('is closed by an index that cannot be', () => {
    const { guest, tx, state } = make();
    tx.header[0] = 400;
    guest.notify(PORT);
    guest.poll();
    expect([state(), guest.said]).toEqual([CLOSING, [expect.stringMatching(/claims 400/)]]);
  });

  it('is closed by a front end that wants pages flipped, and by one whose buffer is not granted or read-only', () => {
    const { 'request-rx-copy': _copy, ...flipping } = ALL;
    expect(make({ nodes: flipping }).guest.said[0]).toMatch(/request-rx-copy/);
    const { guest, other, state, pages } = make();
    pages[0].readOnly = true;
    other.input({ bytes: frame(60, ME, OTHER) });
    guest.poll();
    expect([state(), guest.said]).toEqual([CLOSING, [expect.stringMatching(/does not grant/)]]);
  });

  it('puts what it receives into the buffers in their order, once the guest is told', () => {
    const { guest, other, pages, received } = make();
    const frames = [frame(60, ME, OTHER), frame(1514, ME, OTHER)];
    guest.events.length = 0;
    for (const bytes of frames) other.input({ bytes });
    guest.poll();
    expect(received()).toEqual([
      { id: 0, flags: 0, status: 60 },
      { id: 1, flags: 0, status: 1514 },
    ]);
    frames.forEach((bytes, i) => expect(pages[i].bytes.subarray(0, bytes.length)).toEqual(bytes));
    expect([guest.events, guest.mapped]).toEqual([[PORT], 2]);
  });

  it('keeps what it receives until the buffers for it have come from another host', () => {
    const { guest, other, pages, received } = make();
    const big = tcp(9000);
    guest.away.set(1002, []);
    other.input({ bytes: big, blankChecksum: true, segmentBytes: 1448 });
    other.input({ bytes: frame(60, ME, OTHER) });
    guest.poll();
    expect([received(), guest.mapped]).toEqual([[], 2]);
    guest.comes(1002);
    expect(received().map(({ status }) => status)).toEqual([4096, 0, 4096, big.length - 8192, 60]);
    expect([...pages[0].bytes, ...pages[2].bytes, ...pages[3].bytes.subarray(0, big.length - 8192)]).toEqual([...big]);
  });

  it('gives a long packet over several buffers, with its segment size in a slot of its own', () => {
    const { guest, other, pages, received } = make();
    const big = tcp(9000);
    other.input({ bytes: big, blankChecksum: true, segmentBytes: 1448 });
    guest.poll();
    const first = RXF.CSUM_BLANK | RXF.DATA_VALIDATED | RXF.EXTRA_INFO | RXF.MORE_DATA;
    expect(received()).toEqual([
      { id: 0, flags: first, status: 4096 },
      { id: EXTRA.GSO, flags: 1, status: 0 },
      { id: 2, flags: RXF.MORE_DATA, status: 4096 },
      { id: 3, flags: 0, status: big.length - 8192 },
    ]);
    expect([...pages[0].bytes, ...pages[2].bytes, ...pages[3].bytes.subarray(0, big.length - 8192)]).toEqual([...big]);
  });

  it('finishes packets for a front end that cannot', () => {
    const { 'feature-gso-tcpv4': _gso, ...plain } = ALL;
    const { guest, other, received } = make({ nodes: { ...plain, 'feature-no-csum-offload': 1 } });
    other.input({ bytes: tcp(3000), blankChecksum: true, segmentBytes: 1448 });
    other.input({ bytes: udpFrame(path, 1, 2, new Uint8Array(10)), blankChecksum: true });
    guest.poll();
    expect(received().map(({ flags, status }) => [flags, status])).toEqual([
      [0, 1448 + 54],
      [0, 1448 + 54],
      [0, 104 + 54],
      [0, 52],
    ]);
  });

  it('keeps what finds no buffer until half a ring of pages waits, as netback does, and gives it once there are some', () => {
    const { guest, other, received, post, vif } = make({ buffers: 1 });
    const most = Math.ceil((128 * 4096) / 1514);
    for (let i = 0; i < 400; i++) other.input({ bytes: frame(1514, ME, OTHER) });
    expect(vif.port.counts.txDropped).toBe(400 - most);
    guest.poll();
    expect(received()).toHaveLength(1);
    for (let given = 1; given < most; given += 100) {
      post(100);
      guest.poll();
      expect(received()).toHaveLength(Math.min(100, most - given));
    }
  });

  it('loses nothing of a window of half a MiB that comes in long packets', () => {
    const { guest, other, vif } = make({ buffers: 0 });
    for (let i = 0; i < 8; i++) other.input({ bytes: tcp(44 * 1460), blankChecksum: true, segmentBytes: 1460 });
    guest.poll();
    expect(vif.port.counts.txDropped).toBe(0);
  });

  it('asks for an event when it needs more buffers than there are', () => {
    const { guest, other, received, rx, post } = make({ buffers: 2 });
    other.input({ bytes: tcp(9000), blankChecksum: true, segmentBytes: 1448 });
    guest.poll();
    expect([received(), rx.header[1]]).toEqual([[], 3]);
    post(2);
    guest.poll();
    expect(received()).toHaveLength(4);
  });

  it('gives a front end that chooses its groups those alone', () => {
    const { guest, other, received, tx, slot, ring, answers } = make({
      nodes: { ...ALL, 'request-multicast-control': 1 },
    });
    const group = [1, 0, 0x5e, 0, 0, 0xfb];
    const send = (): number => {
      other.input({ bytes: frame(60, group, OTHER) });
      guest.poll();
      return received().length;
    };
    const change = (type: number): void => {
      slot(DATA_REF, 0, { flags: TXF.EXTRA_INFO });
      tx.put([
        type | (group[0] << 16) | (group[1] << 24),
        group[2] | (group[3] << 8) | (group[4] << 16) | (group[5] << 24),
        0,
      ]);
      ring();
    };
    expect(send()).toBe(0);
    change(EXTRA.MCAST_ADD);
    expect([answers(), send()]).toEqual([
      [
        [DATA_REF, RSP.OKAY],
        [0, RSP.NULL],
      ],
      1,
    ]);
    change(EXTRA.MCAST_DEL);
    expect(send()).toBe(0);
  });

  it('sends no more than its rate', () => {
    const { got, slot, ring, page, timers, guest } = make({ rate: { bytes: 3000, intervalUs: 1000 } });
    page(frame(1500));
    for (let i = 0; i < 100; i++) slot(DATA_REF, 1500);
    ring();
    const after: number[] = [];
    for (let ms = 0; ms < 5; ms++) {
      after.push(got.length);
      timers.advanceMs(1);
      guest.poll();
    }
    expect(after).toEqual([2, 4, 6, 8, 10]);
  });

  it('lets others have their turn between the packets of one that never stops', () => {
    const { got, slot, ring, page } = make();
    page(frame(60));
    for (let i = 0; i < 200; i++) slot(DATA_REF, 60);
    ring();
    expect(got).toHaveLength(200);
  });

  it('goes on with its rings where it was saved, and begins anew with another kernel', () => {
    const { guest, backend, timers, slot, ring, page, state, bridge, vif, got } = make();
    page(frame(60));
    slot(DATA_REF, 60);
    ring();
    const saved = backend.save();
    expect(saved).toEqual({ tx: { reqCons: 1, rspProd: 1 }, rx: { reqCons: 0, rspProd: 0 }, groups: [] });
    backend.close();
    vif.remove();
    const next = new Vif({ bridge, timers, name: 'vif8.0' });
    new XenbusBackend(guest.parts, ID, next, saved);
    expect(state()).toBe(CONNECTED);
    slot(DATA_REF, 60);
    ring();
    expect(got).toHaveLength(2);
    guest.write(ID, { state: INITIALISING });
    expect(guest.mapped).toBe(0);
    for (const nonsense of [null, 5, { tx: 1 }, { ...(saved as object), groups: [5] }]) {
      const other = make();
      other.backend.close();
      new XenbusBackend(other.guest.parts, ID, new Vif({ bridge, timers, name: 'vif9.0' }), nonsense);
      expect(other.guest.said).toEqual([expect.stringMatching(/makes no sense/)]);
    }
  });

  it('survives whatever is in its rings', () => {
    const words = fc.array(fc.tuple(fc.oneof(fc.constant(DATA_REF), fc.integer()), fc.integer(), fc.integer()), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(words, fc.array(fc.tuple(fc.nat(3), fc.integer()), { maxLength: 3 }), (slots, indices) => {
        const { guest, tx, ring, page, other, state } = make();
        page(frame(2000));
        for (const slot of slots) tx.put([...slot]);
        ring();
        for (const [word, value] of indices) {
          tx.header[word] = value;
          guest.notify(PORT);
          guest.poll();
        }
        other.input({ bytes: frame(60, ME, OTHER) });
        guest.poll();
        expect(guest.mapped).toBe(state() === CONNECTED ? 2 : 0);
        expect(guest.said.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });
});
