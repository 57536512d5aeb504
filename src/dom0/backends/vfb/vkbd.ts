/**
 * The back end of a paravirtual keyboard and pointer. Sources: xen/include/public/io/kbdif.h; QEMU's hw/display/xenfb.c for the nodes.
 * The pointer is relative: a front end that asks for positions (request-abs-pointer) gets the position that it has reached on its screen.
 */
import type { MouseMove } from '../../../hypervisor/index.ts';
import type { Mapping } from '../access.ts';
import { type Connection, DeviceError, type Driver, type Nodes } from '../xenbus.ts';
import { linuxKey, LINUX_BUTTONS } from './keycodes.ts';
import { EVENT_WORDS, KBD_EVENT, KBD_IN_EVENTS, KBD_IN_OFFSET, KBD_PAGE } from './protocol.ts';

interface Link {
  connection: Connection;
  page: Mapping;
  tell: () => void;
  inProd: number;
  /** It wants places, and not ways. */
  isAbsolute: boolean;
}

export class Vkbd implements Driver {
  /** Of the screen that the pointer is on. */
  private readonly size: () => { width: number; height: number } | undefined;
  private link: Link | undefined;
  private x = 0;
  private y = 0;
  private buttons = 0;

  constructor(size: () => { width: number; height: number } | undefined) {
    this.size = size;
  }

  features(): Nodes {
    return { 'feature-abs-pointer': 1 };
  }

  connect(connection: Connection, saved?: unknown): Nodes {
    // A newer front end grants the page, an older one gives its frame.
    const ref = connection.text('page-gref') === undefined ? undefined : connection.number('page-gref');
    const page = ref === undefined ? connection.foreign(connection.number('page-ref')) : connection.page(ref);
    const inProd = saved === undefined ? page.words[KBD_PAGE.IN_PROD] : (saved as { inProd?: unknown } | null)?.inProd;
    if (!Number.isInteger(inProd)) throw new DeviceError('what was saved of its keyboard makes no sense');
    const tell = connection.bind(connection.number('event-channel'), () => this.room());
    this.link = {
      connection,
      page,
      tell,
      inProd: inProd as number,
      isAbsolute: connection.text('request-abs-pointer') === '1',
    };
    this.room();
    return {};
  }

  disconnect(): void {
    this.link = undefined;
    this.buttons = 0;
  }

  save(): unknown {
    return this.link && { inProd: this.link.inProd };
  }

  /** Whether a guest listens. */
  get isConnected(): boolean {
    return this.link !== undefined;
  }

  /** A key by its KeyboardEvent.code; one that Linux has no number for is nothing. */
  key(code: string, down: boolean): void {
    const key = linuxKey(code);
    if (key !== undefined) this.send([[KBD_EVENT.KEY | (down ? 0x100 : 0), key]]);
  }

  /** Whole counts, up positive, as of a PS/2 mouse. */
  mouse({ dx, dy, dz, buttons }: MouseMove): void {
    const events: number[][] = [];
    const { width, height } = this.size() ?? { width: 1, height: 1 };
    this.x = Math.min(Math.max(this.x + dx, 0), width - 1);
    this.y = Math.min(Math.max(this.y - dy, 0), height - 1);
    // The wheel has the same sign in both; screens count downwards.
    if (dx !== 0 || dy !== 0 || dz !== 0)
      events.push(this.link?.isAbsolute ? [KBD_EVENT.POS, this.x, this.y, dz] : [KBD_EVENT.MOTION, dx, -dy, dz]);
    LINUX_BUTTONS.forEach((key, bit) => {
      const now = (buttons >>> bit) & 1;
      if (now !== ((this.buttons >>> bit) & 1)) events.push([KBD_EVENT.KEY | (now << 8), key]);
    });
    this.buttons = buttons;
    this.send(events);
  }

  private send(events: readonly (readonly number[])[]): void {
    this.link?.connection.guard(() => {
      const { link } = this;
      if (!link || events.length === 0) return;
      const { words } = link.page;
      let room = this.room();
      for (const event of events) {
        // Nobody reads: what is typed is lost, as with a full keyboard buffer.
        if (room-- === 0) break;
        const at = KBD_IN_OFFSET / 4 + ((link.inProd >>> 0) % KBD_IN_EVENTS) * EVENT_WORDS;
        words.fill(0, at, at + EVENT_WORDS);
        words.set(event, at);
        link.inProd = (link.inProd + 1) | 0;
      }
      Atomics.store(words, KBD_PAGE.IN_PROD, link.inProd);
      link.tell();
    });
  }

  /** Events for which there is room. @throws DeviceError */
  private room(): number {
    if (!this.link) return 0;
    const { page, inProd } = this.link;
    const unread = (inProd - Atomics.load(page.words, KBD_PAGE.IN_CONS)) >>> 0;
    if (unread > KBD_IN_EVENTS) throw new DeviceError(`its keyboard claims to have read more events than there were`);
    return KBD_IN_EVENTS - unread;
  }
}
