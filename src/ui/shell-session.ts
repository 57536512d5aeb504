/** A login at Domain 0 as the page has it: a terminal here, the session in Domain 0's worker. */

import { pageWords } from './hypervisors/own.ts';
import { computed, signal } from '@preact/signals';
import type { ShellInput, ShellOutput, StateInfo } from '../dom0/service/index.ts';
import { host, hostsLost, reportProblem } from './host.ts';
import { sentence } from './sentence.ts';
import { strings } from './strings.ts';
import { GuestTerminal } from './terminal.ts';

const words = strings.shell;

export class ShellSession {
  readonly terminal: GuestTerminal;
  /** It was left, or ended. */
  readonly over = signal(false);
  private readonly decoder = new TextDecoder();
  private readonly encoder = new TextEncoder();
  private port: MessagePort | undefined;
  private started = false;
  private readonly typing: boolean;
  /** Typed before anybody listened. */
  private early = '';

  /** `typing`: it gets the keyboard when it opens. */
  constructor(typing: boolean) {
    this.typing = typing;
    this.terminal = new GuestTerminal(
      pageWords().shell.name,
      bytes => this.type(this.decoder.decode(bytes, { stream: true })),
      why => reportProblem(pageWords().shell.name, why),
    );
    // Who logs in says how large the terminal is.
    this.terminal.load();
  }

  /** The terminal has this size; the first one starts the login. */
  sized(columns: number, rows: number): void {
    if (this.started) return this.send({ columns, rows });
    this.started = true;
    if (this.typing) this.terminal.focus();
    this.print(words.loading);
    host.shell({ columns, rows }).then(
      port => this.open(port, columns, rows),
      error => this.end(words.failed(sentence(error))),
    );
  }

  /** Domain 0 is gone, or the login failed. */
  end(why: string): void {
    if (this.over.peek()) return;
    this.print(`${why}\r\n`);
    this.close();
  }

  private open(port: MessagePort, columns: number, rows: number): void {
    this.port = port;
    // The text there says that it loads.
    this.print('\x1b[2K\r');
    port.onmessage = ({ data }: MessageEvent<ShellOutput>) => {
      if ('text' in data) this.print(data.text);
      else this.close();
    };
    const { size } = this.terminal;
    if (size && (size.columns !== columns || size.rows !== rows)) this.send(size);
    if (this.early !== '') this.send({ typed: this.early });
    void learnState();
  }

  private close(): void {
    this.over.value = true;
    this.port?.close();
    this.port = undefined;
    // Another tab may have taken them.
    if (state.peek()) void learnState();
  }

  private type(typed: string): void {
    if (this.port) this.send({ typed });
    else this.early += typed;
  }

  private send(message: ShellInput): void {
    this.port?.postMessage(message);
  }

  private print(text: string): void {
    this.terminal.write(this.encoder.encode(text));
  }
}

/** The one that the page shows. */
export const shell = signal<ShellSession | undefined>(undefined);
/** Where its files and volumes are, once a shell was opened. */
export const state = signal<StateInfo | undefined>(undefined);
/** What was found out about them when the page was opened, where another tab has them: nothing was opened for that. */
export const foundElsewhere = signal<StateInfo | undefined>(undefined);
/** Files and volumes, while another tab has them. */
export const elsewhere = computed(() => {
  const known = state.value ?? foundElsewhere.value;
  return known?.heldElsewhere ? known : undefined;
});
/** Another tab is asked for them. */
export const takingOver = signal(false);
/** Why it did not give them up. */
export const takeOverProblem = signal<string | undefined>(undefined);

/** `typing`: it gets the keyboard. */
export function newShell(typing = false): void {
  shell.peek()?.terminal.dispose();
  shell.value = new ShellSession(typing);
}

/** Finds out where files and volumes are, which opens them. */
export async function learnState(): Promise<void> {
  noteState(await host.state().catch(() => undefined));
}

/** Whether the browser keeps what is stored when it needs room elsewhere; undefined: it has not said. */
export const persists = signal<boolean | undefined>(undefined);

/** Asks it. Some then ask people, who may say no. */
export async function askToPersist(): Promise<void> {
  persists.value = await navigator.storage?.persist?.().catch(() => false);
}

/** They are there now. */
export function noteState(known: StateInfo | undefined): void {
  const before = state.peek();
  // Each look at the host says it; what is as it was changes nothing on the page.
  if (JSON.stringify(before) === JSON.stringify(known)) return;
  state.value = known;
  if (known?.kept && !before?.kept) void askToPersist();
}

/** Asks the tab that has files and volumes for them, and logs in again. */
export async function takeOver(): Promise<void> {
  if (takingOver.peek()) return;
  takingOver.value = true;
  takeOverProblem.value = undefined;
  try {
    noteState(await host.takeOver());
    if (shell.peek()) newShell(true);
  } catch (error) {
    takeOverProblem.value = sentence(error);
  } finally {
    takingOver.value = false;
  }
}

hostsLost.subscribe(lost => {
  if (lost > 0) shell.peek()?.end(pageWords().shell.hostEnded);
});
