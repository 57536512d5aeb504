// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { bytes, GuestTerminal } from './terminal.ts';
import { fontSizeFor } from './xterm.ts';

/** Nothing fails to load here. */
const onFailure = (why: string): void => {
  throw new Error(why);
};
const encode = (text: string) => new TextEncoder().encode(text);
const until = async (what: () => boolean) => {
  for (let i = 0; i < 500 && !what(); i++) await new Promise(resolve => setTimeout(resolve, 10));
};
/** Once xterm is there. */
const shown = async (terminal: GuestTerminal, text: string) => {
  terminal.load();
  await until(() => terminal.size !== undefined);
  terminal.write(encode(text));
  await until(() => terminal.lines().some(line => line.includes('end')));
  return terminal.lines();
};

describe('before xterm is there', () => {
  it('shows what the guest says as text, takes keys, and hands all of it on', async () => {
    const typed: string[] = [];
    const terminal = new GuestTerminal('test', input => typed.push(new TextDecoder().decode(input)), onFailure);
    expect(terminal.size).toBeUndefined();
    terminal.write(encode('loading 10 %\rloading 20 %\r\n\x1b]0;evil\x07pl\x1b[1main\r\n'));
    terminal.write(encode('login: '));
    const text = terminal.element.querySelector('pre')!;
    expect(terminal.lines()).toEqual(['loading 20 %', 'plain', 'login:']);
    expect(text.textContent).toBe(terminal.lines().join('\n'));
    for (const key of ['r', 'Enter', 'ArrowUp', 'F5']) text.dispatchEvent(new KeyboardEvent('keydown', { key }));
    text.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }));
    expect(typed).toEqual(['r', '\r', '\x1b[A']);
    expect((await shown(terminal, 'end')).slice(0, 3)).toEqual(['loading 20 %', 'plain', 'login: end']);
    terminal.dispose();
  });
});

describe('a guest on its serial line', () => {
  it('writes cells and nothing else: titles, links, clipboard, colours and notices are swallowed', async () => {
    document.title = 'Ringside';
    const answers: string[] = [];
    const terminal = new GuestTerminal('test', input => answers.push(new TextDecoder().decode(input)), onFailure);
    const sequences = [
      '0;evil',
      '2;evil',
      '8;;https://example.org/',
      '52;c;ZXZpbA==',
      '52;c;?',
      '4;1;?',
      '10;?',
      '11;?',
      '9;notice',
      '777;notify;evil;evil',
      '1337;File=:ZXZpbA==',
    ];
    const lines = await shown(
      terminal,
      `${sequences.map(body => `\x1b]${body}\x07`).join('')}plain \x1b[1mtext\x1b[0m end`,
    );
    expect(lines[0]).toBe('plain text end');
    expect(document.title).toBe('Ringside');
    expect(answers).toEqual([]);
    terminal.dispose();
  });

  it('keeps the order of many small messages and counts them', async () => {
    const terminal = new GuestTerminal('test', () => {}, onFailure);
    for (const word of ['one ', 'two ', 'three ']) terminal.write(encode(word));
    expect((await shown(terminal, 'end'))[0]).toBe('one two three end');
    expect(terminal.received).toBe('one two three end'.length);
    terminal.dispose();
  });

  it('drops the oldest of more output than a page can show, and says how much', async () => {
    const terminal = new GuestTerminal('test', () => {}, onFailure);
    for (let i = 0; i < 80; i++) terminal.write(new Uint8Array(64 * 1024).fill(46));
    const lines = await shown(terminal, '\r\nend');
    expect(lines.at(-1) === 'end' || lines.includes('end')).toBe(true);
    terminal.dispose();
  });
});

describe('sizes', () => {
  it('are in the units that the rest of the page uses', () => {
    expect([512, 2048, 138_712, 5_707_712].map(bytes)).toEqual(['512 B', '2.0 KiB', '135 KiB', '5.4 MiB']);
  });
});

it('has type for 80 columns, which a guest on a serial line counts on, in every window from 480 columns of one-pixel type on', () => {
  // In columns of one-pixel type: a letter is as wide as a part of its size.
  expect([2000, 1000, 960, 900, 792, 608, 500, 300].map(fontSizeFor)).toEqual([13, 12.5, 12, 11, 9.5, 7.5, 6, 6]);
  for (let room = 480; room < 1200; room++) expect(Math.floor(room / fontSizeFor(room))).toBeGreaterThanOrEqual(80);
});
