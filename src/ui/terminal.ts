/**
 * A guest's serial line. What the guest has said is there at once as plain text, and takes keys; once it has said so much, somebody wants the keyboard, or the
 * guest uses more than text, xterm takes its place (xterm.ts): it is a fifth of the page's script.
 */

import { signal } from '@preact/signals';
import { pagePart } from './load-again.ts';
import { sentence } from './sentence.ts';
import { strings } from './strings.ts';
import type { Xterm } from './xterm.ts';

/** Bytes handed to xterm at a time, and how many may wait before the oldest are dropped (a guest can write faster than a page can show). */
const BATCH_BYTES = 64 * 1024,
  BACKLOG_BYTES = 4 * 1024 * 1024;
/** One batch a frame at most. A timer, not a frame callback: hidden pages must drain too. */
const BATCH_MS = 16;
/** xterm is loaded when the guest has been quiet for this long, or this long after its first byte. */
const QUIET_MS = 300,
  MOST_MS = 1500;
/** What is shown without it, of the last bytes. */
const EARLY_ROWS = 24,
  EARLY_BYTES = 8 * 1024;
/** Keys that write no character of their own, as a VT100 sends them. */
const EARLY_KEYS: Record<string, string> = {
  Enter: '\r',
  Backspace: '\x7f',
  Tab: '\t',
  Escape: '\x1b',
  ArrowUp: '\x1b[A',
  ArrowDown: '\x1b[B',
  ArrowRight: '\x1b[C',
  ArrowLeft: '\x1b[D',
};
const TAIL_BYTES = 80;
const ESC = 0x1b;
/** OSC to its end, CSI, and the shorter ones (ECMA-48). */
const SEQUENCES = /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]|[ -/]*[0-~])/g;

/** The first one loads it for all. */
let loading: Promise<void> | undefined;
let loaded: typeof import('./xterm.ts') | undefined;

const xterm = pagePart(() => import('./xterm.ts'));
function loadXterm(): Promise<void> {
  loading ??= xterm.load().then(module => {
    loaded = module;
  });
  // What could not be loaded is tried again when it is wanted again.
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

export class GuestTerminal {
  /** The element that the text is in; a window borrows it while it is on the workbench. */
  readonly element = document.createElement('div');
  /** Bytes seen so far. */
  received = 0;
  /** The last bytes, one character each, and when they came. */
  tail = '';
  saidMs = 0;

  private readonly label: string;
  private readonly onInput: (bytes: Uint8Array) => void;
  private readonly onFailure: (why: string) => void;
  private xterm: Xterm | undefined;
  /** What is shown in its place until it is there. */
  private readonly early = document.createElement('pre');
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private firstAt: number | undefined;
  /** It could not be loaded: who wants it asks for it. */
  readonly failed = signal(false);
  private queue: Uint8Array[] = [];
  private queued = 0;
  private busy = false;
  private disposed = false;
  private readonly shownListeners = new Set<() => void>();
  private readonly resizeListeners = new Set<() => void>();

  /** `onFailure`: xterm could not be loaded; a sentence. */
  constructor(label: string, onInput: (bytes: Uint8Array) => void, onFailure: (why: string) => void) {
    this.label = label;
    this.onInput = onInput;
    this.onFailure = onFailure;
    this.element.className = 'tty';
    if (loaded) {
      this.begin(loaded);
      return;
    }
    this.early.tabIndex = 0;
    this.early.role = 'textbox';
    this.early.ariaMultiLine = 'true';
    this.early.ariaLabel = label;
    this.early.addEventListener('keydown', event => this.earlyKey(event));
    // Who presses it may want a keyboard on the screen, or its selection. A focus alone is nobody's wish: a guest gets it after Boot.
    this.early.addEventListener('pointerdown', () => this.load());
    this.element.append(this.early);
  }

  /** Loads xterm, unless it is there. */
  load(): void {
    clearTimeout(this.quiet);
    if (this.xterm || this.disposed) return;
    loadXterm().then(
      () => {
        if (!this.disposed && !this.xterm) this.begin(loaded!);
      },
      error => {
        this.failed.value = true;
        this.onFailure(strings.errors.partFailed(sentence(error)));
      },
    );
  }

  private begin({ Xterm }: typeof import('./xterm.ts')): void {
    this.xterm = new Xterm(this.label, this.onInput);
    this.failed.value = false;
    this.xterm.onShown(() => {
      for (const listener of this.shownListeners) listener();
    });
    this.xterm.onResize(() => {
      for (const listener of this.resizeListeners) listener();
    });
    const { focused } = this;
    if (this.element.isConnected) {
      this.open();
      this.fit();
      if (focused) this.focus();
      for (const listener of this.resizeListeners) listener();
    }
    this.pump();
  }

  private open(): void {
    this.early.remove();
    this.xterm!.open(this.element);
  }

  /** Puts the terminal into `parent`, which must be in the document; `fit` gives it its size. */
  attach(parent: HTMLElement): void {
    parent.append(this.element);
    if (this.xterm) this.open();
  }

  /** Takes the terminal out of `parent`, unless another window has borrowed it since. */
  detach(parent: HTMLElement): void {
    if (this.element.parentNode === parent) this.element.remove();
  }

  /** Takes the size of its parent. */
  fit(): void {
    if (!this.xterm) this.showEnd();
    else if (this.element.isConnected && this.element.clientWidth && this.element.clientHeight) this.xterm.fit();
  }

  /** What was said last is seen. */
  private showEnd(): void {
    this.early.scrollTop = this.early.scrollHeight;
  }

  /** Columns and rows; undefined: nobody knows yet. */
  get size(): { columns: number; rows: number } | undefined {
    return this.xterm && { columns: this.xterm.terminal.cols, rows: this.xterm.terminal.rows };
  }

  /** Text of the rows that are shown, trailing spaces cut. */
  lines(): string[] {
    return this.xterm?.lines() ?? plainLines(this.peek(EARLY_BYTES)).slice(-EARLY_ROWS);
  }

  /** Called when other rows may be shown, but for another size. */
  onShown(listener: () => void): () => void {
    this.shownListeners.add(listener);
    return () => this.shownListeners.delete(listener);
  }

  /** Called when it has another size. */
  onResize(listener: () => void): () => void {
    this.resizeListeners.add(listener);
    return () => this.resizeListeners.delete(listener);
  }

  focus(): void {
    if (this.xterm) this.xterm.terminal.focus();
    else this.early.focus();
  }

  get focused(): boolean {
    // In a shadow tree the document knows of its host alone.
    return this.element.contains((this.element.getRootNode() as Document | ShadowRoot).activeElement);
  }

  /** Types for a person (touch keys). */
  type(text: string): void {
    if (this.xterm) this.xterm.terminal.input(text, true);
    else this.onInput(new TextEncoder().encode(text));
  }

  /** Appends guest output; shown in order, a batch a frame. */
  write(bytes: Uint8Array): void {
    this.received += bytes.length;
    this.tail = (this.tail + String.fromCharCode(...bytes.subarray(-TAIL_BYTES))).slice(-TAIL_BYTES);
    this.saidMs = performance.now();
    this.queue.push(bytes);
    this.queued += bytes.length;
    if (this.queued > BACKLOG_BYTES) this.skip();
    this.pump();
    if (!this.xterm) this.showEarly(bytes);
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.quiet);
    this.xterm?.dispose();
    this.element.remove();
  }

  private showEarly(bytes: Uint8Array): void {
    const now = performance.now();
    this.firstAt ??= now;
    clearTimeout(this.quiet);
    if (!this.failed.value && bytes.includes(ESC)) this.load();
    else if (!this.failed.value)
      this.quiet = setTimeout(() => this.load(), Math.max(0, Math.min(QUIET_MS, this.firstAt + MOST_MS - now)));
    this.early.textContent = this.lines().join('\n');
    this.showEnd();
    for (const listener of this.shownListeners) listener();
  }

  private earlyKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || (event.key === 'Tab' && event.shiftKey)) return;
    const sends = EARLY_KEYS[event.key] ?? (event.key.length === 1 ? event.key : '');
    if (sends === '') return;
    event.preventDefault();
    this.load();
    this.type(sends);
  }

  private pump(): void {
    const { xterm } = this;
    if (!xterm || this.busy || this.queued === 0) return;
    this.busy = true;
    setTimeout(() => {
      xterm.terminal.write(this.take(BATCH_BYTES), () => {
        this.busy = false;
        this.pump();
      });
    }, BATCH_MS);
  }

  /** The last bytes that wait, at most this many. */
  private peek(limit: number): Uint8Array {
    const last = new Uint8Array(Math.min(limit, this.queued));
    let free = last.length;
    for (let at = this.queue.length - 1; free > 0; at--) {
      const part = this.queue[at]!.subarray(-free);
      last.set(part, free - part.length);
      free -= part.length;
    }
    return last;
  }

  /** Joins queued messages up to `limit` bytes. */
  private take(limit: number): Uint8Array {
    const batch = new Uint8Array(Math.min(limit, this.queued));
    let filled = 0;
    while (filled < batch.length) {
      const head = this.queue[0]!;
      const part = head.subarray(0, batch.length - filled);
      batch.set(part, filled);
      filled += part.length;
      if (part.length === head.length) this.queue.shift();
      else this.queue[0] = head.subarray(part.length);
    }
    this.queued -= batch.length;
    return batch;
  }

  private skip(): void {
    let dropped = 0;
    while (this.queued > BACKLOG_BYTES / 2 && this.queue.length > 1) {
      const head = this.queue.shift()!;
      dropped += head.length;
      this.queued -= head.length;
    }
    const note = new TextEncoder().encode(strings.serial.skipped(bytes(dropped)));
    this.queue.unshift(note);
    this.queued += note.length;
  }
}

export const plainText = (text: string): string => text.replace(SEQUENCES, '');

/** What a line printer would show: lines, without what only a terminal understands. */
function plainLines(bytes: Uint8Array): string[] {
  const text = plainText(new TextDecoder().decode(bytes));
  // A line that is written again from its start shows what was written last.
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map(line =>
      line
        .slice(line.lastIndexOf('\r') + 1)
        .replace(/[\x00-\x08\x0b-\x1f]/g, '')
        .trimEnd(),
    );
}

/** A size in KiB or MiB, one digit after the point where it helps. */
export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(n < 10 * 1024 ? 1 : 0)} KiB`;
  return `${(n / 1024 / 1024).toFixed(n < 100 * 1024 * 1024 ? 1 : 0)} MiB`;
}
