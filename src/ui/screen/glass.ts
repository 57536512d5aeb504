/** The canvas of a guest's screen: how large its dots are in the window, and the picture on it. */
import { afterPrompt } from '../prompt-reached.ts';
import { pagePart } from '../load-again.ts';
import { PHONE } from '../media.ts';
import type { Letters } from './letters.ts';
import type { Damage, ScreenPainter } from './painter.ts';

/** A text screen may be so much higher than a tube's 4:3: it fills its window. */
const HIGHER = 1.1;
/** Between a screen's picture and its window's edge, pixels. */
const EDGE = 10;
const phone = matchMedia(PHONE);
/** Loaded when a screen's dots do not fit, and after what a guest's prompt waits for. */
const LETTERS_MS = 2000;
const letters = pagePart(() => import('./letters.ts'));

export class Glass {
  private readonly painter: ScreenPainter;
  private readonly canvas: HTMLCanvasElement;
  private readonly area: HTMLElement;
  private readonly context: CanvasRenderingContext2D;
  private image: ImageData | undefined;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private letters: Letters | undefined;
  private inLetters = false;
  private wasInLetters = false;
  private hadPlainLetters = false;

  /** `area`: what the canvas fills. */
  constructor(painter: ScreenPainter, canvas: HTMLCanvasElement, area: HTMLElement) {
    this.painter = painter;
    this.canvas = canvas;
    this.area = area;
    this.context = canvas.getContext('2d', { alpha: false })!;
  }

  /** What the painter has changed. */
  show({ top, bottom, resized }: Damage): void {
    const { painter } = this;
    if (resized) {
      if (painter.mode === 'off') return;
      const pixels = new Uint8ClampedArray(painter.pixels.buffer as ArrayBuffer);
      this.image = new ImageData(pixels, painter.width, painter.height);
      [top, bottom] = [0, painter.height];
      this.fit();
    } else if (painter.mode === 'text' && painter.hasPlainLetters !== this.hadPlainLetters) this.fit();
    this.hadPlainLetters = painter.hasPlainLetters;
    if (painter.mode !== 'off') this.paint(top, bottom);
  }

  /** The window has another size. */
  readonly fit = (): void => {
    const { painter, canvas, area } = this;
    if (!painter.width || painter.mode === 'off') return;
    const ratio = area.ownerDocument.defaultView!.devicePixelRatio || 1;
    // On a phone every dot is needed.
    const edge = phone.matches ? 0 : 2 * EDGE;
    const width = area.clientWidth - edge,
      height = area.clientHeight - edge;
    // All columns and rows are seen, however small they become.
    const room = Math.min(width / painter.width, height / painter.height) * ratio;
    // Whole device pixels a dot where that wastes less than a quarter of the room; else the browser resamples.
    const dots = Math.floor(room);
    const scale = dots >= 1 && dots / room > 0.75 ? dots : room;
    canvas.style.width = `${Math.round(painter.width * scale) / ratio}px`;
    // A tube's picture is 4:3, and a knob makes it higher: a text screen's dots are higher than they are wide, as far as there is room.
    const stretch =
      painter.mode === 'text'
        ? Math.max(
            1,
            Math.min((HIGHER * painter.width * 3) / (painter.height * 4), (height * ratio) / (painter.height * scale)),
          )
        : 1;
    canvas.style.height = `${Math.round(painter.height * scale * stretch) / ratio}px`;
    const fits = Number.isInteger(scale);
    canvas.style.imageRendering = fits ? 'pixelated' : 'auto';
    this.inLetters = !fits && painter.mode === 'text' && painter.hasPlainLetters;
    if (this.inLetters) this.wantLetters();
    // Letters have the glass's own dots. It is no wider than the font's dots would be: letters would be too far apart.
    const wide = Math.round(painter.width * scale),
      high = Math.round(painter.height * scale * stretch);
    if (this.inLetters && this.letters) this.resize(wide, high);
    else this.resize(painter.width, painter.height);
  };

  private wantLetters(): void {
    if (this.letters) return;
    this.waiting ??= setTimeout(
      () => {
        letters.load().then(
          ({ Letters }) => {
            this.letters = new Letters(this.context);
            this.fit();
          },
          () => {},
        );
      },
      afterPrompt.peek() ? 0 : LETTERS_MS,
    );
  }

  private resize(dotsWide: number, dotsHigh: number): void {
    const { canvas, inLetters } = this;
    if (canvas.width === dotsWide && canvas.height === dotsHigh && inLetters === this.wasInLetters) return;
    [canvas.width, canvas.height, this.wasInLetters] = [dotsWide, dotsHigh, inLetters];
    this.letters?.forget();
    this.paint(0, this.painter.height);
  }

  /** Copies rows of pixels. */
  private paint(top: number, bottom: number): void {
    const { painter, image, letters } = this;
    if (!image || bottom <= top) return;
    if (this.inLetters && letters) letters.draw(painter, image, top, bottom);
    else this.context.putImageData(image, 0, 0, 0, top, painter.width, bottom - top);
  }

  /** It is not shown any more. */
  close(): void {
    clearTimeout(this.waiting);
  }
}
