/** Lines that sed reads, of one file after the other, and what it writes. Source: the manual of GNU sed 4.9, and what it does where the manual is silent. */
import type { ResolvedCommandContext } from 'just-bash/browser';
import { PATHS } from '../rewriting.ts';
import { bytesOf } from './options.ts';
import { PANIC, SedError } from './sed-script.ts';
import { textOfBytes } from './stray-bytes.ts';

/** Most characters that go to standard output, into a file, or are in one space. */
export const MOST_CHARACTERS = 1 << 24;

/** Where lines are written. */
export class Output {
  private readonly pieces: string[];
  private length = 0;
  private lacksEnd = false;
  private readonly delimiter: string;

  /** `other` is written to, too: a line of its that has no end stays as it is. */
  constructor(delimiter: string, other?: Output) {
    this.delimiter = delimiter;
    this.pieces = other?.pieces ?? [];
  }

  get text(): string {
    return this.pieces.join('');
  }

  /** Text as it is; a line before it that had no end gets one. */
  put(text: string): void {
    this.end();
    this.add(text);
  }
  /** A line; the last one of a file may have no end. */
  line(text: string, hasEnd: boolean): void {
    this.put(hasEnd ? text + this.delimiter : text);
    this.lacksEnd = !hasEnd;
  }
  private end(): void {
    if (this.lacksEnd) this.add(this.delimiter);
    this.lacksEnd = false;
  }
  private add(text: string): void {
    this.length += text.length;
    if (this.length > MOST_CHARACTERS)
      throw new SedError(`sed: more than ${MOST_CHARACTERS >> 20} MiB are not written here`, PANIC);
    this.pieces.push(text);
  }
}

interface Opened {
  name: string;
  records: readonly string[];
  at: number;
  /** The last record has an end. */
  isWhole: boolean;
}

/** A file's lines. */
export function recordsIn(text: string, delimiter: string): { records: string[]; isWhole: boolean } {
  const records = text.split(delimiter);
  const isWhole = records.at(-1) === '';
  if (isWhole) records.pop();
  return { records, isWhole };
}

export class Input {
  /** Of the line that was read last. */
  line = 0;
  /** Files that could not be read. */
  stderr = '';
  private readonly paths: string[];
  private readonly context: ResolvedCommandContext;
  private readonly delimiter: string;
  private readonly isSeparate: boolean;
  /** Called between two files, where each is one of its own. */
  private readonly turned: (from: string | undefined, to: string | undefined) => Promise<void>;
  private readonly written: ReadonlyMap<string, Output>;
  private readonly isInPlace: boolean;
  private opened: Opened | undefined;
  private isStdinRead = false;

  constructor(
    paths: readonly string[],
    context: ResolvedCommandContext,
    how: {
      delimiter: string;
      isSeparate: boolean;
      isInPlace: boolean;
      written: ReadonlyMap<string, Output>;
      turned(from: string | undefined, to: string | undefined): Promise<void>;
    },
  ) {
    this.paths = [...paths];
    this.context = context;
    this.delimiter = how.delimiter;
    this.isSeparate = how.isSeparate;
    this.isInPlace = how.isInPlace;
    this.written = how.written;
    this.turned = how.turned;
  }

  /** `-`: standard input. */
  get name(): string {
    return this.opened?.name ?? '-';
  }

  /** What a file holds now, also where a script writes it; undefined: there is no such file. */
  async content(path: string): Promise<string | undefined> {
    const { fs, cwd, stdin } = this.context;
    if (PATHS.stdin.some(each => each === path)) {
      const text = this.isStdinRead ? '' : textOfBytes(bytesOf(stdin));
      this.isStdinRead = true;
      return text;
    }
    const whole = fs.resolvePath(cwd, path);
    const output = this.written.get(whole);
    if (output) return output.text;
    const bytes = await fs.readFileBuffer(whole).catch(() => undefined);
    return bytes && textOfBytes(bytes);
  }

  /** The next line; undefined: there is none. */
  async read(): Promise<{ text: string; hasEnd: boolean } | undefined> {
    while (!this.opened || this.opened.at >= this.opened.records.length) {
      const from = this.opened?.name;
      const next = await this.open();
      if (this.isSeparate && (from !== undefined || next)) {
        await this.turned(from, next?.name);
        this.line = 0;
      }
      if (!next) {
        this.opened = undefined;
        return undefined;
      }
      this.opened = next;
    }
    const { opened } = this;
    const text = opened.records[opened.at++];
    this.line++;
    return { text, hasEnd: opened.isWhole || opened.at < opened.records.length };
  }

  /** Whether there is no line behind the one that was read last: of this file, where each is one of its own. */
  async isLast(): Promise<boolean> {
    const { opened } = this;
    if (opened && opened.at < opened.records.length) return false;
    if (this.isSeparate) return true;
    for (let next = this.ahead ?? (await this.open()); next; next = await this.open()) {
      this.ahead = next;
      if (next.records.length > 0) return false;
      this.ahead = undefined;
    }
    return true;
  }
  private ahead: Opened | undefined;

  private async open(): Promise<Opened | undefined> {
    const { ahead } = this;
    this.ahead = undefined;
    if (ahead) return ahead;
    for (let path = this.paths.shift(); path !== undefined; path = this.paths.shift()) {
      const isStdin = path === '-' && !this.isInPlace;
      const { fs, cwd } = this.context;
      const stat = isStdin ? undefined : await fs.stat(fs.resolvePath(cwd, path)).catch(() => undefined);
      if (stat?.isDirectory)
        throw new SedError(
          this.isInPlace
            ? `sed: couldn't edit ${path}: not a regular file`
            : `sed: read error on ${path}: Is a directory`,
          PANIC,
        );
      const text = await this.content(isStdin ? PATHS.stdin[0] : path);
      if (text !== undefined) return { name: path, at: 0, ...recordsIn(text, this.delimiter) };
      this.stderr += `sed: can't read ${path}: No such file or directory\n`;
    }
    return undefined;
  }
}
