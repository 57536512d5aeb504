/** What is typed at a guest from outside: keys of its keyboard, and Linux's magic SysRq. */
import { sendSysrq } from '../requests.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { nearest } from '../../definitions/config/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords, WrongUse, wholeNumber } from './words.ts';

export const sysrq = command({
  summary: 'Send a sysrq to a domain',
  usage: '<Domain> <letter>',
  modifies: true,
  /** The guest's driver reads the letter in its store. */
  run: (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number, letter: string): Promise<void> => {
    const { name } = host.domains.living(id);
    return host.tasks.run(
      commandOf('sysrq', name, { letter }),
      async () => sendSysrq(host.toolstack, host.domains.living(id), letter),
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('sysrq', rest, 2);
    const id = findDomain(host, rest[0]);
    if ([...rest[1]].length !== 1) throw new WrongUse('Invalid sysrq.');
    await run(id, rest[1]);
    return '';
  },
});

/** Linux's names of keys (input-event-codes.h) that are not a letter's, a digit's or an F key's, and KeyboardEvent.code for each. */
const NAMED: Record<string, string> = {
  KEY_ESC: 'Escape',
  KEY_MINUS: 'Minus',
  KEY_EQUAL: 'Equal',
  KEY_BACKSPACE: 'Backspace',
  KEY_TAB: 'Tab',
  KEY_LEFTBRACE: 'BracketLeft',
  KEY_RIGHTBRACE: 'BracketRight',
  KEY_ENTER: 'Enter',
  KEY_LEFTCTRL: 'ControlLeft',
  KEY_RIGHTCTRL: 'ControlRight',
  KEY_LEFTSHIFT: 'ShiftLeft',
  KEY_RIGHTSHIFT: 'ShiftRight',
  KEY_LEFTALT: 'AltLeft',
  KEY_RIGHTALT: 'AltRight',
  KEY_LEFTMETA: 'MetaLeft',
  KEY_RIGHTMETA: 'MetaRight',
  KEY_COMPOSE: 'ContextMenu',
  KEY_SEMICOLON: 'Semicolon',
  KEY_APOSTROPHE: 'Quote',
  KEY_GRAVE: 'Backquote',
  KEY_BACKSLASH: 'Backslash',
  KEY_102ND: 'IntlBackslash',
  KEY_COMMA: 'Comma',
  KEY_DOT: 'Period',
  KEY_SLASH: 'Slash',
  KEY_SPACE: 'Space',
  KEY_CAPSLOCK: 'CapsLock',
  KEY_NUMLOCK: 'NumLock',
  KEY_SCROLLLOCK: 'ScrollLock',
  KEY_SYSRQ: 'PrintScreen',
  KEY_PAUSE: 'Pause',
  KEY_INSERT: 'Insert',
  KEY_DELETE: 'Delete',
  KEY_HOME: 'Home',
  KEY_END: 'End',
  KEY_PAGEUP: 'PageUp',
  KEY_PAGEDOWN: 'PageDown',
  KEY_UP: 'ArrowUp',
  KEY_DOWN: 'ArrowDown',
  KEY_LEFT: 'ArrowLeft',
  KEY_RIGHT: 'ArrowRight',
  KEY_KPENTER: 'NumpadEnter',
  KEY_KPPLUS: 'NumpadAdd',
  KEY_KPMINUS: 'NumpadSubtract',
  KEY_KPASTERISK: 'NumpadMultiply',
  KEY_KPSLASH: 'NumpadDivide',
  KEY_KPDOT: 'NumpadDecimal',
};

/** KeyboardEvent.code for a name of Linux's (KEY_LEFTCTRL), or the code itself (ControlLeft); undefined: there is no such key. */
export function keyCode(name: string): string | undefined {
  const [, letter, digit, pad, f] = /^KEY_(?:([A-Z])|(\d)|KP(\d)|(F(?:\d|1[0-2])))$/.exec(name) ?? [];
  if (letter) return `Key${letter}`;
  if (digit) return `Digit${digit}`;
  if (pad) return `Numpad${pad}`;
  if (f) return f;
  if (Object.hasOwn(NAMED, name)) return NAMED[name];
  return /^(Key[A-Z]|Digit\d|Numpad\d|F(\d|1[0-2]))$/.test(name) || Object.values(NAMED).includes(name)
    ? name
    : undefined;
}

/** Linux's name of a key that KeyboardEvent.code names: as `keyCode` reads it back. */
function keyName(code: string): string {
  const [, letter, digit, pad, f] = /^(?:Key([A-Z])|Digit(\d)|Numpad(\d)|(F\d+))$/.exec(code) ?? [];
  const plain = letter ?? digit ?? (pad === undefined ? f : `KP${pad}`);
  return plain === undefined ? (Object.keys(NAMED).find(name => NAMED[name] === code) ?? code) : `KEY_${plain}`;
}

/** How long keys are held where nothing is said (virsh send-key). */
const HOLD_MS = 50;
const MOST_KEYS = 16,
  MOST_HOLD_MS = 10_000;

export const sendKey = command({
  summary: 'Press several keys of the keyboard of a domain together',
  usage: '[--holdtime ms] <Domain> <Key>...',
  options: [['--holdtime MS', 'How long they are held down (50 ms)']],
  modifies: true,
  /** `codes`: KeyboardEvent.code of each; they go down in this order, and up in the opposite one. */
  run: (host: CommandHost, id: number, codes: readonly string[], holdMs: number = HOLD_MS): Promise<void> => {
    const member = host.domains.living(id);
    const command = commandOf('send-key', member.name, {
      keys: codes.map(keyName),
      ...(holdMs === HOLD_MS ? {} : { holdMs }),
    });
    return host.tasks.run(command, async () => {
      for (const code of codes) host.toolstack.inputs.key(member, code, true);
      await new Promise<void>(resolve => void host.clock.later(holdMs, resolve));
      for (const code of [...codes].reverse()) host.toolstack.inputs.key(member, code, false);
    });
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { values: 't', long: { holdtime: 't' } });
    atLeast('send-key', rest, 2);
    const [domain, ...names] = rest;
    const id = findDomain(host, domain);
    if (names.length > MOST_KEYS) throw new Refusal(`At most ${MOST_KEYS} keys are pressed together.`);
    const codes = names.map(name => {
      const code = keyCode(name);
      const near = code === undefined ? nearest(name, Object.keys(NAMED)) : undefined;
      if (code === undefined)
        throw new Refusal(
          `invalid keycode: '${name}'.${near ? ` Did you mean ${near}?` : ' Keys are named as Linux does: KEY_A, KEY_F1, KEY_LEFTCTRL.'}`,
        );
      return code;
    });
    const holdMs = options.has('t') ? wholeNumber(options.get('t')!, 'hold time') : undefined;
    if (holdMs !== undefined && holdMs > MOST_HOLD_MS)
      throw new Refusal(`Keys are held for at most ${MOST_HOLD_MS} ms.`);
    await run(id, codes, holdMs);
    return '';
  },
});
