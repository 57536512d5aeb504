/** Window with a guest's VGA screen: a canvas for the eye, the same cells as text for the ear, the keyboard on request only. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout.ts';
import { command, reportProblem } from '../host.ts';
import { HeldKeys, strokeOf } from '../screen/keys.ts';
import { copyBlock, type Damage, ScreenPainter } from '../screen/painter.ts';
import type { DomainSession } from '../sessions.ts';
import { download } from '../state.ts';
import { strings } from '../strings.ts';
import { Chip, Icon, StateMark } from './marks.tsx';

const words = strings.screen;
/** The VGA blinks its cursor every 16 frames of 70 Hz. */
const CURSOR_MS = 16 * 1000 / 70 * 2;
/** A key event every so often, so that a guest's keyboard queue (16 bytes on a PC) does not overflow. */
const STROKE_MS = 12;
/** How often the text copy follows the picture: often enough to be read, seldom enough to be heard. */
const TEXT_MS = 500;
const TOUCH: [label: string, code: string, name?: string][] = [
  ['Esc', 'Escape'], ['Tab', 'Tab'], ['Enter', 'Enter'], ['←', 'ArrowLeft', 'Left'], ['↑', 'ArrowUp', 'Up'], ['↓', 'ArrowDown', 'Down'], ['→', 'ArrowRight', 'Right'],
];

export function ScreenWindow({ session }: { session: DomainSession }) {
  const area = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const typing = useRef<HTMLTextAreaElement>(null);
  const pending = useRef(Promise.resolve());
  const sendOpen = useSignal(false);
  const useButton = useRef<HTMLButtonElement>(null);
  const title = useSignal<string>(words.title);
  const off = useSignal(true);
  const captured = useSignal(false);
  const lines = useSignal<readonly string[]>([]);
  const painter = useRef(new ScreenPainter()).current;
  const keys = useRef(new HeldKeys((key, down) => session.send({ key, down }))).current;
  const { name, id } = session.info.value;
  const paused = session.info.value.state === 'p' && !session.gone.value;

  const over = session.over;
  useEffect(() => { if (over) captured.value = false; }, [over]);
  useEffect(() => drawLoop(session, painter, canvas.current!, area.current!, { title, off, lines }), [session]);
  useEffect(() => {
    const release = () => { keys.releaseAll(); captured.value = false; };
    const hidden = () => { if (document.hidden) release(); };
    window.addEventListener('blur', release);
    document.addEventListener('visibilitychange', hidden);
    return () => { window.removeEventListener('blur', release); document.removeEventListener('visibilitychange', hidden); keys.releaseAll(); };
  }, [session]);

  const capture = () => { captured.value = true; area.current!.focus({ preventScroll: true }); };
  const leave = () => { keys.releaseAll(); captured.value = false; requestAnimationFrame(() => useButton.current?.focus()); };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (!captured.value) {
      if (event.key === 'Enter' && !off.value && !session.over) { event.preventDefault(); capture(); }
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.code) keys.down(event.code);
  };
  const onKeyUp = (event: KeyboardEvent) => {
    if (!captured.value || event.target !== event.currentTarget) return;
    event.preventDefault();
    event.stopPropagation();
    if (keys.up(event.code)) leave();
  };
  /** Presses keys together, in this order, and lets them go in the other; each event in its turn after those still to be sent. */
  const press = (...codes: string[]) => {
    const events = [...codes.map(key => ({ key, down: true })), ...codes.toReversed().map(key => ({ key, down: false }))];
    pending.current = events.reduce((before, event) => before.then(() => new Promise(sent => setTimeout(() => { session.send(event); sent(); }, STROKE_MS))), pending.current);
  };
  const pressCharacter = (character: string): boolean => {
    const stroke = strokeOf(character);
    if (stroke) press(...(stroke.shift ? ['ShiftLeft', stroke.code] : [stroke.code]));
    return !!stroke;
  };
  const sendClipboard = async () => {
    const text = await navigator.clipboard?.readText().catch(() => '') ?? '';
    if (!text) return reportProblem(words.sendClipboard, words.clipboardEmpty);
    const missing = [...text.replace(/\r\n/g, '\n')].filter(character => !pressCharacter(character));
    if (missing.length > 0) reportProblem(words.sendClipboard, words.cannotType([...new Set(missing)].join(' ')));
  };
  /** A touch keyboard sends text, not keys. */
  const onTyped = (event: InputEvent) => {
    const field = event.currentTarget as HTMLTextAreaElement;
    if (event.inputType === 'deleteContentBackward') press('Backspace');
    else for (const character of event.data ?? (event.inputType === 'insertLineBreak' ? '\n' : '')) pressCharacter(character);
    // A character stays, so that the keyboard has something to delete.
    field.value = ' ';
  };
  const picture = () => {
    const page = document.createElement('canvas');
    page.width = painter.width;
    page.height = painter.height;
    page.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(painter.pixels.slice().buffer), painter.width, painter.height), 0, 0);
    page.toBlob(blob => { if (blob) download(blob, `${name}-screen.png`); });
  };
  const copyText = () => { void navigator.clipboard?.writeText(Array.from({ length: painter.rows }, (_, row) => painter.text(row)).join('\n').trimEnd() + '\n').catch(() => {}); };

  return <section class={`win screen${captured.value ? ' cap' : ''}${paused ? ' paused' : ''}${off.value ? ' is-off' : ''}`} aria-label={words.label(name)}>
    <div class="wt"><Chip id={id} /><StateMark state={session.gone.value ? 's' : session.state} /><span class="t">{name}</span><span class="sec cut">{title.value}</span><span class="sp" />
      {!off.value && !session.over && <div class="menu" onKeyDown={event => { if (event.key === 'Escape') sendOpen.value = false; }}
        onBlurCapture={event => { if (!event.currentTarget.contains(event.relatedTarget as Node)) sendOpen.value = false; }}>
        <button class="btn quiet sm" aria-expanded={sendOpen.value} onClick={() => { sendOpen.value = !sendOpen.value; }}>{words.send} <Icon name="down" size={10} /></button>
        {sendOpen.value && <ul class="pop">
          {words.sendCombinations.map(([label, codes]) => <li key={codes}><button class="btn quiet" onClick={() => { sendOpen.value = false; press(...codes!.split(' ')); }}><kbd>{label}</kbd></button></li>)}
          <li><button class="btn quiet" onClick={() => { sendOpen.value = false; void sendClipboard(); }}>{words.sendClipboard}</button></li>
        </ul>}
      </div>}
      {!off.value && <>{painter.mode === 'text' && <button class="btn quiet sm hide-s" onClick={copyText}>{words.copy}</button>}
        <button class="btn quiet sm" onClick={picture}><Icon name="picture" />{words.picture}</button></>}</div>
    <div class="wb vga" ref={area} tabIndex={0} role="application" aria-label={words.label(name)} aria-describedby={`hint-${id}`}
      onClick={() => { if (!off.value && !session.over) capture(); }} onKeyDown={onKeyDown} onKeyUp={onKeyUp}
      onBlur={() => { keys.releaseAll(); captured.value = false; }} data-testid="screen">
      <canvas ref={canvas} width={640} height={400} aria-hidden="true" hidden={off.value} />
      {off.value && <p class="nosignal">{words.off}</p>}
      {paused && !off.value && <div class="veil"><span>{words.paused}</span><button class="btn sm" onClick={event => { event.stopPropagation(); void command('unpause', session.info.value); }}>{words.resume}</button></div>}
    </div>
    <div class={`ws${captured.value && !over ? ' on' : ''}`} role="status" id={`hint-${id}`}>
      {session.over ? <span>{strings.guest.lastSeen}</span> : captured.value ? <span><b>{words.on(name)}</b> {words.leave}</span>
        : <><button class="btn sm" ref={useButton} disabled={off.value} onClick={capture}>{words.use}</button><span class="hide-s">{words.hint}</span></>}
    </div>
    <div class="hidden" role="region" aria-label={words.textCopy(name)} aria-live={captured.value ? 'polite' : 'off'} data-testid="screen-text">{lines.value.map((line, i) => <div key={i}>{line}</div>)}</div>
    <div class="touch" role="group" aria-label={words.touchKeys}>
      <button class="btn" onClick={() => { typing.current!.value = ' '; typing.current!.focus(); }}>{words.keyboard}</button>
      {TOUCH.map(([label, code, full]) => <button class="btn" key={code} aria-label={full} onClick={() => press(code)}>{label}</button>)}
      {captured.value && <button class="btn" onClick={leave}>{words.giveBack}</button>}
      <textarea class="typing" ref={typing} aria-label={words.typeHere} autoCapitalize="off" autoComplete="off" spellcheck={false} tabIndex={-1}
        onInput={event => onTyped(event as unknown as InputEvent)} onKeyDown={event => { if (event.key === 'Enter') { event.preventDefault(); press('Enter'); } }} />
    </div>
  </section>;
}

type Shown = Record<'title', { value: string }> & Record<'off', { value: boolean }> & Record<'lines', { value: readonly string[] }>;

/** Follows the screen block while the window is on the workbench: at most once a frame, changed rows only. Returns what stops it. */
function drawLoop(session: DomainSession, painter: ScreenPainter, canvas: HTMLCanvasElement, area: HTMLElement, shown: Shown): () => void {
  const block = new Int32Array(SCREEN_BYTES / 4);
  const store = document.createElement('canvas');
  const ink = store.getContext('2d', { alpha: false })!;
  const glass = canvas.getContext('2d', { alpha: false })!;
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let image: ImageData | undefined;
  let generation = -1, cursor = -2, shape = -1, blinkAt = 0, textAt = 0, textStale = false, frame = 0, scale = 1, all = true;

  const fit = () => {
    if (!painter.width || shown.off.value) return;
    const ratio = devicePixelRatio || 1;
    const room = Math.min(area.clientWidth / painter.width, area.clientHeight / painter.height) * ratio;
    // Whole device pixels a dot where that wastes less than a quarter of the room; else the picture is resampled.
    const dots = Math.floor(room);
    scale = dots >= 1 && dots / room > 0.75 ? dots : room;
    const width = Math.round(painter.width * scale), height = Math.round(painter.height * scale);
    canvas.style.width = `${width / ratio}px`;
    canvas.style.height = `${height / ratio}px`;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    all = true;
  };
  const show = ({ top, bottom, resized }: Damage) => {
    if (resized) {
      shown.off.value = painter.mode === 'off';
      shown.title.value = painter.mode === 'text' ? words.text(painter.columns, painter.rows) : painter.mode === 'graphics' ? words.graphics(painter.width, painter.height) : words.title;
      if (painter.mode === 'off') return;
      store.width = painter.width;
      store.height = painter.height;
      image = new ImageData(new Uint8ClampedArray(painter.pixels.buffer as ArrayBuffer), painter.width, painter.height);
      fit();
    }
    if (painter.mode === 'off' || !image) return;
    if (bottom > top) ink.putImageData(image, 0, 0, 0, top, painter.width, bottom - top);
    // Resampling mixes neighbouring rows, so a resampled picture is drawn whole.
    const whole = Number.isInteger(scale);
    if (all || !whole && bottom > top) [top, bottom] = [0, painter.height];
    if (bottom <= top) return;
    all = false;
    glass.imageSmoothingEnabled = !whole;
    glass.imageSmoothingQuality = 'high';
    glass.drawImage(store, 0, top, painter.width, bottom - top, 0, top * scale, painter.width * scale, (bottom - top) * scale);
  };
  const tick = (now: number) => {
    frame = requestAnimationFrame(tick);
    const words = session.screen;
    if (!words) return;
    const changed = generation !== Atomics.load(words, SCREEN.GENERATION) || cursor !== words[SCREEN.CURSOR] || shape !== words[SCREEN.CURSOR_SHAPE];
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
      const damage = painter.draw(block);
      show(damage);
      textStale ||= damage.resized || damage.bottom > damage.top;
    }
    if (now >= blinkAt && !still.matches && session.info.peek().state !== 'p' && !session.gone.peek()) {
      blinkAt = now + CURSOR_MS;
      painter.cursorOn = !painter.cursorOn;
      show(painter.blink());
    }
    if (all) show({ top: 0, bottom: 0, resized: false });
    if (textStale && now >= textAt) {
      textAt = now + TEXT_MS;
      textStale = false;
      const old = shown.lines.value;
      const lines = Array.from({ length: painter.rows }, (_, row) => painter.text(row));
      if (lines.length !== old.length || lines.some((line, i) => line !== old[i])) shown.lines.value = lines;
    }
  };
  const observer = new ResizeObserver(fit);
  observer.observe(area);
  frame = requestAnimationFrame(tick);
  return () => { cancelAnimationFrame(frame); observer.disconnect(); };
}
