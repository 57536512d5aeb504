/** A guest's screen block is drawn, and copied as text. */
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout/index.ts';
import { Glass } from '../screen/glass.ts';
import { copyBlock, type Damage, type ScreenPainter } from '../screen/painter.ts';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';

const words = strings.screen;
/** The VGA blinks its cursor every 16 frames of 70 Hz. */
const CURSOR_MS = ((16 * 1000) / 70) * 2;
/** SCREEN.MODE of a text screen. */
const TEXT_MODE = 1;
/** How often the text copy follows the picture: often enough to be read, seldom enough to be heard. */
const TEXT_MS = 500;

/** What is drawn of a guest. */
export type Drawn = Pick<DomainSession, 'painter' | 'screen' | 'findPixels' | 'gone' | 'info'>;
type Shown = Record<'title', { value: string }> &
  Record<'off', { value: boolean }> &
  Record<'lines', { value: readonly string[] }>;

const titleOf = ({ mode, columns, rows, width, height }: ScreenPainter): string =>
  mode === 'text' ? words.text(columns, rows) : mode === 'graphics' ? words.graphics(width, height) : words.title;

function copyText(painter: ScreenPainter, lines: { value: readonly string[] }): void {
  const old = lines.value,
    now = Array.from({ length: painter.rows }, (_, row) => painter.text(row));
  if (now.length !== old.length || now.some((line, i) => line !== old[i])) lines.value = now;
}

/** Follows the screen block while the window is on the workbench: at most once a frame, changed rows only. `each`: called every frame. Returns what stops it. */
export function drawLoop(
  session: Drawn,
  canvas: HTMLCanvasElement,
  area: HTMLElement,
  shown: Shown,
  each: () => void,
): () => void {
  const { painter } = session;
  // A window of its own is drawn while it is seen, whatever becomes of the page's.
  const view = area.ownerDocument.defaultView!;
  const block = new Int32Array(SCREEN_BYTES / 4);
  const glass = new Glass(painter, canvas, area);
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let generation = -1,
    cursor = -2,
    shape = -1,
    blinkAt = 0,
    textAt = 0,
    textStale = true,
    frame = 0;

  const show = (damage: Damage) => {
    if (damage.resized) {
      shown.off.value = painter.mode === 'off';
      shown.title.value = titleOf(painter);
    }
    glass.show(damage);
  };
  const tick = (now: number) => {
    frame = view.requestAnimationFrame(tick);
    each();
    const words = session.screen;
    if (!words) return;
    const changed =
      generation !== Atomics.load(words, SCREEN.GENERATION) ||
      cursor !== words[SCREEN.CURSOR] ||
      shape !== words[SCREEN.CURSOR_SHAPE];
    if (changed) {
      const size = Math.min(block.length, words.length);
      const whole = copyBlock(words, size === block.length ? block : block.subarray(0, size));
      // An inconsistent copy is shown, and looked at again in the next frame.
      generation = whole ? block[SCREEN.GENERATION]! : -1;
      if (cursor !== block[SCREEN.CURSOR] || shape !== block[SCREEN.CURSOR_SHAPE]) {
        // A cursor that moves is seen.
        painter.cursorOn = true;
        blinkAt = now + CURSOR_MS;
      }
      cursor = block[SCREEN.CURSOR]!;
      shape = block[SCREEN.CURSOR_SHAPE]!;
      // The picture of a domain that is gone was kept by its painter; the memory it came from is not there any more.
      if (!session.gone.peek() || block[SCREEN.MODE] === TEXT_MODE) {
        const damage = painter.draw(block, session.findPixels);
        show(damage);
        textStale ||= damage.resized || damage.bottom > damage.top;
      }
    }
    // The next picture is drawn for the next frame, at this pace and not at another clock's.
    Atomics.add(words, SCREEN.WANTED, 1);
    if (now >= blinkAt && !still.matches && session.info.peek().state !== 'p' && !session.gone.peek()) {
      blinkAt = now + CURSOR_MS;
      painter.cursorOn = !painter.cursorOn;
      show(painter.blink());
    }
    if (textStale && now >= textAt) {
      textAt = now + TEXT_MS;
      textStale = false;
      copyText(painter, shown.lines);
    }
  };
  const observer = new view.ResizeObserver(glass.fit);
  observer.observe(area);
  // What was painted while the window was open before.
  show({ top: 0, bottom: 0, resized: true });
  frame = view.requestAnimationFrame(tick);
  return () => {
    view.cancelAnimationFrame(frame);
    glass.close();
    observer.disconnect();
  };
}
