/** A page's end of a guest's console and screen: shared memory, or what is posted in its place (DomainView). */
import { signal } from '@preact/signals';
import type { ConsoleInput, ConsoleOutput, DomainView } from '../dom0/service/index.ts';
import { COUNTER_WORDS, SCREEN_BYTES } from '../hypervisor/layout/index.ts';
import { type FindPixels, ScreenPainter } from './screen/painter.ts';

export abstract class GuestLink {
  /** The host lists it no more. What it last showed stays. */
  readonly gone = signal(false);
  /** Its screen as it was last painted: a picture in graphics outlives its memory here. */
  readonly painter = new ScreenPainter();
  /** Words of the screen block; they change under us in 'shared' mode, are replaced in 'single' mode, and stay as last seen once the domain is gone. */
  screen: Int32Array | undefined;

  protected counters: Int32Array | undefined;
  protected memory: SharedArrayBuffer | undefined;
  /** 'single' mode: when the last counters came. */
  protected postedAt: number | undefined;
  /** 'single' mode: the last picture that was posted. */
  private posted: Uint32Array | undefined;
  private port: MessagePort | undefined;
  /** Typed before there was a port. */
  private early: ConsoleInput[] = [];

  /** What it has written on its console. */
  protected abstract write(bytes: Uint8Array): void;

  protected open(view: DomainView): void {
    // It has ended meanwhile, and its memory may be another's.
    if (this.gone.peek()) return view.console.close();
    if (view.memory) {
      this.memory = view.memory;
      this.counters = new Int32Array(view.memory, view.countersOffset, COUNTER_WORDS);
      this.screen = new Int32Array(view.memory, view.screenOffset, SCREEN_BYTES / 4);
    }
    this.port = view.console;
    view.console.onmessage = event => this.receive(event.data as Uint8Array | ConsoleOutput);
    for (const input of this.early.splice(0)) this.send(input);
  }

  private receive(message: Uint8Array | ConsoleOutput): void {
    if (message instanceof Uint8Array) this.write(message);
    else if ('serial' in message) this.write(message.serial);
    else {
      this.counters = new Int32Array(message.counters);
      this.postedAt = performance.now();
      this.screen = new Int32Array(message.screen);
      if (message.pixels) this.posted = new Uint32Array(message.pixels);
    }
  }

  /** The pixels of a graphics picture: in machine memory, or as they were posted. */
  readonly findPixels: FindPixels = (offset, count) => {
    if (this.gone.peek()) return undefined;
    if (!this.memory) return this.posted?.length === count ? this.posted : undefined;
    return offset % 4 === 0 && offset + 4 * count <= this.memory.byteLength
      ? new Uint32Array(this.memory, offset, count)
      : undefined;
  };

  send(input: ConsoleInput): void {
    if (this.gone.peek()) return;
    if (this.port) this.port.postMessage(input);
    else if (!('mouse' in input)) this.early.push(input);
  }

  close(): void {
    this.port?.close();
  }
}
