/** A boot menu as a text screen of 80 columns and 25 rows, as GRUB draws it in VGA text mode. */
import type { BootMenu } from './boot-menu.ts';
import type { TextEditor } from './text-editor.ts';

export const MENU_COLUMNS = 80,
  MENU_ROWS = 25;

export interface MenuScreen {
  /** MENU_ROWS rows of MENU_COLUMNS characters. */
  rows: string[];
  /** A part of a row in reverse: from a column up to another. */
  reverse?: { row: number; from: number; to: number };
  cursor?: { row: number; column: number };
}

/** Of the box, without its frame. */
const BOX_TOP = 3,
  BOX_ROWS = 13,
  BOX_LEFT = 2,
  BOX_COLUMNS = 76;

export function drawMenu(menu: BootMenu, title: string): MenuScreen {
  const rows = Array.from({ length: MENU_ROWS }, () => '');
  const { mode, secondsLeft } = menu;
  if (mode.kind === 'hidden')
    return {
      rows: rows.map((_, row) =>
        pad(row === 0 && secondsLeft !== undefined ? ` ${secondsLeft}s: any key shows the menu.` : ''),
      ),
    };
  if (mode.kind === 'message') {
    const lines = [...mode.lines.flatMap(line => wrap(line)), '', 'Press any key to continue...'];
    return { rows: rows.map((_, row) => pad(lines.slice(-MENU_ROWS)[row] ?? '')) };
  }
  rows[1] = centred(title);
  if (mode.kind === 'console') {
    const typed = wrap(`grub> ${mode.editor.line} `);
    const shown = [...mode.shown.flatMap(line => wrap(line)), ...typed].slice(-(MENU_ROWS - 4));
    shown.forEach((line, i) => {
      rows[3 + i] = ` ${line}`;
    });
    const at = 6 + mode.editor.column;
    return {
      rows: rows.map(pad),
      cursor: { row: 3 + shown.length - typed.length + Math.floor(at / WIDTH), column: 1 + (at % WIDTH) },
    };
  }
  rows[BOX_TOP - 1] = ` ┌${'─'.repeat(BOX_COLUMNS)}┐`;
  rows[BOX_TOP + BOX_ROWS] = ` └${'─'.repeat(BOX_COLUMNS)}┘`;
  const help = BOX_TOP + BOX_ROWS + 2;
  if (mode.kind === 'edit') {
    [
      `Minimum Emacs-like screen editing is supported.`,
      'Press Ctrl-x or F10 to boot, Ctrl-c or F2 for a command-line or ESC to',
      'discard edits and return to the menu. The file on the disk stays as it is.',
    ].forEach((line, i) => {
      rows[help + i] = `      ${line}`;
    });
    const { lines, cursor } = editorRows(mode.editor);
    lines.forEach((line, i) => {
      rows[BOX_TOP + i] = ` │${line.padEnd(BOX_COLUMNS)}│`;
    });
    return { rows: rows.map(pad), cursor };
  }
  const first = Math.max(0, menu.selectedIndex - BOX_ROWS + 1);
  for (let i = 0; i < BOX_ROWS; i++) {
    const entry = menu.entries[first + i];
    const mark = first + i === menu.selectedIndex ? '*' : ' ';
    // An arrow where more is above or below.
    const more = i === 0 && first > 0 ? '↑' : i === BOX_ROWS - 1 && first + BOX_ROWS < menu.entries.length ? '↓' : ' ';
    const text = entry ? `${mark}${clean(entry.title)}${entry.kind === 'submenu' ? ' >' : ''}` : '';
    rows[BOX_TOP + i] = ` │${cut(text, BOX_COLUMNS - 1).padEnd(BOX_COLUMNS - 1)}${more}│`;
  }
  const words = [
    'Use the ↑ and ↓ keys to select which entry is highlighted.',
    "Press enter to boot the selected entry, `e' to edit the commands before",
    `booting or \`c' for a command-line.${menu.isBelow ? ' ESC returns to the menu above.' : ''}`,
  ];
  words.forEach((line, i) => {
    rows[help + i] = `      ${line}`;
  });
  if (menu.entries.length === 0) rows[help] = '      There are no entries: c opens the command-line.';
  if (secondsLeft !== undefined)
    rows[help + 4] = `   The highlighted entry will be executed automatically in ${secondsLeft}s.`;
  const row = BOX_TOP + menu.selectedIndex - first;
  return {
    rows: rows.map(pad),
    ...(menu.entries.length > 0 ? { reverse: { row, from: BOX_LEFT, to: BOX_LEFT + BOX_COLUMNS } } : {}),
  };
}

/** The screen as control sequences of a terminal (ECMA-48): light grey on black, from its first row. */
export function menuSequences({ rows, reverse, cursor }: MenuScreen): string {
  const text = rows.map((row, i) => {
    const shown =
      reverse?.row === i
        ? `${row.slice(0, reverse.from)}\x1b[7m${row.slice(reverse.from, reverse.to)}\x1b[27m${row.slice(reverse.to)}`
        : row;
    return `\x1b[${i + 1};1H${shown}`;
  });
  const place = cursor ? `\x1b[${cursor.row + 1};${cursor.column + 1}H\x1b[?25h` : '\x1b[?25l';
  return `\x1b[0;37;40m${text.join('')}${place}`;
}

/** Long lines of the editor are cut by rows that end with a backslash. */
function editorRows(editor: TextEditor): { lines: string[]; cursor: { row: number; column: number } } {
  const width = BOX_COLUMNS - 1;
  const rows: string[] = [];
  let cursorRow = 0;
  editor.lines.forEach((line, i) => {
    if (i === editor.row) cursorRow = rows.length + Math.floor(editor.column / width);
    const parts = clean(line).match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''];
    if (i === editor.row && editor.column === parts.length * width) parts.push('');
    parts.forEach((part, at) => rows.push(at < parts.length - 1 ? `${part.padEnd(width)}\\` : part));
  });
  const first = Math.max(0, cursorRow - BOX_ROWS + 1);
  return {
    lines: rows.slice(first, first + BOX_ROWS),
    cursor: { row: BOX_TOP + cursorRow - first, column: BOX_LEFT + (editor.column % width) },
  };
}

const WIDTH = MENU_COLUMNS - 2;
/** A file's text reaches the screen as cells only. */
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
const pad = (row: string): string => cut(clean(row), MENU_COLUMNS).padEnd(MENU_COLUMNS);
const centred = (text: string): string => ' '.repeat(Math.max(0, (MENU_COLUMNS - text.length) >> 1)) + text;
const wrap = (line: string): string[] => clean(line).match(new RegExp(`.{1,${WIDTH}}`, 'gu')) ?? [''];
