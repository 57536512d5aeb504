import { SlowDisk } from '../../../formats/blocks/slow-disk.test-support.ts';
import { MemoryDisk, type BlockDevice } from '../../../formats/blocks/index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeGuest, FrontRing, type Page } from '../fake-guest.test-support.ts';
import { type Nodes, XENBUS_STATE, XenbusBackend } from '../xenbus.ts';
import { LAYOUTS, OP, RSP } from './protocol.ts';
import { Vbd } from './vbd.ts';

const { INITIALISED, CONNECTED, CLOSING, CLOSED } = XENBUS_STATE;
const ID = { kind: 'vbd', domid: 7, devid: 51712 };
const PORT = 3,
  RING = 8,
  DATA = 100;
const SECTORS = 4096;

const BYTES = Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (i >> 9) ^ (i * 7));
const bytes = (): Uint8Array => BYTES.slice();

interface Setup {
  protocol?: string;
  order?: number;
  nodes?: Nodes;
  disk?: BlockDevice;
  readOnly?: boolean;
  kind?: 'disk' | 'cdrom';
}

function make({
  protocol = 'x86_32-abi',
  order = 0,
  nodes = {},
  disk = new MemoryDisk(bytes()),
  readOnly = false,
  kind = 'disk',
}: Setup = {}) {
  const guest = new FakeGuest();
  guest.plug(ID);
  const layout = LAYOUTS[protocol];
  const vbd = new Vbd({ disk, kind, readOnly });
  const backend = new XenbusBackend(guest.parts, ID, vbd);
  const pages = Array.from({ length: 2 ** order }, (_, i) => guest.grant(RING + i));
  const front = new FrontRing(pages, layout.slotBytes);
  guest.unbound.add(PORT);
  const refs: Nodes =
    order === 0
      ? { 'ring-ref': RING }
      : { 'ring-page-order': order, ...Object.fromEntries(pages.map((_, i) => [`ring-ref${i}`, RING + i])) };
  guest.write(ID, { ...refs, 'event-channel': PORT, protocol, ...nodes, state: INITIALISED });
  guest.poll();
  const put = (
    op: number,
    id: number,
    sector: number,
    segments: [ref: number, first: number, last: number][] = [],
    count = segments.length,
  ): void => {
    const words = new Int32Array(layout.slotBytes / 4);
    words[0] = op | (count << 8);
    words[layout.id] = id;
    words[layout.id + 1] = ~id;
    words[layout.id + 2] = sector;
    segments.forEach(([ref, first, last], i) => words.set([ref, first | (last << 8)], layout.id + 4 + 2 * i));
    front.put(words);
  };
  const putIndirect = (op: number, id: number, sector: number, count: number, refs: number[]): void => {
    const words = new Int32Array(layout.slotBytes / 4);
    words[0] = OP.INDIRECT | (op << 8) | (count << 16);
    words[layout.id] = id;
    words[layout.id + 1] = ~id;
    words[layout.id + 2] = sector;
    words.set(refs, layout.id + 5);
    front.put(words);
  };
  const putDiscard = (id: number, sector: number, sectors: number): void => {
    const words = new Int32Array(layout.slotBytes / 4);
    words[0] = OP.DISCARD;
    words.set([id, ~id, sector, 0, sectors, 0], layout.id);
    front.put(words);
  };
  const go = (): void => {
    if (front.push()) guest.notify(PORT);
    guest.poll();
  };
  /** What was answered: ids with their status. */
  const answers = (): [id: number, op: number, status: number][] => {
    const all: [number, number, number][] = [];
    for (let words = front.take(layout.responseWords); words; words = front.take(layout.responseWords)) {
      expect(words[1]).toBe(~words[0]);
      all.push([words[0], words[2] & 0xffff, words[2] >> 16]);
    }
    return all;
  };
  const grant = (ref: number, fill?: number, readOnlyPage = false): Page => {
    const page = guest.grant(ref, readOnlyPage);
    if (fill !== undefined) page.bytes.fill(fill);
    return page;
  };
  return {
    guest,
    vbd,
    backend,
    front,
    disk,
    put,
    putIndirect,
    putDiscard,
    go,
    answers,
    grant,
    state: () => Number(guest.backend(ID, 'state')),
  };
}

const image = bytes();

describe.each(Object.keys(LAYOUTS))('a paravirtual disk with %s', protocol => {
  it('shows what it offers, then what it is', () => {
    const { guest, state } = make({ protocol });
    const shown = [
      'feature-barrier',
      'feature-flush-cache',
      'feature-persistent',
      'feature-max-indirect-segments',
      'max-ring-page-order',
      'feature-discard',
      'sectors',
      'sector-size',
      'physical-sector-size',
      'info',
    ];
    expect(shown.map(name => guest.backend(ID, name))).toEqual([
      '1',
      '1',
      '1',
      '256',
      '4',
      undefined,
      '4096',
      '512',
      '512',
      '0',
    ]);
    expect(state()).toBe(CONNECTED);
  });

  it('waits for pages that are on another host yet, and serves others meanwhile', () => {
    const { guest, put, go, answers, grant, disk, state } = make({ protocol });
    grant(DATA, 1);
    grant(DATA + 1, 2);
    grant(DATA + 2, 3);
    guest.away.set(DATA + 1, []);
    put(OP.WRITE, 5, 8, [
      [DATA, 0, 7],
      [DATA + 1, 0, 7],
    ]);
    put(OP.WRITE, 6, 64, [[DATA + 2, 0, 7]]);
    go();
    expect([answers(), guest.mapped]).toEqual([[[6, OP.WRITE, RSP.OKAY]], 1]);
    guest.comes(DATA + 1);
    expect([answers(), guest.mapped, state()]).toEqual([[[5, OP.WRITE, RSP.OKAY]], 1, CONNECTED]);
    const written = new Uint8Array(8192);
    (disk as MemoryDisk).read(8 * 512, written);
    expect([written[0], written[4095], written[4096], written[8191]]).toEqual([1, 1, 2, 2]);
  });

  it('connects once the page of its ring has come', () => {
    const guest = new FakeGuest();
    guest.plug(ID);
    const backend = new XenbusBackend(
      guest.parts,
      ID,
      new Vbd({ disk: new MemoryDisk(bytes()), kind: 'disk', readOnly: false }),
    );
    guest.grant(RING);
    guest.away.set(RING, []);
    guest.unbound.add(PORT);
    guest.write(ID, { 'ring-ref': RING, 'event-channel': PORT, protocol, state: INITIALISED });
    guest.poll();
    expect([backend.xenbusState, guest.mapped]).toEqual([XENBUS_STATE.INIT_WAIT, 0]);
    guest.comes(RING);
    expect([backend.xenbusState, guest.mapped]).toEqual([CONNECTED, 1]);
  });

  it('reads and writes parts of pages, and tells of each answer', () => {
    const { guest, put, go, answers, grant, disk } = make({ protocol });
    const first = grant(DATA),
      second = grant(DATA + 1);
    put(OP.READ, 1, 16, [
      [DATA, 0, 7],
      [DATA + 1, 2, 3],
    ]);
    go();
    expect(answers()).toEqual([[1, OP.READ, RSP.OKAY]]);
    expect(first.bytes.slice()).toEqual(image.slice(16 * 512, 24 * 512));
    expect(second.bytes.slice(1024, 2048)).toEqual(image.slice(24 * 512, 26 * 512));
    expect([second.bytes[1023], second.bytes[2048], guest.mapped, first.written > 0, guest.events]).toEqual([
      0,
      0,
      1,
      true,
      [PORT],
    ]);
    grant(DATA + 2, 0x5a, true);
    put(OP.WRITE, 2, SECTORS - 1, [[DATA + 2, 7, 7]]);
    put(OP.FLUSH_DISKCACHE, 3, 0);
    go();
    expect(answers()).toEqual([
      [2, OP.WRITE, RSP.OKAY],
      [3, OP.FLUSH_DISKCACHE, RSP.OKAY],
    ]);
    expect((disk as MemoryDisk).data.slice((SECTORS - 1) * 512)).toEqual(new Uint8Array(512).fill(0x5a));
    expect(guest.events.length).toBe(2);
  });

  it('gives the medium one piece for what lies side by side', () => {
    const pieces: number[][] = [];
    const disk = new MemoryDisk(bytes());
    const { request } = disk;
    disk.request = (asked, done) => {
      if ('pieces' in asked) pieces.push(asked.pieces.map(({ length }) => length));
      request.call(disk, asked, done);
    };
    const { guest, put, go, answers } = make({ protocol, disk, nodes: { 'feature-persistent': 1 } });
    const pages = guest.grantRun(DATA, 5);
    // The first two and what follows of the third; the fifth is not behind it, nor the fourth behind that.
    put(OP.READ, 1, 8, [
      [DATA, 0, 7],
      [DATA + 1, 0, 7],
      [DATA + 2, 0, 3],
      [DATA + 4, 0, 7],
      [DATA + 3, 0, 7],
    ]);
    // A gap within a page.
    put(OP.READ, 2, 100, [
      [DATA, 0, 1],
      [DATA, 3, 3],
    ]);
    go();
    expect(answers()).toEqual([
      [1, OP.READ, RSP.OKAY],
      [2, OP.READ, RSP.OKAY],
    ]);
    expect(pieces).toEqual([
      [10240, 4096, 4096],
      [1024, 512],
    ]);
    const whole = new Uint8Array(pages[0].bytes.buffer).slice();
    const expected = new Uint8Array(5 * 4096);
    expected.set(image.subarray(8 * 512, 28 * 512));
    expected.set(image.subarray(28 * 512, 36 * 512), 4 * 4096);
    expected.set(image.subarray(36 * 512, 44 * 512), 3 * 4096);
    expected.set(image.subarray(100 * 512, 102 * 512));
    expected.set(image.subarray(102 * 512, 103 * 512), 3 * 512);
    expect(whole).toEqual(expected);
  });

  it('takes rings of several pages', () => {
    const { front, put, go, answers, grant } = make({ protocol, order: 4 });
    expect(front.slots).toBe(512);
    grant(DATA);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 500; i++) put(OP.READ, round * 1000 + i, i, [[DATA, 0, 0]]);
      go();
      expect(answers()).toEqual(Array.from({ length: 500 }, (_, i) => [round * 1000 + i, OP.READ, RSP.OKAY]));
    }
  });

  it('takes lists of segments in a page of their own', () => {
    const { putIndirect, go, answers, grant, disk } = make({ protocol });
    const list = grant(DATA, 0, true);
    for (let i = 0; i < 256; i++) {
      grant(DATA + 1 + i, i, true);
      list.words.set([DATA + 1 + i, 7 << 8], 2 * i);
    }
    putIndirect(OP.WRITE, 9, 100, 256, [DATA]);
    go();
    expect(answers()).toEqual([[9, OP.WRITE, RSP.OKAY]]);
    expect([0, 1, 255].map(i => (disk as MemoryDisk).data[(100 + 8 * i + 7) * 512])).toEqual([0, 1, 255]);
  });
});

describe('a paravirtual disk', () => {
  it('answers what it does not offer, and what cannot be, with an error, and goes on', () => {
    const { put, putIndirect, putDiscard, go, answers, grant, state } = make();
    grant(DATA);
    const requests: [() => void, number][] = [
      [() => put(OP.READ, 1, SECTORS, [[DATA, 0, 0]]), RSP.ERROR],
      [() => put(OP.READ, 1, SECTORS - 1, [[DATA, 0, 1]]), RSP.ERROR],
      [() => put(OP.WRITE, 1, -1, [[DATA, 0, 0]]), RSP.ERROR],
      [() => put(OP.READ, 1, 0), RSP.ERROR],
      [() => put(4, 1, 0), RSP.NOT_SUPPORTED],
      [() => put(99, 1, 0), RSP.NOT_SUPPORTED],
      [() => putDiscard(1, 0, 8), RSP.NOT_SUPPORTED],
      [() => putIndirect(OP.FLUSH_DISKCACHE, 1, 0, 1, [DATA]), RSP.NOT_SUPPORTED],
      [() => putIndirect(OP.INDIRECT, 1, 0, 1, [DATA]), RSP.NOT_SUPPORTED],
      [() => put(OP.FLUSH_DISKCACHE, 1, 0), RSP.OKAY],
    ];
    for (const [request, status] of requests) {
      request();
      go();
      expect(answers().map(([, , answered]) => answered)).toEqual([status]);
    }
    expect(state()).toBe(CONNECTED);
  });

  it('refuses writes where it is read-only, and says so', () => {
    const { guest, put, putDiscard, go, answers, grant, disk } = make({
      readOnly: true,
      disk: Object.assign(new MemoryDisk(bytes()), { discards: true, discard: () => expect.fail() }),
    });
    grant(DATA, 1);
    put(OP.WRITE, 1, 0, [[DATA, 0, 7]]);
    put(OP.WRITE_BARRIER, 2, 0, [[DATA, 0, 7]]);
    putDiscard(3, 0, 8);
    put(OP.READ, 4, 0, [[DATA, 0, 7]]);
    go();
    expect(answers().map(([, , status]) => status)).toEqual([RSP.ERROR, RSP.ERROR, RSP.ERROR, RSP.OKAY]);
    expect([guest.backend(ID, 'info'), (disk as MemoryDisk).data.every((byte, i) => byte === image[i])]).toEqual([
      '4',
      true,
    ]);
  });

  it('reads a CD in sectors of 512 bytes', () => {
    const { guest, put, go, answers, grant } = make({
      disk: new MemoryDisk(bytes(), { sectorBytes: 2048 }),
      kind: 'cdrom',
      readOnly: true,
    });
    expect(['sectors', 'sector-size', 'info'].map(name => guest.backend(ID, name))).toEqual(['4096', '512', '7']);
    const page = grant(DATA);
    put(OP.READ, 1, 5, [[DATA, 0, 6]]);
    go();
    expect(answers()).toEqual([[1, OP.READ, RSP.OKAY]]);
    expect(page.bytes.slice(0, 7 * 512)).toEqual(image.slice(5 * 512, 12 * 512));
  });

  it('forgets what is discarded', () => {
    const discarded: number[][] = [];
    const disk = Object.assign(new MemoryDisk(bytes()), {
      discards: true,
      discard: (at: number, count: number) => void discarded.push([at / 512, count / 512]),
    });
    const { guest, putDiscard, go, answers } = make({ disk });
    expect([guest.backend(ID, 'feature-discard'), guest.backend(ID, 'discard-secure')]).toEqual(['1', '0']);
    putDiscard(1, 8, 4088);
    putDiscard(2, 8, 4089);
    go();
    expect([answers().map(([, , status]) => status), discarded]).toEqual([[RSP.OKAY, RSP.ERROR], [[8, 4088]]]);
  });

  it('keeps pages mapped for a front end that grants them for good, the last ones used', () => {
    const { guest, put, go, answers, grant } = make({ nodes: { 'feature-persistent': 1 } });
    for (let i = 0; i < 1100; i++) {
      grant(DATA + i, i & 0xff);
      put(OP.WRITE, i, 0, [[DATA + i, 0, 7]]);
      go();
      answers();
    }
    expect(guest.mapped).toBe(1056 + 1);
    expect([guest.pages.get(DATA)?.mapped, guest.pages.get(DATA + 1099)?.mapped]).toEqual([0, 1]);
    put(OP.READ, 1, 0, [[DATA + 1099, 0, 7]]);
    go();
    expect([answers(), guest.mapped]).toEqual([[[1, OP.READ, RSP.OKAY]], 1057]);
    guest.write(ID, { state: CLOSING });
    expect(guest.mapped).toBe(0);
  });

  it('knows at each event, of which connecting brings one, how far the front end had pushed', () => {
    const { put, go, grant, vbd } = make({});
    grant(DATA, 1);
    for (const together of [1, 3]) {
      for (let i = 0; i < together; i++) put(OP.WRITE, i, i, [[DATA, 0, 0]]);
      go();
    }
    expect([vbd.counts.heard, vbd.pushes]).toEqual([3, [0, 1, 4]]);
  });

  it('answers as the medium does, and holds back what comes after a barrier', () => {
    const disk = new SlowDisk(bytes());
    const { guest, put, go, answers, grant, vbd } = make({ disk });
    grant(DATA, 1);
    put(OP.WRITE, 1, 1, [[DATA, 0, 0]]);
    put(OP.READ, 2, 2, [[DATA, 0, 0]]);
    put(OP.WRITE_BARRIER, 3, 3, [[DATA, 0, 0]]);
    put(OP.WRITE, 4, 4, [[DATA, 0, 0]]);
    expect(vbd.isBusy).toBe(false);
    go();
    expect(vbd.isBusy).toBe(true);
    expect([disk.log, answers(), guest.mapped]).toEqual([['write 1', 'read 2'], [], 3]);
    const step = (): void => {
      disk.waiting.pop()?.();
      guest.poll();
    };
    step();
    expect([disk.log.length, answers()]).toEqual([2, [[2, OP.READ, RSP.OKAY]]]);
    step();
    expect([disk.log.slice(2), answers()]).toEqual([['flush'], [[1, OP.WRITE, RSP.OKAY]]]);
    step();
    step();
    expect([disk.log.slice(2), answers()]).toEqual([['flush', 'write 3', 'flush'], []]);
    step();
    expect([disk.log.slice(5), answers()]).toEqual([['write 4'], [[3, OP.WRITE_BARRIER, RSP.OKAY]]]);
    step();
    expect([answers(), guest.mapped, vbd.counts.writes]).toEqual([[[4, OP.WRITE, RSP.OKAY]], 1, 3]);
  });

  it('keeps the pages of a request until the medium is done with them, though the device is closed', () => {
    const disk = new SlowDisk(bytes());
    const { guest, put, go, answers, grant, state } = make({ disk, nodes: { 'feature-persistent': 1 } });
    grant(DATA);
    put(OP.READ, 1, 1, [[DATA, 0, 0]]);
    put(OP.FLUSH_DISKCACHE, 2, 0);
    go();
    guest.write(ID, { state: CLOSED });
    expect([state(), guest.mapped]).toEqual([CLOSED, 1]);
    for (const answer of disk.waiting) answer();
    guest.poll();
    expect([guest.mapped, answers()]).toEqual([0, []]);
  });

  it('goes on elsewhere with what was under way', () => {
    const disk = new SlowDisk(bytes());
    const { guest, backend, put, go, answers, grant, state } = make({ disk });
    grant(DATA, 7);
    put(OP.WRITE, 1, 1, [[DATA, 0, 0]]);
    put(OP.WRITE, 2, 2, [[DATA, 0, 0]]);
    put(OP.WRITE_BARRIER, 3, 3, [[DATA, 0, 0]]);
    put(OP.READ, 4, 4, [[DATA, 0, 0]]);
    go();
    disk.waiting[1]();
    guest.poll();
    const saved = backend.save();
    expect(answers()).toEqual([[2, OP.WRITE, RSP.OKAY]]);
    backend.close();
    const medium = new MemoryDisk(bytes());
    new XenbusBackend(
      guest.parts,
      ID,
      new Vbd({ disk: medium, kind: 'disk', readOnly: false }),
      structuredClone(saved),
    );
    guest.poll();
    expect(state()).toBe(CONNECTED);
    expect(answers().map(([id, , status]) => [id, status])).toEqual([
      [1, 0],
      [3, 0],
      [4, 0],
    ]);
    expect([1, 2, 3].map(sector => medium.data[sector * 512])).toEqual([7, image[1024], 7]);
  });

  it('has mapped elsewhere what it had: a front end of persistent grants sees of each that it is', () => {
    const { guest, backend, put, go, grant } = make({ nodes: { 'feature-persistent': 1 } });
    for (const ref of [DATA, DATA + 1]) {
      grant(ref, 1);
      put(OP.WRITE, ref, 0, [[ref, 0, 0]]);
      go();
    }
    const saved = backend.save();
    backend.close();
    expect(guest.mapped).toBe(0);
    const vbd = new Vbd({ disk: new MemoryDisk(bytes()), kind: 'disk', readOnly: false });
    const other = new XenbusBackend(guest.parts, ID, vbd, structuredClone(saved));
    guest.poll();
    expect([DATA, DATA + 1].map(ref => guest.pages.get(ref)?.mapped)).toEqual([1, 1]);
    expect(other.save()).toEqual(saved);
    other.close();
    expect(guest.mapped).toBe(0);
  });

  it.each<[unknown]>([
    [null],
    [{}],
    [{ ring: { reqCons: 0, rspProd: 0 }, requests: [], kept: [{ ref: 8 }] }],
    [{ ring: { reqCons: 2, rspProd: 0 }, requests: [] }],
    [{ ring: { reqCons: 1, rspProd: 0 }, requests: [new Int32Array(3)] }],
  ])('refuses a saved state that is none: %j', saved => {
    const { guest, backend, state } = make();
    backend.close();
    new XenbusBackend(
      guest.parts,
      ID,
      new Vbd({ disk: new MemoryDisk(bytes()), kind: 'disk', readOnly: false }),
      saved,
    );
    expect([state(), guest.said]).toEqual([
      CLOSING,
      [expect.stringContaining('the saved state does not say where its ring was')],
    ]);
  });

  it.each<[string, (m: ReturnType<typeof make>) => void, RegExp]>([
    [
      'more segments than there are',
      ({ put }) => put(OP.READ, 1, 0, [[DATA, 0, 0]], 12),
      /12 segments in a request, and there are 11/,
    ],
    [
      'a segment that ends before it begins',
      ({ put }) => put(OP.READ, 1, 0, [[DATA, 3, 2]]),
      /the sectors 3 to 2 of a page/,
    ],
    ['a segment past its page', ({ put }) => put(OP.READ, 1, 0, [[DATA, 0, 8]]), /the sectors 0 to 8 of a page/],
    [
      'a page that is not granted',
      ({ put }) =>
        put(OP.READ, 1, 0, [
          [DATA, 0, 7],
          [999, 0, 7],
        ]),
      /does not grant Domain 0 its entry 999/,
    ],
    [
      'a read into a page that is granted for reading',
      ({ put, grant }) => (grant(DATA, 0, true), put(OP.READ, 1, 0, [[DATA, 0, 7]])),
      /entry 100 \(status -3\)/,
    ],
    [
      'too long a list',
      ({ putIndirect }) => putIndirect(OP.READ, 1, 0, 257, [DATA]),
      /257 indirect segments, and 256 are offered/,
    ],
    ['a list without a page', ({ putIndirect }) => putIndirect(OP.READ, 1, 0, 1, [999]), /entry 999/],
    ['an empty list', ({ putIndirect }) => putIndirect(OP.READ, 1, 0, 0, [DATA]), /0 indirect segments/],
  ])('is closed by %s, with all pages let go', (_what, ask, sentence) => {
    const setup = make();
    const { guest, state, go } = setup;
    setup.grant(DATA);
    ask(setup);
    go();
    expect([state(), guest.mapped]).toEqual([CLOSING, 0]);
    expect(guest.said).toEqual([expect.stringMatching(sentence)]);
  });

  it.each<[Nodes, RegExp]>([
    [{ 'ring-page-order': 5 }, /2\^5 pages, and at most 2\^4/],
    [{ 'ring-page-order': 1, 'ring-ref0': RING }, /its node ring-ref1 is missing/],
    [{ protocol: 'arm-abi' }, /its protocol is none of x86_32-abi and x86_64-abi/],
    [{ protocol: 'constructor' }, /its protocol is none/],
  ])('does not connect to %j', (nodes, sentence) => {
    const { guest } = make({ nodes });
    expect(guest.said).toEqual([expect.stringMatching(sentence)]);
    expect(guest.mapped).toBe(0);
  });

  it('lets others have their turn where a guest asks without end', () => {
    const { guest, put, grant, front, vbd } = make();
    grant(DATA);
    let asked = 0;
    // The answer to a request is the next request.
    const send = guest.send.bind(guest);
    guest.send = port => {
      send(port);
      for (; front.take(3) && asked < 1000; asked++) put(OP.READ, 1, 0, [[DATA, 0, 0]]);
      front.push();
    };
    for (let i = 0; i < 32; i++) put(OP.READ, 1, 0, [[DATA, 0, 0]]);
    front.push();
    guest.notify(PORT);
    guest.poll();
    expect([vbd.counts.reads, guest.turns]).toEqual([1032, 16]);
  });
});

describe('a hostile front end', () => {
  /** Whatever it writes into ring, list and store, in whatever order. */
  const word = fc.oneof(fc.integer(), fc.nat(8), fc.constantFrom(DATA, DATA + 1, RING, -1));
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        slot: fc.array(word, { minLength: 1, maxLength: 27 }),
        op: fc.nat(7),
        count: fc.oneof(fc.nat(12), fc.nat(255)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ index: fc.nat(3), value: word }) },
    { weight: 2, arbitrary: fc.record({ list: fc.array(word, { minLength: 1, maxLength: 64 }) }) },
    { weight: 1, arbitrary: fc.record({ state: fc.nat(7) }) },
  );

  it.each(['x86_32-abi', 'x86_64-abi'])(
    'ends its own device and nothing else, and no page stays mapped (%s)',
    protocol => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), (steps, slow) => {
          const disk = slow ? new SlowDisk(new Uint8Array(64 * 512)) : new MemoryDisk(new Uint8Array(64 * 512));
          const { guest, front, go, backend } = make({
            protocol,
            disk,
            nodes: { 'feature-persistent': steps.length & 1 },
          });
          const pages = [guest.grant(DATA), guest.grant(DATA + 1, true)];
          for (const each of steps) {
            if ('slot' in each) front.put(Int32Array.of(each.op | (each.count << 8), ...each.slot));
            else if ('list' in each) pages[0].words.set(each.list);
            else if ('state' in each) guest.write(ID, { state: each.state });
            else front.header[each.index] = each.value;
            go();
            if (slow) (disk as SlowDisk).waiting.shift()?.();
          }
          if (slow) for (const answer of (disk as SlowDisk).waiting.splice(0)) answer();
          guest.poll();
          backend.close();
          if (slow) for (const answer of (disk as SlowDisk).waiting.splice(0)) answer();
          guest.poll();
          expect(guest.mapped).toBe(0);
          expect(guest.said.length).toBeLessThanOrEqual(1);
        }),
        { numRuns: 200 },
      );
    },
  );
});
