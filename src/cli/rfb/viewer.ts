/**
 * *Idea.* One VNC client. The protocol is a conversation over a stream of bytes, so it is written as a generator (`conversation`) that waits for the
 * bytes that it needs. Pictures are pulled by the client: it asks for an update, and gets the tiles that differ from the picture that it has, as soon
 * as there are any. Rate and backlog are limited, since guests may run on this thread. Source: RFC 6143, 7.
 */
import type { Later } from '../../dom0/host/index.ts';
import { type ByteChannel, type Conversation, Converser } from '../../dom0/host/nbd/index.ts';
import {
  ByteSink,
  changedRectangles,
  type ClientMessage,
  colourMap,
  copyRectangle,
  encodeHextile,
  ENCODING,
  fitted,
  formatBytes,
  OWN_FORMAT,
  type Picture,
  Pixels,
  putHead,
  putUpdate,
  rawRectangle,
  readClientMessage,
  readVersion,
  type Rectangle,
  RfbError,
  SECURITY,
  SECURITY_RESULT,
  VERSION,
} from '../../formats/rfb/index.ts';
import { ClientKeyboard } from './keyboard.ts';
import { isAnswer } from './password.ts';
import { ClientPointer } from './pointer.ts';
import type { Password, ServedScreen } from './screen.ts';

export interface ViewerParts {
  later: Later;
  /** Monotonic milliseconds. */
  hostMs: () => number;
  /** As it is now; undefined: everybody may who gets this far. */
  password: () => Password | undefined;
  /** 16 bytes that nobody can foresee. */
  challenge: () => Uint8Array;
  /** It wants to be alone: the others go. */
  alone: () => void;
  ended: (why?: string) => void;
}

/** At most 25 pictures a second; and after each there is none for REST times as long as it took, since guests may run on this thread. */
const PICTURE_MS = 40,
  REST = 2;
/** A client with this many bytes to take yet gets no further picture. */
const MOST_WAITING_BYTES = 2 ** 20;
/** Of a screen that is none just now. */
const NOTHING: Picture = { width: 640, height: 480, rgb: new Uint8Array(640 * 480 * 3) };
const { RAW, HEXTILE, DESKTOP_SIZE, POINTER_MOTION, EXTENDED_KEY } = ENCODING;

export class Viewer {
  private readonly channel: ByteChannel;
  private readonly screen: ServedScreen;
  private readonly parts: ViewerParts;
  private readonly converser: Converser;
  private readonly keyboard: ClientKeyboard;
  private readonly pointer: ClientPointer;
  private pixels = new Pixels(OWN_FORMAT);
  private encodings: readonly number[] = [];
  /** Pseudo-encodings that are to be answered. */
  private readonly answers = new Set<number>();
  private asked: { isIncremental: boolean; area: Rectangle } | undefined;
  /** The size that it knows of. */
  private size = { width: 0, height: 0 };
  /** What it has; undefined: nothing. */
  private has: Picture | undefined;
  /** Of the screen, when it was last looked at and all was sent. */
  private generation: string | undefined;
  private timer: (() => void) | undefined;
  private isGone = false;

  constructor(channel: ByteChannel, screen: ServedScreen, parts: ViewerParts) {
    this.channel = channel;
    this.screen = screen;
    this.parts = parts;
    this.keyboard = new ClientKeyboard((code, down) => screen.key(code, down));
    this.pointer = new ClientPointer(move => screen.mouse(move));
    this.converser = new Converser(channel, this.conversation(), why => {
      this.isGone = true;
      this.timer?.();
      this.keyboard.letGo();
      this.pointer.letGo();
      parts.ended(why);
    });
  }

  begin(): void {
    this.converser.begin();
  }

  end(): void {
    this.converser.end();
  }

  private send(sink: ByteSink): void {
    if (!this.isGone) this.channel.send(sink.taken());
  }

  private *conversation(): Conversation {
    this.send(new ByteSink().text(VERSION));
    yield* this.security(readVersion(yield VERSION.length));
    const [isShared] = yield 1;
    if (isShared === 0) this.parts.alone();
    this.hello();
    for (;;) this.take(yield* readClientMessage());
  }

  private *security(version: 3 | 7 | 8): Conversation {
    const { challenge } = this.parts;
    const password = this.parts.password();
    const type = password !== undefined ? SECURITY.VNC_AUTHENTICATION : SECURITY.NONE;
    if (version === 3) this.send(new ByteSink().u32(type));
    else {
      this.send(new ByteSink().u8(1).u8(type));
      const [chosen] = yield 1;
      if (chosen !== type) throw new RfbError(`The client chose security type ${chosen}, which it was not offered.`);
    }
    if (password !== undefined) {
      const sent = challenge();
      this.send(new ByteSink().put(sent));
      const given = yield sent.length;
      if (password === '' || !isAnswer(given, sent, password)) {
        const refusal = new ByteSink().u32(SECURITY_RESULT.FAILED);
        const why = 'The password is wrong.';
        this.send(version === 8 ? refusal.u32(why.length).text(why) : refusal);
        throw new RfbError('The client does not know the password.');
      }
      this.send(new ByteSink().u32(SECURITY_RESULT.OK));
    } else if (version === 8) this.send(new ByteSink().u32(SECURITY_RESULT.OK));
  }

  /** ServerInit. */
  private hello(): void {
    const { width, height } = this.screen.picture() ?? NOTHING;
    this.size = { width, height };
    const { name } = this.screen;
    this.send(new ByteSink().u16(width).u16(height).put(formatBytes(OWN_FORMAT)).u32(name.length).text(name));
  }

  // ---- what it says

  private take(message: ClientMessage): void {
    switch (message.kind) {
      case 'format':
        this.pixels = new Pixels(message.format);
        if (message.format.isMapped) this.send(new ByteSink().put(colourMap()));
        break;
      case 'encodings':
        this.encodings = message.encodings;
        for (const each of [POINTER_MOTION, EXTENDED_KEY]) if (this.can(each)) this.answers.add(each);
        if (!this.can(POINTER_MOTION)) this.pointer.sendsWays = false;
        break;
      case 'request':
        this.ask(message);
        break;
      case 'key':
        this.keyboard.key(message);
        break;
      case 'pointer':
        this.pointer.moved(message);
        break;
    }
  }

  private can(encoding: number): boolean {
    return this.encodings.includes(encoding);
  }

  /** One answer is for all that is asked until then. */
  private ask({ isIncremental, area }: { isIncremental: boolean; area: Rectangle }): void {
    const { asked } = this;
    this.asked = {
      isIncremental: isIncremental && (asked?.isIncremental ?? true),
      area: asked ? around(asked.area, area) : area,
    };
    // The first one is not kept waiting; all others wait for their turn.
    if (!this.timer) this.answer();
  }

  // ---- what it sees

  private answer(): void {
    const beganMs = this.parts.hostMs();
    if (this.screen.generation() === undefined) return this.end();
    this.show();
    const tookMs = this.parts.hostMs() - beganMs;
    this.timer = this.parts.later(Math.max(PICTURE_MS - tookMs, REST * tookMs), () => {
      this.timer = undefined;
      if (this.asked) this.answer();
    });
  }

  private show(): void {
    const { asked } = this;
    if (!asked || this.channel.waitingBytes > MOST_WAITING_BYTES) return;
    const generation = this.screen.generation();
    const isNew = generation !== this.generation || !this.has || !asked.isIncremental;
    const now = isNew ? this.screen.picture() : this.has;
    // Undefined: it changes just now, and is complete the next time.
    if (now && (isNew || this.answers.size > 0)) this.update(now, asked, generation);
    this.screen.want();
  }

  private update(screen: Picture, asked: { isIncremental: boolean; area: Rectangle }, generation?: string): void {
    const resized = screen.width !== this.size.width || screen.height !== this.size.height;
    if (resized && this.can(DESKTOP_SIZE)) {
      const { width, height } = screen;
      this.size = { width, height };
      this.has = undefined;
      return this.sendUpdate([], { x: 0, y: 0, width, height });
    }
    const { width, height } = this.size;
    const now = fitted(screen, width, height),
      whole = { x: 0, y: 0, width, height };
    // A client that has nothing gets all.
    const area = this.has ? within(asked.area, whole) : whole;
    const changed = this.has && asked.isIncremental ? changedRectangles(this.has, now, area) : [area];
    const rectangles = changed.filter(each => each.width > 0 && each.height > 0);
    if (rectangles.length === 0 && asked.isIncremental && this.answers.size === 0) {
      if (isWhole(area, whole)) this.generation = generation;
      return;
    }
    if (this.has) for (const each of rectangles) copyRectangle(this.has, now, each);
    else this.has = { ...now, rgb: now.rgb.slice() };
    this.generation = isWhole(area, whole) ? generation : undefined;
    this.sendUpdate(rectangles, undefined, now);
  }

  /** With what is to be answered; `size`, which is new, is the last of an update's rectangles. */
  private sendUpdate(rectangles: readonly Rectangle[], size?: Rectangle, now: Picture = NOTHING): void {
    const sink = new ByteSink();
    putUpdate(sink, this.answers.size + rectangles.length + (size ? 1 : 0));
    for (const each of this.answers) {
      // Ways, as a PS/2 mouse has them: x is 0.
      putHead(sink, { x: 0, y: 0, width: 0, height: 0 }, each);
      if (each === POINTER_MOTION) this.pointer.sendsWays = true;
    }
    this.answers.clear();
    const encoding = this.encodings.find(each => each === RAW || each === HEXTILE) ?? RAW;
    for (const each of rectangles) {
      putHead(sink, each, encoding);
      (encoding === HEXTILE ? encodeHextile : rawRectangle)(sink, now, this.pixels, each);
    }
    if (size) putHead(sink, size, DESKTOP_SIZE);
    // What was asked for is a picture: some clients ask no second time when they hear of a size.
    if (!size) this.asked = undefined;
    this.send(sink);
  }
}

const isWhole = (area: Rectangle, { width, height }: Rectangle): boolean =>
  area.width === width && area.height === height;

/** What of an area lies in another one; its width or height may be none. */
function within(area: Rectangle, other: Rectangle): Rectangle {
  const x = Math.min(area.x, other.width),
    y = Math.min(area.y, other.height);
  return {
    x,
    y,
    width: Math.min(area.width, other.width - x),
    height: Math.min(area.height, other.height - y),
  };
}

/** The smallest that both are in. */
function around(one: Rectangle, other: Rectangle): Rectangle {
  const x = Math.min(one.x, other.x),
    y = Math.min(one.y, other.y);
  return {
    x,
    y,
    width: Math.max(one.x + one.width, other.x + other.width) - x,
    height: Math.max(one.y + one.height, other.y + other.height) - y,
  };
}
