/**
 * xterm, with a guest's line in it. Guest text ends as cells only: escape sequences that would name windows, make links, touch the clipboard
 * or change colours outside the cells are swallowed. It is a fifth of the page's script, and loaded once a guest has spoken (terminal.ts).
 */

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { effect } from '@preact/signals';
import { screenReader } from './settings.ts';
import { shownTheme } from './theme.ts';
import { copyToClipboard } from './clipboard.ts';

/** OSC: 0-2 titles, 4-19 and 104-119 colours, 7 directory, 8 links, 9 and 777 notices, 52 clipboard, 133, 633 and 1337 shell integration. */
const SWALLOWED_OSC = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 46, 50, 51, 52, 99, 104, 105, 106, 110,
  111, 112, 113, 114, 115, 116, 117, 118, 119, 133, 633, 777, 1337,
];

/** What a program that cannot ask takes for the width of its terminal. */
const GUEST_COLUMNS = 80;

/** Letters are made smaller for them; smaller ones than the last cannot be distinguished. */
const SIZES = [13, 12.5, 12, 11.5, 11, 10.5, 10, 9.5, 9, 8.5, 8, 7.5, 7, 6.5, 6];

/** Of a window in which this many columns of one-pixel type had room: a guest on a serial line counts on 80 columns, and nobody can tell it of fewer. */
export const fontSizeFor = (room: number): number => SIZES.find(size => room / size >= GUEST_COLUMNS) ?? SIZES.at(-1)!;

/** This many frames may pass before xterm's viewport knows of another size. */
const SETTLE_FRAMES = 10;

/** xterm 6.0 draws nothing while a frame that it has asked for has not come (RenderDebouncer.ts), also one of a window that it has left; nothing public ends that. */
interface Drawn {
  _core: { _renderService: { _renderDebouncer: { _innerRefresh(): void } } };
}

export class Xterm {
  readonly terminal: Terminal;
  private readonly fitter = new FitAddon();
  private readonly label: string;
  private opened = false;
  /** Whose frames draw it. */
  private view: Window | null = null;
  private readonly stopEffects: () => void;
  /** Where the viewport is being brought: a row on top, or its end. */
  private settling: { row: number | 'end'; cancel(): void } | undefined;

  constructor(label: string, onInput: (bytes: Uint8Array) => void) {
    this.label = label;
    this.terminal = new Terminal({
      cols: GUEST_COLUMNS,
      rows: 24,
      scrollback: 10_000,
      fontSize: 13,
      lineHeight: 1.35,
      cursorBlink: false,
      macOptionIsMeta: true,
      linkHandler: null,
      windowOptions: {},
      drawBoldTextInBrightColors: true,
    });
    for (const code of SWALLOWED_OSC) this.terminal.parser.registerOscHandler(code, () => true);
    this.terminal.loadAddon(this.fitter);
    const encoder = new TextEncoder();
    this.terminal.onData(text => onInput(encoder.encode(text)));
    this.terminal.onBinary(text => onInput(Uint8Array.from(text, c => c.charCodeAt(0))));
    this.terminal.attachCustomKeyEventHandler(event => {
      if (event.key === 'Tab' && event.shiftKey) return false;
      if (event.ctrlKey && event.shiftKey && event.code === 'KeyC') {
        if (event.type === 'keydown' && this.terminal.hasSelection())
          void copyToClipboard(this.terminal.getSelection());
        event.preventDefault();
        return false;
      }
      // Region keys of the page (Alt + digit) stay the page's.
      return !(event.altKey && !event.ctrlKey && /^Digit[1-5]$/.test(event.code));
    });
    const stopReader = effect(() => {
      this.terminal.options.screenReaderMode = screenReader.value;
    });
    const stopTheme = effect(() => {
      void shownTheme.value;
      if (this.opened) this.applyTheme(this.terminal.element!);
    });
    this.stopEffects = () => {
      stopReader();
      stopTheme();
    };
  }

  /** Puts it into `element`, which must be in a document. Called again, it learns of another one's window: xterm measures and draws by its window, and a closed one has no pixels. */
  open(element: HTMLElement): void {
    const { defaultView } = element.ownerDocument,
      isElsewhere = defaultView !== this.view;
    this.view = defaultView;
    if (this.opened) {
      this.terminal.open(element);
      if (isElsewhere) this.leftWindow();
      return;
    }
    this.opened = true;
    this.applyTheme(element);
    this.terminal.open(element);
    this.terminal.textarea?.setAttribute('aria-label', this.label);
  }

  /** A window that is hidden or closed has no frames any more: what waits for one of those is done here. */
  private leftWindow(): void {
    (this.terminal as unknown as Drawn)._core._renderService._renderDebouncer._innerRefresh();
    if (this.settling) this.settle(this.settling.row);
  }

  /** Takes the size of its parent. The guest's line has no size of its own: COM1 cannot tell it. */
  fit(): void {
    const now = this.terminal.options.fontSize ?? 13;
    const columns = this.fitter.proposeDimensions()?.cols ?? GUEST_COLUMNS;
    const size = fontSizeFor(columns * now);
    if (size !== now) this.terminal.options.fontSize = size;
    const { rows } = this.terminal,
      { active } = this.terminal.buffer,
      isAtEnd = active.viewportY >= active.baseY;
    this.fitter.fit();
    // While it is on its way, its position says nothing.
    if (this.terminal.rows !== rows) this.settle(this.settling?.row ?? (isAtEnd ? 'end' : active.viewportY));
  }

  /**
   * Shows the end, or this row on top, as soon as the viewport can. xterm 6.0 keeps the place that its scroll bar had with other rows: the next wheel would
   * jump from there, and its own events may leave the end.
   */
  private settle(row: number | 'end', frames = SETTLE_FRAMES): void {
    this.settling?.cancel();
    // Of the window that it is in: frames of one that is not seen do not come.
    const view = this.terminal.element?.ownerDocument.defaultView;
    if (!view) return;
    const frame = view.requestAnimationFrame(() => {
      const { active } = this.terminal.buffer,
        { baseY } = active;
      // To the end and back: both are steps from where the scroll bar is.
      this.terminal.scrollLines(baseY);
      if (active.viewportY < baseY && frames > 0) return this.settle(row, frames - 1);
      this.settling = undefined;
      if (row !== 'end') this.terminal.scrollLines(row - baseY);
    });
    this.settling = { row, cancel: () => view.cancelAnimationFrame(frame) };
  }

  /** Text of the rows that are shown, trailing spaces cut. */
  lines(): string[] {
    const { viewportY } = this.terminal.buffer.active;
    return Array.from(
      { length: this.terminal.rows },
      (_, row) => this.terminal.buffer.active.getLine(viewportY + row)?.translateToString(true) ?? '',
    );
  }

  /** Called when other rows may be shown: by output, or by a step of its viewport. */
  onShown(listener: () => void): () => void {
    const subscriptions = [this.terminal.onWriteParsed(listener), this.terminal.onScroll(listener)];
    return () => {
      for (const subscription of subscriptions) subscription.dispose();
    };
  }

  onResize(listener: () => void): () => void {
    const subscription = this.terminal.onResize(listener);
    return () => subscription.dispose();
  }

  dispose(): void {
    this.settling?.cancel();
    this.stopEffects();
    this.terminal.dispose();
  }

  /** In the colours of its surroundings. */
  private applyTheme(place: Element): void {
    const style = getComputedStyle(place);
    const token = (name: string) => style.getPropertyValue(name).trim();
    const background = token('--term'),
      foreground = token('--term-text');
    this.terminal.options.fontFamily = token('--mono');
    // The 16 colours are chosen for at least 4.5:1 on the terminal's ground, except black, which is black.
    this.terminal.options.theme = {
      background,
      foreground,
      cursor: foreground,
      cursorAccent: background,
      selectionBackground: '#7a5f1f',
      black: '#2b3033',
      red: '#ff8a80',
      green: '#9fd8a9',
      yellow: '#e9c877',
      blue: '#8db6f4',
      magenta: '#d6a0e1',
      cyan: '#7fd4cd',
      white: foreground,
      brightBlack: token('--term-dim'),
      brightRed: '#ffb0a8',
      brightGreen: '#bff0c6',
      brightYellow: '#ffe29a',
      brightBlue: '#b3d0ff',
      brightMagenta: '#edc4f5',
      brightCyan: '#a8ece6',
      brightWhite: '#ffffff',
    };
  }
}
