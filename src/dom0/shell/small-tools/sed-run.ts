/** A script of sed on its lines. Source: the manual of GNU sed 4.9, and what it does where the manual is silent. */
import type { ResolvedCommandContext } from 'just-bash/browser';
import { isPipe } from '../pipes.ts';
import type { Expression, Match } from './posix-match.ts';
import { PatternError } from './posix-syntax.ts';
import { Input, MOST_CHARACTERS, Output, recordsIn } from './sed-input.ts';
import {
  type Address,
  type Command,
  PANIC,
  type Part,
  type Script,
  SedError,
  type Substitution,
} from './sed-script.ts';
import { bytesOfText } from './stray-bytes.ts';

export interface How {
  isQuiet: boolean;
  isSeparate: boolean;
  isInPlace: boolean;
  delimiter: string;
  /** Most characters of a line that `l` writes, with the backslash; 0: any. */
  lineLength: number;
  /** A file becomes what was written, where each is edited in its place. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
}

interface Space {
  text: string;
  /** Its line had an end. */
  hasEnd: boolean;
}
/** `on` until the line `end`, where that is one. */
interface Range {
  state: 'off' | 'on' | 'closed';
  end: number;
}
const INITIAL = (command: Command): Range => ({
  state: command.from?.kind === 'line' && command.from.line === 0 ? 'on' : 'off',
  end: 0,
});

/** Commands, after which others have their turn, and Ctrl + C is seen. */
const STEPS_A_TURN = 4096;
const INTERRUPTED = 130;
/** A file could not be read. */
const UNREAD = 2;
const ESCAPED: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

export class Run {
  readonly stdout: Output;
  readonly stderr: Output;
  /** `w /dev/stdout`. */
  private readonly alsoStdout: Output;
  readonly input: Input;
  private readonly commands: readonly Command[];
  private readonly context: ResolvedCommandContext;
  private readonly how: How;
  private readonly files = new Map<string, Output>();
  private readonly lines = new Map<string, { records: string[]; isWhole: boolean }>();
  private ranges: Range[];
  private main: Output;
  private space: Space = { text: '', hasEnd: true };
  private hold: Space = { text: '', hasEnd: true };
  private hasReplaced = false;
  /** What is written once a line is done, or the next is read. */
  private appended: (() => Promise<void>)[] = [];
  private last: Expression | undefined;
  private steps = 0;

  constructor(script: Script, paths: readonly string[], context: ResolvedCommandContext, how: How) {
    this.commands = script.commands;
    this.context = context;
    this.how = { ...how, isQuiet: how.isQuiet || script.isQuiet };
    this.stdout = new Output(how.delimiter);
    this.stderr = new Output(how.delimiter);
    this.alsoStdout = new Output(how.delimiter, this.stdout);
    this.main = this.stdout;
    this.ranges = this.commands.map(INITIAL);
    this.input = new Input(paths, context, { ...how, written: this.files, turned: this.turned.bind(this) });
  }

  /** The status. @throws SedError */
  async run(): Promise<number> {
    for (const { file, name, substitution } of this.commands) {
      if (name === 'w' || name === 'W') await this.openFile(file!);
      if (substitution?.file !== undefined) await this.openFile(substitution.file);
    }
    try {
      for (;;) {
        const next = await this.next();
        if (!next) break;
        this.space = next;
        const status = await this.cycles();
        if (status !== undefined) {
          if (this.how.isInPlace) await this.turned(this.input.name, undefined);
          return this.status || status;
        }
      }
      return this.status;
    } catch (error) {
      if (error instanceof PatternError) throw new SedError(`sed: ${error.message}`, PANIC);
      throw error;
    } finally {
      const { fs } = this.context;
      for (const [path, output] of this.files)
        if (output.text !== '') await fs.writeFile(path, bytesOfText(output.text));
    }
  }

  /** Where it ends by itself. */
  private get status(): number {
    return this.input.stderr === '' ? 0 : UNREAD;
  }

  private async openFile(path: string): Promise<void> {
    if (path === '/dev/stdout' || path === '/dev/stderr') return;
    const { fs, cwd } = this.context;
    const whole = fs.resolvePath(cwd, path);
    if (this.files.has(whole)) return;
    const isThere = isPipe(whole) || (await fs.exists(whole.slice(0, whole.lastIndexOf('/')) || '/'));
    const isFolder = (await fs.stat(whole).catch(() => undefined))?.isDirectory === true;
    if (!isThere || isFolder)
      throw new SedError(
        `sed: couldn't open file ${path}: ${isFolder ? 'Is a directory' : 'No such file or directory'}`,
        PANIC,
      );
    await fs.writeFile(whole, '');
    this.files.set(whole, new Output(this.how.delimiter));
  }

  private fileOf(path: string): Output {
    if (path === '/dev/stdout') return this.alsoStdout;
    if (path === '/dev/stderr') return this.stderr;
    return this.files.get(this.context.fs.resolvePath(this.context.cwd, path))!;
  }

  /** One file is done, and the next begins. */
  private async turned(from: string | undefined, to: string | undefined): Promise<void> {
    this.ranges = this.commands.map(INITIAL);
    this.hold = { text: '', hasEnd: true };
    this.lines.clear();
    if (!this.how.isInPlace) return;
    if (from !== undefined) await this.how.replace(from, bytesOfText(this.main.text));
    this.main = to === undefined ? this.stdout : new Output(this.how.delimiter);
  }

  /** The next line, in place of the last. */
  private async next(): Promise<Space | undefined> {
    await this.append();
    this.hasReplaced = false;
    return this.input.read();
  }

  private async append(): Promise<void> {
    const { appended } = this;
    this.appended = [];
    for (const write of appended) await write();
  }

  private print(): void {
    if (!this.how.isQuiet) this.main.line(this.space.text, this.space.hasEnd);
  }

  /** The script on one line, again where D says so; a status: it quits. */
  private async cycles(): Promise<number | undefined> {
    for (;;) {
      const end = await this.cycle();
      if (end !== 'again') return end;
      await this.append();
    }
  }

  private async cycle(): Promise<number | 'again' | undefined> {
    const { commands } = this;
    for (let at = 0; at < commands.length; ) {
      if (++this.steps % STEPS_A_TURN === 0) await this.turn();
      const command = commands[at++];
      if ((await this.selects(command, at - 1)) === command.isNegated) {
        if (command.name === '{') at = command.target!;
        continue;
      }
      switch (command.name) {
        case 'b':
          at = command.target!;
          break;
        case 't':
        case 'T':
          if (this.hasReplaced === (command.name === 't')) at = command.target!;
          this.hasReplaced = false;
          break;
        case 'd':
          return undefined;
        case 'D': {
          const end = this.space.text.indexOf(this.how.delimiter);
          if (end < 0) return undefined;
          this.space.text = this.space.text.slice(end + 1);
          return 'again';
        }
        case 'c':
          if (!command.to || this.ranges[at - 1].state !== 'on') this.insert(command.text);
          return undefined;
        case 'n':
        case 'N':
          if (!(await this.more(command.name))) return undefined;
          break;
        case 'q':
          this.print();
          this.main.put('');
          await this.append();
          return command.number;
        case 'Q':
          return command.number;
        default:
          await this.edit(command);
      }
    }
    this.print();
    return undefined;
  }

  private async turn(): Promise<void> {
    await this.context.sleep?.(0);
    if (this.context.signal?.aborted) throw new SedError('', INTERRUPTED);
  }

  /** n and N: false, where there is no next line, and the cycle ends. */
  private async more(name: string): Promise<boolean> {
    if (await this.input.isLast()) {
      this.print();
      return false;
    }
    if (name === 'n') this.print();
    const next = await this.next();
    if (!next) return false;
    this.space =
      name === 'n' ? next : { text: this.fits(this.space.text + this.how.delimiter + next.text), hasEnd: next.hasEnd };
    return true;
  }

  private fits(text: string): string {
    if (text.length > MOST_CHARACTERS)
      throw new SedError(`sed: lines of more than ${MOST_CHARACTERS >> 20} MiB are not offered here`, PANIC);
    return text;
  }

  private async edit(command: Command): Promise<void> {
    const { space, hold, main } = this,
      { delimiter } = this.how;
    const { name, text, file } = command;
    switch (name) {
      case 'a':
        this.appended.push(async () => main.put(text ?? ''));
        return;
      case 'i':
        this.insert(text);
        return;
      case 'g':
        this.space = { ...hold };
        return;
      case 'G':
        this.space = { text: this.fits(space.text + delimiter + hold.text), hasEnd: hold.hasEnd };
        return;
      case 'h':
        this.hold = { ...space };
        return;
      case 'H':
        this.hold = { text: this.fits(hold.text + delimiter + space.text), hasEnd: space.hasEnd };
        return;
      case 'x':
        this.space = hold;
        this.hold = space;
        return;
      case 'z':
        space.text = '';
        return;
      case 'p':
        main.line(space.text, space.hasEnd);
        return;
      case 'P':
        this.first(main);
        return;
      case 'w':
        this.fileOf(file!).line(space.text, space.hasEnd);
        return;
      case 'W':
        this.first(this.fileOf(file!));
        return;
      case '=':
        main.put(this.input.line + delimiter);
        return;
      case 'F':
        main.put(this.input.name + delimiter);
        return;
      case 'l':
        main.put(listed(space.text, command.number ?? this.how.lineLength, delimiter));
        return;
      case 'r':
        this.appended.push(async () => main.put((await this.input.content(file!)) ?? ''));
        return;
      case 'R':
        await this.appendLine(file!);
        return;
      case 'y':
        space.text = Array.from(space.text, character => command.map!.get(character) ?? character).join('');
        return;
      case 's':
        this.substitute(command.substitution!);
    }
  }

  /** i and c: the end of their text is as that of lines. */
  private insert(text: string | undefined): void {
    if (text === undefined) this.main.put('');
    else this.main.put(text.slice(0, -1) + this.how.delimiter);
  }

  /** P and W: the first of a space's lines. */
  private first(output: Output): void {
    const { text, hasEnd } = this.space;
    const end = text.indexOf(this.how.delimiter);
    output.line(end < 0 ? text : text.slice(0, end), end >= 0 || hasEnd);
  }

  /** R: the next line of a file. */
  private async appendLine(path: string): Promise<void> {
    let lines = this.lines.get(path);
    if (!lines) {
      lines = recordsIn((await this.input.content(path)) ?? '', this.how.delimiter);
      this.lines.set(path, lines);
    }
    const line = lines.records.shift();
    if (line === undefined) return;
    const { main } = this,
      hasEnd = lines.isWhole || lines.records.length > 0;
    this.appended.push(async () => main.put(line + (hasEnd ? this.how.delimiter : '')));
  }

  private expression(given: Expression | undefined): Expression {
    this.last = given ?? this.last;
    if (!this.last) throw new SedError('sed: -e expression #1, char 0: no previous regular expression');
    return this.last;
  }

  private substitute({ expression: given, parts, mostGroup, isGlobal, number, prints, file }: Substitution): void {
    const expression = this.expression(given),
      { text } = this.space;
    if (mostGroup > expression.groups)
      throw new SedError(`sed: -e expression #1, char 0: invalid reference \\${mostGroup} on \`s' command's RHS`);
    let found = '',
      from = 0,
      count = 0,
      end = -1,
      isDone = false;
    for (let start = 0; start <= text.length && !isDone; ) {
      const match = expression.match(text, start);
      if (!match) break;
      // An empty match at the end of the one before is none.
      if (match.end > match.start || match.start !== end) {
        count++;
        if (count >= number) {
          found = this.fits(found + text.slice(from, match.start) + replacementOf(parts, match));
          from = match.end;
          isDone = !isGlobal;
        }
      }
      end = match.end;
      start =
        match.end > match.start ? match.end : match.end + String.fromCodePoint(text.codePointAt(match.end) ?? 0).length;
    }
    if (count < number) return;
    this.space.text = found + text.slice(from);
    this.hasReplaced = true;
    if (prints) this.main.line(this.space.text, this.space.hasEnd);
    if (file !== undefined) this.fileOf(file).line(this.space.text, this.space.hasEnd);
  }

  private async at(address: Address): Promise<boolean> {
    const { line } = this.input;
    switch (address.kind) {
      case 'line':
        return line === address.line;
      case 'step':
        return line >= address.first && (line - address.first) % address.step === 0;
      case 'last':
        return this.input.isLast();
      case 'match':
        return this.expression(address.expression).test(this.space.text);
      default:
        return false;
    }
  }

  /** Whether a command's addresses choose the line. */
  private async selects({ from, to }: Command, at: number): Promise<boolean> {
    if (!from) return true;
    if (!to) return this.at(from);
    const range = this.ranges[at],
      { line } = this.input;
    if (range.state === 'on') {
      const isNumber = to.kind !== 'last' && to.kind !== 'match';
      if (isNumber ? line >= range.end : await this.at(to)) range.state = 'closed';
      // Past its end a range still has one line, where no line is named.
      return to.kind !== 'line' || line <= range.end;
    }
    if (from.kind === 'line') {
      // The line may have been read within another's cycle.
      if (range.state === 'closed' || line < from.line) return false;
      if (line > from.line && to.kind === 'line' && line > to.line) return false;
    } else if (!(await this.at(from))) return false;
    range.end = endOf(to, line);
    if (to.kind !== 'last' && to.kind !== 'match' && line >= range.end) {
      range.state = 'closed';
      return true;
    }
    range.state = 'on';
    return true;
  }
}

/** The line up to which a range goes that begins at this one; of other ends it is none. */
function endOf(to: Address, line: number): number {
  switch (to.kind) {
    case 'line':
      return to.line;
    case 'plus':
      return line + to.count;
    case 'multiple':
      return to.of === 0 ? line : line - (line % to.of) + to.of;
    case 'step':
      return Math.max(to.first, line + ((to.first - (line % to.step) + to.step) % to.step));
    default:
      return 0;
  }
}

/** What is put in place of a match. */
function replacementOf(parts: readonly Part[], { groups }: Match): string {
  let text = '',
    all: 'U' | 'L' | 'E' = 'E',
    next: 'u' | 'l' | undefined;
  for (const part of parts) {
    if (typeof part === 'object') {
      if (part.case === 'u' || part.case === 'l') next = part.case;
      else {
        all = part.case;
        if (all === 'E') next = undefined;
      }
      continue;
    }
    let piece = typeof part === 'string' ? part : (groups[part] ?? '');
    if (piece === '') continue;
    if (all !== 'E') piece = cased(piece, all === 'U');
    if (next) {
      const [first] = piece;
      piece = cased(first, next === 'u') + piece.slice(first.length);
      next = undefined;
    }
    text += piece;
  }
  return text;
}
/** Each character by itself, as towupper(3). */
const cased = (text: string, isUpper: boolean): string =>
  Array.from(text, character => {
    const other = isUpper ? character.toUpperCase() : character.toLowerCase();
    return [...other].length === 1 ? other : character;
  }).join('');

/** `l`: a line with every character unambiguous, folded. */
function listed(text: string, length: number, delimiter: string): string {
  let written = '',
    width = 0;
  for (const byte of bytesOfText(text)) {
    const character = String.fromCharCode(byte);
    const shown =
      ESCAPED[character] ?? (byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : character);
    if (length > 0 && width + shown.length > length - 1) {
      written += `\\${delimiter}`;
      width = 0;
    }
    written += shown;
    width += shown.length;
  }
  return `${written}$${delimiter}`;
}
