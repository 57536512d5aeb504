/**
 * The back end of a paravirtual screen: the guest's picture, which lies in its own memory, goes into the domain's screen block, where a VGA's picture would.
 * Sources: xen/include/public/io/fbif.h; for the store's nodes and the order of steps, QEMU's hw/display/xenfb.c.
 */
import type { ScreenWriter, Timer, Timers } from '../../../devices/index.ts';
import type { Mapping } from '../access.ts';
import { type Connection, DeviceError, type Driver, type Nodes } from '../xenbus.ts';
import {
  EVENT_WORDS,
  FB_DIRECTORY,
  FB_DIRECTORY_ENTRIES,
  FB_EVENT,
  FB_OUT_EVENTS,
  FB_OUT_OFFSET,
  FB_PAGE,
} from './protocol.ts';

const PAGE_BYTES = 4096,
  PAGE_WORDS = 1024,
  PIXEL_BYTES = 4;
/** Of a front end's picture: what a screen block can show takes 9 MB. */
const MOST_BYTES = 16 * 2 ** 20;
/**
 * A viewer that asks (ScreenWriter.wanted) is looked at this often while there is something to show, and forgotten when it has not asked for this long. Then
 * a picture is copied this often as others look who do not ask: a screenshot, a page whose memory is not shared.
 */
const ASK_NS = 4e6,
  VIEWER_NS = 250e6,
  UNASKED_NS = 100e6;

interface Geometry {
  width: number;
  height: number;
  /** Bytes of a line, and where the first one begins. */
  stride: number;
  offset: number;
}

interface SavedVfb {
  outCons: number;
  geometry: Geometry;
}

/** What a saved state says of a screen is anybody's word. @throws DeviceError */
function checked(saved: unknown): SavedVfb {
  const { outCons, geometry } = (saved ?? {}) as Partial<SavedVfb>;
  const { width, height, stride, offset } = geometry ?? {};
  if (![outCons, width, height, stride, offset].every(Number.isInteger))
    throw new DeviceError('what was saved of its screen makes no sense');
  return saved as SavedVfb;
}

interface Link {
  connection: Connection;
  page: Mapping;
  /** The picture's frames by their order, and those of them that a geometry has needed so far. */
  gfns: Uint32Array;
  frames: (Mapping | undefined)[];
  bytes: number;
  /** It tells what it has drawn; else all of it may have changed at any time. */
  tells: boolean;
  outCons: number;
  geometry: Geometry;
}

export class Vfb implements Driver {
  private readonly screen: ScreenWriter;
  private readonly redraw: Timer;
  private readonly timers: Timers;
  private link: Link | undefined;
  /** What has changed since the last picture. */
  private dirty: { left: number; top: number; right: number; bottom: number } | undefined;
  private drawnNs = -Infinity;
  private askedNs = -Infinity;

  /** `screen`: where the picture goes; nobody else writes it. */
  constructor(screen: ScreenWriter, timers: Timers) {
    this.screen = screen;
    this.timers = timers;
    this.redraw = timers.create('vfb redraw', () => this.link?.connection.guard(() => this.draw()));
  }

  // ---- XenBus

  features(): Nodes {
    return { 'feature-resize': 1 };
  }

  connect(connection: Connection, saved?: unknown): Nodes {
    const long = connection.text('protocol') === 'x86_64-abi' ? 8 : 4;
    const page = connection.foreign(connection.number('page-ref'));
    // Each word once: the guest may change it while it is looked at.
    const [width, height, stride, bytes] = [FB_PAGE.WIDTH, FB_PAGE.HEIGHT, FB_PAGE.LINE_LENGTH, FB_PAGE.MEM_LENGTH].map(
      word => page.words[word],
    );
    const depth = page.words[FB_PAGE.DEPTH] & 0xff;
    if (!(bytes > 0 && bytes <= MOST_BYTES))
      throw new DeviceError(`its picture has ${bytes >>> 0} bytes, and may have ${MOST_BYTES}`);
    const kept = saved === undefined ? undefined : checked(saved);
    const geometry = this.judge(kept?.geometry ?? { width, height, stride, offset: 0 }, depth, bytes);
    const gfns = framesNamed(connection, page, Math.ceil(bytes / PAGE_BYTES), long);
    const tells = connection.text('feature-update') === '1';
    this.link = {
      connection,
      page,
      gfns,
      frames: [],
      bytes,
      tells,
      outCons: kept?.outCons ?? page.words[FB_PAGE.OUT_CONS],
      geometry,
    };
    this.show(this.link, geometry);
    const tell = connection.bind(connection.number('event-channel'), () => this.serve());
    tell();
    return tells ? { 'request-update': 1 } : {};
  }

  disconnect(): void {
    this.link = this.dirty = undefined;
    this.redraw.cancel();
    this.screen.off();
  }

  save(): SavedVfb | undefined {
    return this.link && { outCons: this.link.outCons, geometry: this.link.geometry };
  }

  /** The device is gone. */
  remove(): void {
    this.redraw.remove();
  }

  /** Pixels of the picture; undefined: there is none. */
  get size(): { width: number; height: number } | undefined {
    return this.link?.geometry;
  }

  /** @throws DeviceError for a picture that does not lie in its memory, or that cannot be shown */
  private judge(asked: Geometry, depth: number, bytes: number): Geometry {
    const { width, height, stride, offset } = asked;
    if (depth !== PIXEL_BYTES * 8) throw new DeviceError(`its picture has ${depth} bits a pixel, and 32 are shown`);
    if (!(width > 0 && height > 0 && stride > 0 && offset >= 0))
      throw new DeviceError(
        `its picture has ${width} × ${height} pixels in lines of ${stride} bytes from byte ${offset} on`,
      );
    if (stride % PIXEL_BYTES !== 0 || offset % PIXEL_BYTES !== 0)
      throw new DeviceError('the lines of its picture begin within pixels');
    if (width * PIXEL_BYTES > stride || offset + stride * height > bytes)
      throw new DeviceError(
        `its picture of ${width} × ${height} pixels in lines of ${stride} bytes does not lie in its ${bytes} bytes`,
      );
    if (!this.screen.pixels?.(width, height))
      throw new DeviceError(
        `its picture of ${width} × ${height} pixels cannot be shown: it is larger than 1920 × 1200, or the host has no memory for it`,
      );
    return asked;
  }

  /** From now on it has this geometry, which was judged: its frames are mapped, and it is a new picture. @throws HostError where there is no memory */
  private show(link: Link, geometry: Geometry): void {
    const { connection, gfns, frames } = link;
    const { width, height, stride, offset } = geometry;
    const last = (offset + stride * height - 1) >>> 12;
    for (let i = offset >>> 12; i <= last; i++) frames[i] ??= connection.foreign(gfns[i], true);
    link.geometry = geometry;
    this.dirty = { left: 0, top: 0, right: width, bottom: height };
  }

  // ---- what the front end says

  private serve(): void {
    const { link } = this;
    if (!link) return;
    const { page, connection } = link;
    const waiting = (Atomics.load(page.words, FB_PAGE.OUT_PROD) - link.outCons) >>> 0;
    if (waiting > FB_OUT_EVENTS)
      throw new DeviceError(`its screen claims ${waiting} events, and there is room for ${FB_OUT_EVENTS}`);
    for (let i = 0; i < waiting; i++, link.outCons = (link.outCons + 1) | 0) {
      const at = FB_OUT_OFFSET / 4 + ((link.outCons >>> 0) % FB_OUT_EVENTS) * EVENT_WORDS;
      this.hear(link, page.words.slice(at, at + EVENT_WORDS));
    }
    Atomics.store(page.words, FB_PAGE.OUT_CONS, link.outCons);
    // Those that came meanwhile have rung or will: others have their turn first.
    if (waiting > 0 && Atomics.load(page.words, FB_PAGE.OUT_PROD) !== link.outCons)
      connection.again(() => this.serve());
    this.draw();
  }

  private hear(link: Link, event: Int32Array): void {
    const type = event[0] & 0xff;
    const [, a, b, c, d, offset] = event;
    if (type === FB_EVENT.UPDATE) this.touch({ left: a, top: b, right: a + c, bottom: b + d });
    else if (type === FB_EVENT.RESIZE) {
      this.show(link, this.judge({ width: a, height: b, stride: c, offset }, d, link.bytes));
    }
    // Others are for back ends that know them (fbif.h).
  }

  /** A part of the picture has changed, as far as it lies in it. */
  private touch({ left, top, right, bottom }: NonNullable<Vfb['dirty']>): void {
    const { width, height } = this.link!.geometry;
    const part = {
      left: Math.max(left, 0),
      top: Math.max(top, 0),
      right: Math.min(right, width),
      bottom: Math.min(bottom, height),
    };
    if (part.left >= part.right || part.top >= part.bottom) return;
    const { dirty } = this;
    this.dirty = dirty
      ? {
          left: Math.min(dirty.left, part.left),
          top: Math.min(dirty.top, part.top),
          right: Math.max(dirty.right, part.right),
          bottom: Math.max(dirty.bottom, part.bottom),
        }
      : part;
  }

  // ---- the picture

  /** There may be something to show: a viewer gets it when it asks. */
  private draw(): void {
    const { link, dirty } = this;
    if (!link || !dirty) return;
    const now = this.timers.clock.nowNs();
    if (this.screen.wanted?.()) this.askedNs = now;
    else if (now - this.askedNs < VIEWER_NS) return this.redraw.set(now + ASK_NS);
    else if (now - this.drawnNs < UNASKED_NS) return this.redraw.set(this.drawnNs + UNASKED_NS);
    this.drawnNs = now;
    this.dirty = undefined;
    this.copy(link, dirty);
    if (link.tells) return;
    this.dirty = { left: 0, top: 0, right: link.geometry.width, bottom: link.geometry.height };
    this.redraw.set(now + ASK_NS);
  }

  private copy({ geometry, frames }: Link, dirty: NonNullable<Vfb['dirty']>): void {
    const { width, height, stride, offset } = geometry;
    const pixels = this.screen.pixels?.(width, height);
    if (!pixels) return;
    for (let y = dirty.top; y < dirty.bottom; y++) {
      let from = (offset + y * stride) / PIXEL_BYTES + dirty.left;
      let to = y * width + dirty.left;
      for (let left = dirty.right - dirty.left; left > 0; ) {
        const { words } = frames[from >>> 10]!;
        const first = from & (PAGE_WORDS - 1);
        const count = Math.min(left, PAGE_WORDS - first);
        for (let i = first; i < first + count; i++, to++) {
          const rgb = words[i];
          pixels[to] = 0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | ((rgb >>> 16) & 0xff);
        }
        from += count;
        left -= count;
      }
    }
    this.screen.pixelsChanged?.(dirty.top, dirty.bottom - 1);
  }
}

/** The page directory names pages that name the picture's frames, by their guest frame numbers. @throws DeviceError, HostError */
function framesNamed(connection: Connection, page: Mapping, count: number, long: 4 | 8): Uint32Array {
  const each = PAGE_BYTES / long;
  const entry = (words: Int32Array, byte: number): number => {
    const at = byte / 4;
    if (long === 8 && words[at + 1] !== 0) throw new DeviceError('its picture lies beyond the frames that there are');
    return words[at] >>> 0;
  };
  if (Math.ceil(count / each) > FB_DIRECTORY_ENTRIES)
    throw new DeviceError(`its picture has ${count} frames, more than its directory can name`);
  const gfns = new Uint32Array(count);
  for (let first = 0, i = 0; first < count; first += each, i++) {
    const list = connection.foreign(entry(page.words, FB_DIRECTORY[long] + i * long), true);
    for (let k = 0; k < Math.min(each, count - first); k++) gfns[first + k] = entry(list.words, k * long);
  }
  return gfns;
}
