/**
 * GRUB's menu as a model: entries, keys, countdown, editor and command line. It knows no screen, no timer and no browser: menu-screen.ts draws it, and the caller
 * with a clock calls `tick`. Source of keys and words: GRUB manual 2.06, "The menu interface" and "Editing a menu entry".
 */
import type { Input } from '../../terminal/keys.ts';
import {
  type BootCommands,
  findEntry,
  type GrubConfig,
  type GrubEntry,
  type GrubNode,
  readBootCommands,
} from '../../../host/index.ts';
import { TextEditor } from './text-editor.ts';

/** What the menu ends with. */
export type MenuChoice =
  | { kind: 'boot'; title: string; commands: BootCommands }
  | { kind: 'reboot' }
  | { kind: 'halt' };

/** What it shows. */
export type MenuMode =
  /** Nothing but, perhaps, the countdown: timeout_style is hidden or countdown. */
  | { kind: 'hidden' }
  | { kind: 'menu' }
  | { kind: 'edit'; title: string; editor: TextEditor }
  | { kind: 'console'; shown: string[]; editor: TextEditor }
  /** What went wrong; any key goes back. */
  | { kind: 'message'; lines: string[] };

interface Level {
  entries: readonly GrubNode[];
  selected: number;
}

export interface BootMenuParts {
  config: GrubConfig;
  /** Monotonic. */
  nowMs: () => number;
  /** Why these commands cannot start anything; undefined: they can. */
  refuses: (commands: BootCommands) => string | undefined;
  /** Taken in place of the configuration's default: a number or a title. */
  wanted?: string;
}

const MOST_CONSOLE_LINES = 500;

export class BootMenu {
  mode: MenuMode = { kind: 'menu' };
  choice: MenuChoice | undefined;
  private readonly parts: BootMenuParts;
  /** Of submenus, the open one last. */
  private readonly levels: Level[];
  private startedMs: number;
  /** Counts until a key is pressed. */
  private counts: boolean;
  /** What was typed at the command line, for `boot`. */
  private readonly typed: string[] = [];

  constructor(parts: BootMenuParts) {
    this.parts = parts;
    const { config, nowMs, wanted } = parts;
    this.startedMs = nowMs();
    this.levels = [{ entries: config.entries, selected: 0 }];
    const way = findEntry(config.entries, wanted ?? config.default);
    for (const index of way ?? []) {
      this.level.selected = index;
      const node = this.level.entries[index];
      if (node?.kind === 'submenu') this.levels.push({ entries: node.entries, selected: 0 });
    }
    this.counts = config.timeoutS >= 0 && this.selected?.kind === 'menuentry';
    if (config.timeoutStyle !== 'menu' && this.counts) this.mode = { kind: 'hidden' };
    const told = config.problems.map(({ line, sentence }) => `error: grub.cfg, line ${line}: ${sentence}`);
    if (wanted !== undefined && !way) told.push(`error: there is no entry ${wanted}. Take one of the menu.`);
    if (told.length > 0) {
      this.counts = false;
      this.mode = { kind: 'message', lines: told };
    }
    this.tick();
  }

  private get level(): Level {
    return this.levels.at(-1)!;
  }

  get entries(): readonly GrubNode[] {
    return this.level.entries;
  }

  get selectedIndex(): number {
    return this.level.selected;
  }

  private get selected(): GrubNode | undefined {
    return this.level.entries[this.level.selected];
  }

  /** Whether Esc leads to a menu above. */
  get isBelow(): boolean {
    return this.levels.length > 1;
  }

  /** Seconds until the highlighted entry is booted; undefined: it waits for a key. */
  get secondsLeft(): number | undefined {
    if (!this.counts) return undefined;
    return Math.max(0, Math.ceil((this.startedMs + this.parts.config.timeoutS * 1000 - this.parts.nowMs()) / 1000));
  }

  /** It is seen from now on: the countdown begins. */
  seen(): void {
    this.startedMs = this.parts.nowMs();
  }

  /** Time has passed. */
  tick(): void {
    if (this.choice || this.secondsLeft !== 0) return;
    this.counts = false;
    this.enter();
  }

  /** Takes the highlighted entry, as when the countdown is over. */
  take(): void {
    this.counts = false;
    this.mode = { kind: 'menu' };
    if (!this.choice) this.enter();
  }

  press(input: Input): void {
    if (this.choice) return;
    this.counts = false;
    const { mode } = this;
    const key = 'key' in input ? input.key : undefined;
    if (mode.kind === 'message' || mode.kind === 'hidden') this.mode = { kind: 'menu' };
    else if (mode.kind === 'menu')
      for (const one of key === undefined ? [...('text' in input ? input.text : '')] : [key]) this.menuKey(one);
    else if ('text' in input) mode.editor.type(input.text);
    else if (mode.kind === 'edit') this.editKey(mode, input.key);
    else this.consoleKey(mode, input.key);
  }

  private menuKey(key: string): void {
    const { level } = this;
    const last = level.entries.length - 1;
    const go = (to: number): void => {
      level.selected = Math.max(0, Math.min(last, to));
    };
    if (this.mode.kind !== 'menu') return;
    if (key === 'up' || key === 'ctrl-p') go(level.selected - 1);
    else if (key === 'down' || key === 'ctrl-n') go(level.selected + 1);
    else if (key === 'home' || key === 'page-up') go(0);
    else if (key === 'end' || key === 'page-down') go(last);
    else if (key === 'enter' || key === 'right') this.enter();
    else if (key === 'escape' || key === 'left') this.levels.length > 1 && this.levels.pop();
    else if (key === 'e' && this.selected?.kind === 'menuentry') {
      const { title, lines } = this.selected;
      this.mode = { kind: 'edit', title, editor: new TextEditor(lines) };
    } else if (key === 'c') this.openConsole();
  }

  private enter(): void {
    const { selected } = this;
    if (selected?.kind === 'submenu') this.levels.push({ entries: selected.entries, selected: 0 });
    else if (selected) this.boot(selected.title, selected.lines);
  }

  private boot(title: string, lines: readonly string[]): void {
    const commands = readBootCommands(lines, this.parts.config);
    const refusal = this.parts.refuses(commands);
    if (commands.problems.length === 0 && refusal === undefined) {
      this.choice = { kind: 'boot', title, commands };
      return;
    }
    const told = commands.problems.map(({ line, sentence }) =>
      sentence.startsWith('error:') ? sentence : `error: line ${line}: ${sentence}`,
    );
    this.mode = { kind: 'message', lines: [...told, ...(refusal === undefined ? [] : [refusal])] };
  }

  private editKey({ title, editor }: { title: string; editor: TextEditor }, key: string): void {
    if (key === 'ctrl-x' || key === 'f10') this.boot(title, editor.lines);
    else if (key === 'ctrl-c' || key === 'f2') this.openConsole();
    else if (key === 'escape') this.mode = { kind: 'menu' };
    else editor.key(key);
  }

  private openConsole(): void {
    this.mode = {
      kind: 'console',
      shown: ['Minimal BASH-like line editing is supported. help lists the commands; ESC', 'at any time exits.', ''],
      editor: new TextEditor([''], true),
    };
  }

  private consoleKey(mode: { shown: string[]; editor: TextEditor }, key: string): void {
    if (key === 'escape') this.mode = { kind: 'menu' };
    else if (key !== 'enter') mode.editor.key(key);
    else {
      const { line } = mode.editor;
      mode.editor = new TextEditor([''], true);
      mode.shown.push(`grub> ${line}`, ...this.command(line.trim()));
      mode.shown.splice(0, Math.max(0, mode.shown.length - MOST_CONSOLE_LINES));
    }
  }

  /** A line of the command line: what it says. */
  private command(line: string): string[] {
    if (line === '') return [];
    if (line === 'help') return ['boot  echo  halt  help  module2  multiboot2  normal  reboot  set', ''];
    if (line === 'normal' || line === 'exit') this.mode = { kind: 'menu' };
    else if (line === 'reboot') this.choice = { kind: 'reboot' };
    else if (line === 'halt') this.choice = { kind: 'halt' };
    else if (line === 'boot') {
      if (this.typed.length === 0) return ['error: you need to load the kernel first.', ''];
      this.boot('command line', this.typed.splice(0));
    } else {
      const { problems, messages } = readBootCommands([line], this.parts.config);
      if (problems.length > 0) return [...problems.map(({ sentence }) => sentence), ''];
      if (!/^echo\b/.test(line)) this.typed.push(line);
      return messages;
    }
    return [];
  }
}

/** All entries that can be booted, submenus' too, each with the name by which `findEntry` finds it. */
export function bootNames(entries: readonly GrubNode[], above = ''): string[] {
  return entries.flatMap(node =>
    node.kind === 'menuentry' ? [above + node.title] : bootNames(node.entries, `${above}${node.title}>`),
  );
}

/** The entry at the end of a way. */
export function entryAt(entries: readonly GrubNode[], [index, ...rest]: readonly number[]): GrubEntry | undefined {
  const node = entries[index ?? -1];
  if (node?.kind === 'submenu') return entryAt(node.entries, rest);
  return rest.length === 0 ? node : undefined;
}
