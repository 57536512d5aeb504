/**
 * What a grub.cfg makes: the entries of a menu, which of them is taken by itself, and when; and what an entry would start. Nothing is executed but
 * assignments and comparisons of strings: functions are not called, and a test of files is false.
 */
import { type GrubProblem, readGrubScript, type Statement, type Word } from './grub-script.ts';

export interface GrubEntry {
  kind: 'menuentry';
  title: string;
  id?: string;
  /** Its commands as they are written, without the indent that all lines have. */
  lines: string[];
}

export interface GrubSubmenu {
  kind: 'submenu';
  title: string;
  id?: string;
  entries: GrubNode[];
}

export type GrubNode = GrubEntry | GrubSubmenu;

export interface GrubConfig {
  entries: GrubNode[];
  /** Seconds until the default is taken; -1: never, 0: at once. */
  timeoutS: number;
  timeoutStyle: 'menu' | 'countdown' | 'hidden';
  /** A number from 0 on, a title or an id, of a submenu's with > between them. */
  default: string;
  variables: ReadonlyMap<string, string>;
  problems: GrubProblem[];
}

/** A program with its words. */
export interface Image {
  path: string;
  /** What follows the path. */
  words: string;
}

/** What an entry would start. */
export interface BootCommands {
  hypervisor?: Image;
  modules: Image[];
  /** A Linux kernel without a hypervisor. */
  linux?: Image;
  /** Its RAM disk. */
  initrd?: Image;
  /** What `echo` shows. */
  messages: string[];
  problems: GrubProblem[];
}

const MOST_ENTRIES = 1000;
/** Characters that all variables of a configuration may represent, and those of one entry: a variable that names itself twice grows without end. */
const MOST_EXPANDED = 2 ** 20,
  MOST_EXPANDED_OF_ENTRY = 2 ** 16;
/** GRUB's: without a number there is no countdown. */
const NO_TIMEOUT = -1;
/** Commands that prepare GRUB itself: there is nothing to prepare here. */
const WITHOUT_EFFECT = new Set(
  `insmod rmmod search load_env save_env load_video gfxmode gfxpayload terminal_input terminal_output loadfont background_image background_color
   color_normal color_highlight export recordfail savedefault play clear true false set echo serial [ test`.split(
    /\s+/,
  ),
);

/** Reads a grub.cfg: what is wrong is reported, and the rest counts. */
export function readGrubConfig(source: string): GrubConfig {
  const { statements, problems } = readGrubScript(source);
  const run = new Run(problems, MOST_EXPANDED);
  // What grub-mkconfig asks of the GRUB that reads it.
  for (const feature of ['feature_menuentry_id', 'feature_timeout_style', 'feature_default_font_path'])
    run.variables.set(feature, 'y');
  const entries: GrubNode[] = [];
  run.all(statements, entries, () => {});
  const { variables } = run;
  const timeout = variables.get('timeout') ?? '';
  if (timeout !== '' && !/^-?\d{1,6}$/.test(timeout))
    problems.push({
      line: 1,
      sentence: `timeout=${timeout.slice(0, 40)} is no number of seconds: write set timeout=5, or -1 to wait.`,
    });
  const style = variables.get('timeout_style');
  return {
    entries,
    timeoutS: /^-?\d{1,6}$/.test(timeout) ? Math.max(NO_TIMEOUT, Number(timeout)) : NO_TIMEOUT,
    timeoutStyle: style === 'hidden' || style === 'countdown' ? style : 'menu',
    default: variables.get('default') ?? '0',
    variables,
    problems,
  };
}

/** The way to an entry that is named as `default` names one, as numbers; undefined: there is none. */
export function findEntry(entries: readonly GrubNode[], name: string): number[] | undefined {
  const step = (nodes: readonly GrubNode[], text: string): number => {
    const byName = nodes.findIndex(({ title, id }) => title === text || id === text);
    return byName < 0 && /^\d+$/.test(text) && Number(text) < nodes.length ? Number(text) : byName;
  };
  // A title may hold a >.
  const whole = step(entries, name);
  if (whole >= 0) return entries[whole]!.kind === 'menuentry' ? [whole] : undefined;
  const [first = '', ...rest] = name.split(/>(?!>)/);
  const index = step(entries, first);
  const node = entries[index];
  if (rest.length === 0 || node?.kind !== 'submenu') return undefined;
  const below = findEntry(node.entries, rest.join('>'));
  return below && [index, ...below];
}

/** What an entry's commands would start; `from`: the configuration that they are in. */
export function readBootCommands(lines: readonly string[], { variables }: Pick<GrubConfig, 'variables'>): BootCommands {
  const { statements, problems } = readGrubScript(lines.join('\n'));
  const commands: BootCommands = { modules: [], messages: [], problems };
  const run = new Run(problems, MOST_EXPANDED_OF_ENTRY, variables);
  run.all(statements, [], (name, words, line) => {
    const [path, ...rest] = words;
    const image = (): Image | undefined => {
      if (path === undefined)
        return void problems.push({
          line,
          sentence: `error: filename expected: write ${name} and the path of a file.`,
        });
      // A word that is no option is first where a distribution's script puts it, as a loader of old dropped the first.
      return { path, words: rest.slice(rest[0] === 'placeholder' ? 1 : 0).join(' ') };
    };
    if (/^multiboot2?$/.test(name)) commands.hypervisor = image() ?? commands.hypervisor;
    else if (/^module2?$/.test(name)) commands.modules.push(...[image()].filter(each => each !== undefined));
    else if (/^linux(?:16|efi)?$/.test(name)) commands.linux = image() ?? commands.linux;
    else if (/^initrd(?:16|efi)?$/.test(name)) commands.initrd = image() ?? commands.initrd;
    else if (name === 'echo') commands.messages.push(words.filter(word => !/^-[ne]+$/.test(word)).join(' '));
    else if (!WITHOUT_EFFECT.has(name))
      problems.push({
        line,
        sentence: `error: can't find command \`${name}'. Known are multiboot2, module2, linux, echo and set.`,
      });
  });
  return commands;
}

type Command = (name: string, words: string[], line: number) => void;

/** Statements one after the other, with their variables. */
class Run {
  readonly variables = new Map<string, string>();
  private readonly problems: GrubProblem[];
  private readonly inherited: ReadonlyMap<string, string>;
  private entries = 0;
  /** Characters that variables may still represent. */
  private left: number;

  constructor(problems: GrubProblem[], mostExpanded: number, inherited: ReadonlyMap<string, string> = new Map()) {
    this.problems = problems;
    this.inherited = inherited;
    this.left = mostExpanded;
  }

  all(statements: readonly Statement[], into: GrubNode[], command: Command): void {
    for (const statement of statements) {
      if (statement.kind === 'if') {
        const { body } = statement.branches.find(({ test }) => test.length === 0 || this.holds(test)) ?? {};
        if (body) this.all(body, into, command);
      } else if (statement.kind === 'command') this.command(statement.words, statement.line, command);
      else this.entry(statement, into, command);
    }
  }

  private entry(
    { kind, words, line, source, body }: Extract<Statement, { kind: 'menuentry' | 'submenu' }>,
    into: GrubNode[],
    command: Command,
  ): void {
    const { title, id } = nameOf(words.flatMap(word => this.expand(word, line)));
    if (title === undefined)
      return void this.problems.push({ line, sentence: `${kind} has no title: write ${kind} 'TITLE' { … }.` });
    if (++this.entries > MOST_ENTRIES) {
      if (this.entries === MOST_ENTRIES + 1)
        this.problems.push({ line, sentence: `There are more than ${MOST_ENTRIES} entries; the rest is left out.` });
      return;
    }
    const about = { title, ...(id === undefined ? {} : { id }) };
    if (kind === 'menuentry') into.push({ kind, ...about, lines: linesOf(source) });
    else {
      const entries: GrubNode[] = [];
      this.all(body, entries, command);
      into.push({ kind, ...about, entries });
    }
  }

  private command(words: readonly Word[], line: number, command: Command): void {
    const assignment = (word: Word): boolean => {
      const [first] = word.pieces;
      const [, name, value] = /^(\w+)=(.*)$/s.exec(first && 'text' in first ? first.text : '') ?? [];
      if (name === undefined) return false;
      this.variables.set(name, value! + this.join({ ...word, pieces: word.pieces.slice(1) }, line));
      return true;
    };
    if (words.length === 1 && assignment(words[0]!)) return;
    const [name = '', ...rest] = words.flatMap(word => this.expand(word, line));
    if (name === 'set' && words.length > 1) assignment(words[1]!);
    else if (name === 'unset') for (const each of rest) this.unset(each);
    else if (name !== '') command(name, rest, line);
  }

  private unset(variable: string): void {
    if (this.inherited.has(variable)) this.variables.set(variable, '');
    else this.variables.delete(variable);
  }

  /** The last command of a test says whether it holds. */
  private holds(test: readonly Statement[]): boolean {
    const last = test.at(-1);
    if (last?.kind !== 'command') return false;
    const words = last.words.flatMap(word => this.expand(word, last.line, true));
    if (words[0] === 'true') return true;
    return (
      (words[0] === '[' && words.at(-1) === ']' && compare(words.slice(1, -1))) ||
      (words[0] === 'test' && compare(words.slice(1)))
    );
  }

  private join({ pieces }: Word, line: number): string {
    return pieces.map(piece => ('text' in piece ? piece.text : this.valueOf(piece.variable, line))).join('');
  }

  /** Nothing, once all variables have represented too much. */
  private valueOf(variable: string, line: number): string {
    const value = this.variables.get(variable) ?? this.inherited.get(variable) ?? '';
    if (value === '' || this.left < 0) return '';
    this.left -= value.length;
    if (this.left >= 0) return value;
    this.problems.push({
      line,
      sentence: `The variables expand to too many characters from $${variable.slice(0, 40)} on; they are left empty. Write fewer, or shorter ones.`,
    });
    return '';
  }

  /** A word that is an empty variable without quotes is none (`whole`: is one all the same, as a test counts it). */
  private expand(word: Word, line: number, whole = false): string[] {
    const text = this.join(word, line);
    return text === '' && !word.isQuoted && !whole ? [] : [text];
  }
}

/** What `[` says: strings alone; of files, and of what else it could compare, nothing is known, and that is false. */
function compare(words: readonly string[]): boolean {
  const [first, operator, second] = words;
  if (first === '!' && words.length > 1) return !compare(words.slice(1));
  if (words.length === 1) return first !== '';
  if (words.length === 2) return first === '-n' ? operator !== '' : first === '-z' && operator === '';
  if (words.length === 3 && (operator === '=' || operator === '==')) return first === second;
  return words.length === 3 && operator === '!=' && first !== second;
}

/** Options of menuentry with a value. */
const WITH_VALUE = new Set(['--class', '--users', '--hotkey', '--source', '--id']);

function nameOf(words: readonly string[]): { title?: string; id?: string } {
  const name: { title?: string; id?: string } = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (WITH_VALUE.has(word)) {
      const value = words[++i];
      if (word === '--id' && value !== undefined) name.id = value;
    } else if (!word.startsWith('--')) name.title ??= word;
  }
  return name;
}

function linesOf(source: string): string[] {
  const lines = source
    .replace(/\t/g, '        ')
    .split('\n')
    .map(line => line.trimEnd());
  while (lines[0] === '') lines.shift();
  while (lines.at(-1) === '') lines.pop();
  const indent = lines.reduce(
    (least, line) => (line === '' ? least : Math.min(least, /^ */.exec(line)![0].length)),
    Number.POSITIVE_INFINITY,
  );
  return lines.map(line => line.slice(Number.isFinite(indent) ? indent : 0));
}
