/** Lines under a cursor, with the keys that GRUB's editor has (those of Emacs). */
export class TextEditor {
  readonly lines: string[];
  row = 0;
  column = 0;
  private readonly oneLine: boolean;

  /** `oneLine`: there is one, and Enter is not its. */
  constructor(lines: readonly string[], oneLine = false) {
    this.lines = lines.length > 0 ? [...lines] : [''];
    this.oneLine = oneLine;
    if (oneLine) this.column = this.line.length;
  }

  get line(): string {
    return this.lines[this.row]!;
  }

  type(text: string): void {
    this.replace(this.line.slice(0, this.column) + text + this.line.slice(this.column));
    this.column += text.length;
  }

  /** False: the key is none of its. */
  key(key: string): boolean {
    const action = KEYS[key];
    if (!action || (this.oneLine && key === 'enter')) return false;
    action(this);
    return true;
  }

  private replace(line: string): void {
    this.lines[this.row] = line;
  }

  move(rows: number, columns: number): void {
    if (columns < 0 && this.column === 0 && this.row > 0) {
      this.row--;
      this.column = this.line.length;
    } else if (columns > 0 && this.column === this.line.length && this.row < this.lines.length - 1) {
      this.row++;
      this.column = 0;
    } else {
      this.row = Math.min(this.lines.length - 1, Math.max(0, this.row + rows));
      this.column = Math.min(this.line.length, Math.max(0, this.column + columns));
    }
  }

  moveTo(column: number): void {
    this.column = Math.min(this.line.length, column);
  }

  split(): void {
    const rest = this.line.slice(this.column);
    this.replace(this.line.slice(0, this.column));
    this.lines.splice(++this.row, 0, rest);
    this.column = 0;
  }

  /** What is under the cursor; at the end of a line that end. */
  remove(): void {
    if (this.column < this.line.length)
      this.replace(this.line.slice(0, this.column) + this.line.slice(this.column + 1));
    else if (this.row < this.lines.length - 1) this.replace(this.line + this.lines.splice(this.row + 1, 1)[0]!);
  }

  removeBefore(): void {
    if (this.row === 0 && this.column === 0) return;
    this.move(0, -1);
    this.remove();
  }

  cut(from: number, to = this.line.length): void {
    this.replace(this.line.slice(0, from) + this.line.slice(to));
    this.column = from;
  }
}

const KEYS: Record<string, (editor: TextEditor) => void> = {
  left: editor => editor.move(0, -1),
  right: editor => editor.move(0, 1),
  up: editor => editor.move(-1, 0),
  down: editor => editor.move(1, 0),
  home: editor => editor.moveTo(0),
  end: editor => editor.moveTo(Infinity),
  enter: editor => editor.split(),
  backspace: editor => editor.removeBefore(),
  delete: editor => editor.remove(),
  'ctrl-k': editor => editor.cut(editor.column),
  'ctrl-u': editor => editor.cut(0, editor.column),
};
for (const [letter, name] of [
  ['b', 'left'],
  ['f', 'right'],
  ['p', 'up'],
  ['n', 'down'],
  ['a', 'home'],
  ['e', 'end'],
  ['d', 'delete'],
  ['h', 'backspace'],
])
  KEYS[`ctrl-${letter}`] = KEYS[name!]!;
