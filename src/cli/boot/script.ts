/** --script: lines that wait for what the guest shows and type at it. */
import { UsageError } from './options.ts';

export type Line =
  | { kind: 'expect' | 'send' | 'screenshot' | 'stats'; text: string }
  | { kind: 'key'; codes: string[][] }
  | { kind: 'wait'; ms: number }
  | { kind: 'mem-set'; memoryMiB: number }
  | { kind: 'insert'; vdev: string; path: string }
  | { kind: 'eject'; vdev: string };

/** What a script does to the guest. */
export interface ScriptHands {
  /** Text that the screen shows now. */
  screen(): string;
  send(bytes: Uint8Array): void;
  key(code: string, down: boolean): void;
  screenshot(path: string): void;
  /** Writes what the guest has done so far; the script goes on when that is written. */
  stats(path: string): Promise<void>;
  /** Asks the balloon driver of the guest for so much memory. @throws Error with a sentence */
  setMemory(memoryMiB: number): void;
  /**
   * Puts a medium into a CD-ROM or floppy drive; without a path takes out what lies there. Disks of virtio and the card, with its address, come and go: that
   * resolves when it is done, as what comes next in the script may want the place.
   */
  change(vdev: string, path?: string): Promise<void> | undefined;
}

/** Names besides KeyboardEvent.code's own: what keys are called on paper. */
const KEYS: Record<string, string> = {
  enter: 'Enter',
  esc: 'Escape',
  escape: 'Escape',
  space: 'Space',
  tab: 'Tab',
  backspace: 'Backspace',
  up: 'ArrowUp',
  down: 'ArrowDown',
  left: 'ArrowLeft',
  right: 'ArrowRight',
  home: 'Home',
  end: 'End',
  pageup: 'PageUp',
  pagedown: 'PageDown',
  delete: 'Delete',
  insert: 'Insert',
  shift: 'ShiftLeft',
  ctrl: 'ControlLeft',
  alt: 'AltLeft',
  minus: 'Minus',
  equal: 'Equal',
  comma: 'Comma',
  period: 'Period',
  slash: 'Slash',
  '-': 'Minus',
  '=': 'Equal',
  ',': 'Comma',
  '.': 'Period',
  '/': 'Slash',
  ';': 'Semicolon',
};
/** Between two keys, so that the guest's queue takes them. */
const KEY_MS = 20;

function code(name: string): string {
  if (/^[a-z]$/i.test(name)) return `Key${name.toUpperCase()}`;
  if (/^[0-9]$/.test(name)) return `Digit${name}`;
  if (/^f([1-9]|1[0-2])$/i.test(name)) return name.toUpperCase();
  return KEYS[name.toLowerCase()] ?? name;
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|.)/gi, (_, what: string) =>
    what.length === 3
      ? String.fromCharCode(parseInt(what.slice(1), 16))
      : ({ n: '\n', r: '\r', t: '\t' }[what] ?? what),
  );
}

/** @throws UsageError with the line */
export function parseScript(text: string, name: string): Line[] {
  return text.split(/\r?\n/).flatMap((source, i): Line[] => {
    const match = /^\s*(\S+)(?: (.*))?$/.exec(source);
    if (!match || match[1].startsWith('#')) return [];
    const [, word, rest = ''] = match;
    if (rest === '') throw new UsageError(`${name}:${i + 1}: ${word} needs a value.`);
    if (word === 'expect' || word === 'screenshot' || word === 'stats')
      return [{ kind: word, text: word === 'expect' ? unescape(rest) : rest.trim() }];
    if (word === 'send') return [{ kind: 'send', text: unescape(rest) }];
    if (word === 'key')
      return [
        {
          kind: 'key',
          codes: rest
            .trim()
            .split(/\s+/)
            .map(chord => (chord.length > 1 ? chord.split('+') : [chord]).map(code)),
        },
      ];
    if (word === 'wait' && /^[0-9]+\s*$/.test(rest)) return [{ kind: 'wait', ms: Number(rest) }];
    if (word === 'mem-set' && /^[0-9]+\s*$/.test(rest)) return [{ kind: 'mem-set', memoryMiB: Number(rest) }];
    const [, vdev, path] = /^([a-z]+)(?:\s+(\S.*))?$/.exec(rest.trim()) ?? [];
    if (word === 'insert' && path !== undefined) return [{ kind: 'insert', vdev, path }];
    if (word === 'eject' && vdev !== undefined && path === undefined) return [{ kind: 'eject', vdev }];
    throw new UsageError(
      `${name}:${i + 1}: a line is expect TEXT, send TEXT, key NAMES, screenshot F.png, stats F.json, mem-set MIB, insert DRIVE F, eject DRIVE, insert card MAC, eject card or wait MS, not "${source}".`,
    );
  });
}

export class Script {
  private readonly lines: Line[];
  private readonly hands: ScriptHands;
  private at = 0;
  /** Serial output since the last `expect`. */
  private seen = '';
  private waitUntilNs = -1;
  private keys: [code: string, down: boolean][] = [];
  /** Something comes or goes, or is written, and the next line waits for that. */
  private isWaiting = false;
  /** Called when it has: there may be something to do. */
  changed: () => void = () => {};

  constructor(lines: Line[], hands: ScriptHands) {
    this.lines = lines;
    this.hands = hands;
  }

  get done(): boolean {
    return this.at === this.lines.length && !this.isWaiting;
  }

  /** It ended with a line that waits, so that nothing typed is under way. */
  get conclusive(): boolean {
    return this.done && this.lines.length > 0 && !['send', 'key'].includes(this.lines[this.lines.length - 1].kind);
  }

  put(byte: number): void {
    this.seen = (this.seen + String.fromCharCode(byte)).slice(-65536);
  }

  /** As far as it comes at this time of the guest; when to call again at the latest. */
  step(nowNs: number): number {
    while (this.at < this.lines.length && !this.isWaiting) {
      if (nowNs < this.waitUntilNs) return this.waitUntilNs;
      const line = this.lines[this.at];
      if (line.kind === 'wait' && this.waitUntilNs < 0) {
        this.waitUntilNs = nowNs + line.ms * 1e6;
        continue;
      }
      if (line.kind === 'key') {
        if (this.waitUntilNs < 0)
          this.keys = line.codes.flatMap(
            chord => [...chord.map(c => [c, true]), ...chord.toReversed().map(c => [c, false])] as typeof this.keys,
          );
        const key = this.keys.shift();
        if (key) {
          this.hands.key(...key);
          this.waitUntilNs = nowNs + KEY_MS * 1e6;
          continue;
        }
      }
      if (line.kind === 'expect') {
        const at = this.seen.indexOf(line.text);
        if (at < 0 && !this.hands.screen().includes(line.text)) return Infinity;
        this.seen = at < 0 ? '' : this.seen.slice(at + line.text.length);
      }
      if (line.kind === 'send') this.hands.send(new TextEncoder().encode(line.text));
      if (line.kind === 'mem-set') this.hands.setMemory(line.memoryMiB);
      if (line.kind === 'insert' || line.kind === 'eject')
        this.waitFor(this.hands.change(line.vdev, line.kind === 'insert' ? line.path : undefined));
      if (line.kind === 'stats') this.waitFor(this.hands.stats(line.text));
      if (line.kind === 'screenshot') this.hands.screenshot(line.text);
      this.waitUntilNs = -1;
      this.at++;
    }
    return Infinity;
  }

  private waitFor(done: Promise<void> | undefined): void {
    if (!done) return;
    this.isWaiting = true;
    void done.finally(() => {
      this.isWaiting = false;
      this.changed();
    });
  }
}
