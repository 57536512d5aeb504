import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestTimers } from '../../../devices/testing.ts';
import { FakeGuest, type Page } from '../fake-guest.test-support.ts';
import { type Nodes, XENBUS_STATE, XenbusBackend } from '../xenbus.ts';
import { linuxKey } from './keycodes.ts';
import {
  EVENT_WORDS,
  FB_DIRECTORY,
  FB_EVENT,
  FB_OUT_EVENTS,
  FB_OUT_OFFSET,
  FB_PAGE,
  KBD_EVENT,
  KBD_IN_EVENTS,
  KBD_IN_OFFSET,
  KBD_PAGE,
} from './protocol.ts';
import { Vfb } from './vfb.ts';
import { Vkbd } from './vkbd.ts';

const { CONNECTED, CLOSING, INITIALISED } = XENBUS_STATE;
const VFB = { kind: 'vfb', domid: 7, devid: 0 },
  VKBD = { kind: 'vkbd', domid: 7, devid: 0 };
const FB_GFN = 16,
  LIST_GFN = 17,
  KBD_GFN = 18,
  PICTURE_GFN = 32,
  FB_PORT = 3,
  KBD_PORT = 4,
  WIDTH = 40,
  HEIGHT = 30,
  STRIDE = 256;
const FRAMES = Math.ceil((STRIDE * HEIGHT) / 4096);

/** A screen block as the back end sees one. */
class TestScreen {
  picture: Uint32Array | undefined;
  width = 0;
  changed: [first: number, last: number][] = [];
  room = 1920 * 1200;
  /** A viewer has asked for the next picture. */
  isWanted = false;

  wanted(): boolean {
    const { isWanted } = this;
    this.isWanted = false;
    return isWanted;
  }

  off(): void {
    this.picture = undefined;
  }

  text(): void {}

  pixels(width: number, height: number): Uint32Array | null {
    if (width * height > this.room) return null;
    if (!this.picture || this.width !== width || this.picture.length !== width * height)
      this.picture = new Uint32Array(width * height);
    this.width = width;
    return this.picture;
  }

  pixelsChanged(first: number, last: number): void {
    this.changed.push([first, last]);
  }

  at(x: number, y: number): number {
    return this.picture![y * this.width + x];
  }
}

/** A front end of which tests do each step, with a picture of more lines than it shows. */
function make({
  long = 4 as 4 | 8,
  words = {} as Record<number, number>,
  nodes = {} as Nodes,
  kbd = {} as Nodes,
} = {}) {
  const guest = new FakeGuest();
  const timers = new TestTimers();
  const screen = new TestScreen();
  const page = guest.frame(FB_GFN),
    list = guest.frame(LIST_GFN),
    keys = guest.frame(KBD_GFN);
  const picture: Page[] = Array.from({ length: FRAMES }, (_, i) => guest.frame(PICTURE_GFN + i));
  Object.assign(page.words, {
    [FB_PAGE.WIDTH]: WIDTH,
    [FB_PAGE.HEIGHT]: HEIGHT,
    [FB_PAGE.LINE_LENGTH]: STRIDE,
    [FB_PAGE.MEM_LENGTH]: STRIDE * HEIGHT,
    [FB_PAGE.DEPTH]: 32,
    [FB_DIRECTORY[long] / 4]: LIST_GFN,
    ...words,
  });
  picture.forEach((_, i) => {
    list.words[(i * long) / 4] = PICTURE_GFN + i;
  });
  guest.plug(VFB);
  guest.plug(VKBD);
  const vfb = new Vfb(screen, timers),
    vkbd = new Vkbd(() => vfb.size);
  const backends = { vfb: new XenbusBackend(guest.parts, VFB, vfb), vkbd: new XenbusBackend(guest.parts, VKBD, vkbd) };
  guest.unbound.add(FB_PORT);
  guest.unbound.add(KBD_PORT);
  guest.write(VFB, {
    'page-ref': FB_GFN,
    'event-channel': FB_PORT,
    'feature-update': 1,
    ...(long === 8 ? { protocol: 'x86_64-abi' } : {}),
    ...nodes,
    state: INITIALISED,
  });
  guest.write(VKBD, { 'page-ref': KBD_GFN, 'event-channel': KBD_PORT, ...kbd, state: INITIALISED });
  guest.poll();
  const put = (x: number, y: number, rgb: number): void => {
    const at = (y * STRIDE) / 4 + x;
    picture[at >>> 10].words[at & 1023] = rgb;
  };
  const tell = (...event: number[]): void => {
    const at = FB_OUT_OFFSET / 4 + (page.words[FB_PAGE.OUT_PROD] % FB_OUT_EVENTS) * EVENT_WORDS;
    page.words.set(event, at);
    page.words[FB_PAGE.OUT_PROD]++;
    guest.notify(FB_PORT);
    guest.poll();
  };
  /** Events that wait at the keyboard's page. */
  const typed = (): number[][] => {
    const events: number[][] = [];
    for (; keys.words[KBD_PAGE.IN_CONS] !== keys.words[KBD_PAGE.IN_PROD]; keys.words[KBD_PAGE.IN_CONS]++) {
      const at = KBD_IN_OFFSET / 4 + (keys.words[KBD_PAGE.IN_CONS] % KBD_IN_EVENTS) * EVENT_WORDS;
      events.push([...keys.words.slice(at, at + 4)]);
    }
    return events;
  };
  const state = (): number[] => [VFB, VKBD].map(id => Number(guest.backend(id, 'state')));
  return { guest, timers, screen, page, keys, vfb, vkbd, backends, put, tell, typed, state };
}

describe('the vfb back end', () => {
  it.each([4, 8] as const)(
    'finds the picture through a directory of %i-byte entries and shows it in the colours of a screen block',
    long => {
      const { guest, screen, state, put, tell, timers } = make({ long });
      expect(state()).toEqual([CONNECTED, CONNECTED]);
      expect([guest.backend(VFB, 'request-update'), guest.backend(VFB, 'feature-resize')]).toEqual(['1', '1']);
      expect([screen.width, screen.picture?.length]).toEqual([WIDTH, WIDTH * HEIGHT]);
      timers.advanceNs(1e9);
      put(5, 20, 0x00112233);
      put(6, 20, 0xff445566);
      tell(FB_EVENT.UPDATE, 5, 20, 1, 1);
      expect(screen.at(5, 20)).toBe(0xff332211);
      expect(screen.at(6, 20)).toBe(0xff000000);
      expect(screen.changed.at(-1)).toEqual([20, 20]);
    },
  );

  it('draws when a viewer asks, and then all that has changed', () => {
    const { screen, put, tell, timers } = make();
    screen.isWanted = true;
    tell(FB_EVENT.UPDATE, 0, 0, 1, 1);
    const before = screen.changed.length;
    put(1, 1, 1);
    put(39, 29, 2);
    tell(FB_EVENT.UPDATE, 1, 1, 1, 1);
    tell(FB_EVENT.UPDATE, 39, 29, 100, 100);
    tell(FB_EVENT.UPDATE, -5, -5, 3, 3);
    timers.advanceNs(20e6);
    expect(screen.changed.length).toBe(before);
    screen.isWanted = true;
    timers.advanceNs(20e6);
    expect(screen.changed.slice(before)).toEqual([[1, 29]]);
    expect([screen.at(1, 1), screen.at(39, 29)]).toEqual([0xff010000, 0xff020000]);
    // Nothing has changed: nothing is copied, whoever asks.
    screen.isWanted = true;
    timers.advanceNs(1e9);
    expect(screen.changed.length).toBe(before + 1);
  });

  it('draws seldom while nobody looks', () => {
    const { screen, tell, timers } = make();
    const before = screen.changed.length;
    for (let i = 0; i < 1000; i++) {
      tell(FB_EVENT.UPDATE, 0, 0, WIDTH, HEIGHT);
      timers.advanceNs(1e6);
    }
    expect(screen.changed.length - before).toBeGreaterThan(8);
    expect(screen.changed.length - before).toBeLessThan(12);
  });

  it('shows the whole picture each time to a viewer of a front end that does not tell what it draws', () => {
    const { guest, screen, put, timers } = make({ nodes: { 'feature-update': 0 } });
    expect(guest.backend(VFB, 'request-update')).toBeUndefined();
    for (let i = 1; i < 4; i++) {
      put(3, 3, i);
      screen.isWanted = true;
      timers.advanceNs(16e6);
      expect([screen.changed.length, screen.changed.at(-1), screen.at(3, 3)]).toEqual([
        1 + i,
        [0, HEIGHT - 1],
        (0xff000000 | (i << 16)) >>> 0,
      ]);
    }
  });

  it('maps what its geometry needs, and not to store there', () => {
    const { guest, tell, state } = make({ words: { [FB_PAGE.MEM_LENGTH]: 64 * 4096, [FB_PAGE.HEIGHT]: 16 } });
    const mapped = (): number[] => [...guest.frames].filter(([, { mapped }]) => mapped > 0).map(([gfn]) => gfn);
    expect(mapped()).toEqual([FB_GFN, LIST_GFN, KBD_GFN, PICTURE_GFN]);
    expect([...guest.writable]).toEqual([FB_GFN, KBD_GFN]);
    tell(FB_EVENT.RESIZE, 20, 16, STRIDE, 32, 4096);
    expect(mapped()).toEqual([FB_GFN, LIST_GFN, KBD_GFN, PICTURE_GFN, PICTURE_GFN + 1]);
    // The rest of its 64 pages is named by nobody.
    tell(FB_EVENT.RESIZE, 20, 16, STRIDE, 32, 8192);
    expect([state()[0], guest.said.join()]).toEqual([CLOSING, expect.stringContaining('no memory at guest frame 0x0')]);
  });

  it('takes another size, and closes for one that its memory has no room for', () => {
    const { guest, screen, put, tell, timers, state } = make();
    timers.advanceNs(1e9);
    put(0, 0, 7);
    put(0, 1, 8);
    tell(FB_EVENT.RESIZE, 20, 10, STRIDE, 32, STRIDE);
    expect([screen.width, screen.picture?.length, screen.at(0, 0)]).toEqual([20, 200, 0xff080000]);
    tell(FB_EVENT.RESIZE, 20, 31, STRIDE, 32, 0);
    expect(state()[0]).toBe(CLOSING);
    expect(guest.said).toEqual([
      'The vfb 0 of domain 7 was closed: its picture of 20 × 31 pixels in lines of 256 bytes does not lie in its 7680 bytes.',
    ]);
    expect([screen.picture, guest.frames.get(FB_GFN)!.mapped, guest.frames.get(PICTURE_GFN)!.mapped]).toEqual([
      undefined,
      0,
      0,
    ]);
    expect(state()[1]).toBe(CONNECTED);
  });

  it.each([
    ['no picture', { [FB_PAGE.WIDTH]: 0 }, /its picture has 0 × 30 pixels/],
    ['too much memory', { [FB_PAGE.MEM_LENGTH]: -4096 }, /its picture has 4294963200 bytes/],
    ['another depth', { [FB_PAGE.DEPTH]: 16 }, /16 bits a pixel, and 32 are shown/],
    ['lines that begin within a pixel', { [FB_PAGE.LINE_LENGTH]: 254 }, /begin within pixels/],
    ['a frame that is not there', { [FB_DIRECTORY[4] / 4]: 5000 }, /no memory at guest frame 0x1388/],
  ])('closes for %s', (_what, words, why) => {
    const { guest, state } = make({ words });
    expect(state()[0]).toBe(CLOSING);
    expect(guest.said.join()).toMatch(why);
    expect(guest.mapped).toBe(1);
  });

  it('goes on after a save that the guest knows nothing of', () => {
    const { guest, page, backends, tell, timers } = make();
    tell(FB_EVENT.UPDATE, 0, 0, 1, 1);
    tell(FB_EVENT.RESIZE, 20, 10, STRIDE, 32, STRIDE);
    const saved = backends.vfb.save();
    backends.vfb.close();
    const screen = new TestScreen();
    const again = new XenbusBackend(guest.parts, VFB, new Vfb(screen, timers), structuredClone(saved));
    guest.poll();
    expect([again.xenbusState, screen.width, page.words[FB_PAGE.OUT_CONS]]).toEqual([CONNECTED, 20, 2]);
    again.close();
    const wrong = new XenbusBackend(guest.parts, VFB, new Vfb(screen, timers), { outCons: 0 });
    expect([wrong.xenbusState, guest.said.at(-1)]).toEqual([
      CLOSING,
      'The vfb 0 of domain 7 was closed: what was saved of its screen makes no sense.',
    ]);
  });
});

describe('the vkbd back end', () => {
  it('sends keys by Linux’s numbers, and what it has no number for not at all', () => {
    const { vkbd, typed } = make();
    vkbd.key('KeyA', true);
    vkbd.key('KeyA', false);
    vkbd.key('NoSuchKey', true);
    expect(typed()).toEqual([
      [KBD_EVENT.KEY | 0x100, 30, 0, 0],
      [KBD_EVENT.KEY, 30, 0, 0],
    ]);
    expect(['Escape', 'Enter', 'Space', 'F12', 'ArrowUp', 'Delete', 'ContextMenu', 'MediaStop'].map(linuxKey)).toEqual([
      1, 28, 57, 88, 103, 111, 127, 166,
    ]);
  });

  it('moves the pointer, and where the guest asks for places tells them', () => {
    const moves = make();
    moves.vkbd.mouse({ dx: 5, dy: 7, dz: 1, buttons: 1 });
    expect(moves.typed()).toEqual([
      [KBD_EVENT.MOTION, 5, -7, 1],
      [KBD_EVENT.KEY | 0x100, 0x110, 0, 0],
    ]);
    const places = make({ kbd: { 'request-abs-pointer': 1 } });
    places.vkbd.mouse({ dx: 5, dy: -7, dz: 0, buttons: 0 });
    places.vkbd.mouse({ dx: 500, dy: 100, dz: 0, buttons: 2 });
    places.vkbd.mouse({ dx: 0, dy: 0, dz: 0, buttons: 0 });
    expect(places.typed()).toEqual([
      [KBD_EVENT.POS, 5, 7, 0],
      [KBD_EVENT.POS, WIDTH - 1, 0, 0],
      [KBD_EVENT.KEY | 0x100, 0x111, 0, 0],
      [KBD_EVENT.KEY, 0x111, 0, 0],
    ]);
  });

  it('loses what nobody reads, and closes where more is read than there was', () => {
    const { guest, vkbd, keys, typed, state } = make();
    for (let i = 0; i < 60; i++) vkbd.key('KeyA', true);
    expect(typed()).toHaveLength(KBD_IN_EVENTS);
    keys.words[KBD_PAGE.IN_CONS] = 1000;
    vkbd.key('KeyA', true);
    expect(state()).toEqual([CONNECTED, CLOSING]);
    expect(guest.said).toEqual([
      'The vkbd 0 of domain 7 was closed: its keyboard claims to have read more events than there were.',
    ]);
  });
});

/** What a front end may say of its picture, and often does; and what it may not. */
const geometry = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 15 }),
      fc.constant(STRIDE),
      fc.constant(32),
      fc.nat(960).map(pixel => pixel * 4),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.integer({ min: -1, max: 70 }),
      fc.integer({ min: -1, max: 40 }),
      fc.constantFrom(STRIDE, 80, 81, -4),
      fc.constantFrom(32, 32, 16),
      fc.integer({ min: -8, max: 8000 }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer(), fc.integer()) },
);
const near = fc.oneof(fc.integer({ min: -3, max: 70 }), fc.integer());
const event = fc.oneof(
  geometry.map(words => [FB_EVENT.RESIZE, ...words]),
  fc.tuple(near, near, near, near).map(words => [FB_EVENT.UPDATE, ...words]),
);

describe('a front end that says what it likes', () => {
  it('sees its memory in the geometry that it said last, pixel for pixel, until it says one that does not lie there', () => {
    const closed: boolean[] = [];
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 0xffffff }),
        (events, seed) => {
          const { guest, screen, timers, state, tell } = make();
          const rgb = (pixel: number): number => (pixel * seed) & 0xffffff;
          for (let pixel = 0; pixel < FRAMES * 1024; pixel++)
            guest.frames.get(PICTURE_GFN + (pixel >>> 10))!.words[pixel & 1023] = rgb(pixel);
          let [width, height, stride, offset] = [WIDTH, HEIGHT, STRIDE, 0];
          let isBad = false;
          for (const words of events) {
            tell(...words);
            const [type, a, b, c, depth, from] = words;
            if (type !== FB_EVENT.RESIZE || isBad) continue;
            isBad =
              depth !== 32 ||
              Math.min(a, b, c) <= 0 ||
              from < 0 ||
              c % 4 !== 0 ||
              from % 4 !== 0 ||
              a * 4 > c ||
              from + c * b > STRIDE * HEIGHT;
            [width, height, stride, offset] = [a, b, c, from];
          }
          closed.push(isBad);
          expect([state(), guest.said.length]).toEqual([[isBad ? CLOSING : CONNECTED, CONNECTED], isBad ? 1 : 0]);
          if (isBad) {
            expect([screen.picture, guest.mapped]).toEqual([undefined, 1]);
            return;
          }
          tell(FB_EVENT.UPDATE, 0, 0, width, height);
          timers.advanceNs(1e9);
          const wanted = Uint32Array.from({ length: width * height }, (_, i) => {
            const pixel = rgb((offset + Math.floor(i / width) * stride) / 4 + (i % width));
            return (0xff000000 | ((pixel & 0xff) << 16) | (pixel & 0xff00) | (pixel >>> 16)) >>> 0;
          });
          expect([screen.width, screen.picture]).toEqual([width, wanted]);
        },
      ),
      { numRuns: 60 },
    );
    // Both ends were drawn.
    expect(new Set(closed)).toEqual(new Set([false, true]));
  });

  it('gets its screen or keyboard closed for what it writes into the shared pages, with a sentence each, and nothing of it stays mapped', () => {
    const word = fc.oneof(fc.integer(), fc.nat(60), fc.constantFrom(-1, STRIDE, WIDTH));
    const garbage = fc
      .tuple(fc.nat(1), fc.nat(700), fc.array(word, { minLength: 1, maxLength: 11 }))
      .map(([which, at, words]) => ({ which, at, words }));
    fc.assert(
      fc.property(fc.array(fc.oneof(garbage, event), { maxLength: 20 }), steps => {
        const { guest, vkbd, page, keys, backends, timers, state, tell } = make();
        for (const [i, step] of steps.entries()) {
          if (Array.isArray(step)) tell(...step);
          else {
            (step.which === 0 ? page : keys).words.set(step.words, step.at);
            guest.notify(step.which === 0 ? FB_PORT : KBD_PORT);
            guest.poll();
          }
          vkbd.key('KeyA', true);
          vkbd.mouse({ dx: 1, dy: 1, dz: 0, buttons: i & 1 });
          timers.advanceNs(20e6);
        }
        const [vfb, keyboard] = state();
        expect([CONNECTED, CLOSING]).toEqual(expect.arrayContaining([vfb, keyboard]));
        expect(guest.said.map(sentence => sentence.split(' ')[1]).sort()).toEqual([
          ...(vfb === CLOSING ? ['vfb'] : []),
          ...(keyboard === CLOSING ? ['vkbd'] : []),
        ]);
        const mapped = (...gfns: number[]): number[] => gfns.map(gfn => guest.frames.get(gfn)!.mapped);
        expect(mapped(FB_GFN, LIST_GFN, KBD_GFN)).toEqual(
          [vfb, vfb, keyboard].map(each => (each === CONNECTED ? 1 : 0)),
        );
        backends.vfb.close();
        backends.vkbd.close();
        expect(guest.mapped).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
