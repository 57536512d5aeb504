/**
 * Tools that come with just-bash (3.4.2), with what POSIX's Utility Syntax Guidelines 5 and 6 allow (an option's value may follow it directly, and options
 * without values may be joined), and with the files that represent standard input and output.
 */
import { bytesRead } from './standard-input.ts';
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { quoted, type ShellCommand } from './shell-command.ts';
import { PATHS } from './rewriting.ts';
import { withWholeNumbers } from './awk-printf.ts';
import { column } from './small-tools/column.ts';
import { expr } from './small-tools/expr.ts';
import { GREP } from './small-tools/grep.ts';
import { join } from './small-tools/join.ts';
import { LINES } from './small-tools/lines.ts';
import { PIECES } from './small-tools/pieces.ts';
import { sed } from './small-tools/sed.ts';
import { sort } from './small-tools/sort.ts';
import { apart, FAILS_WITH_WORDS, givenTo, inFront, OPTIONS, refusalOf, WRONG_USE_STATUS } from './tool-options.ts';

const failed = (stderr: string, exitCode = 1): ExecResult => ({ stdout: '', stderr: `${stderr}\n`, exitCode });
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** awk's own variables, which `-v` does not set in just-bash's: the program does. */
const AWKS_OWN = /^(?:FS|OFS|ORS|RS|SUBSEP|OFMT)=/;
/** `OFS=-` as a statement. Escapes are those of strings in both. */
function assignment(word: string): string {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(word)!;
  const text = value.replace(/\\$|\\[^]|["\n]/g, found => ({ '"': '\\"', '\n': '\\n', '\\': '\\\\' })[found] ?? found);
  return `${name} = "${text}";`;
}

/** How much a folder has, as ext4's have. */
const FOLDER_BYTES = 4096;
const SIZES: Record<string, number> = { b: 512, c: 1, w: 2, k: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
/** find's `-size`, which rounds up to whole units, as sizes in bytes; folders are none of just-bash's that have any. */
function sizeTest(value: string): string[] | undefined {
  const [, sign, digits, unit] = /^([-+]?)(\d+)([bcwkMG]?)$/.exec(value) ?? [];
  if (digits === undefined) return undefined;
  const bytes = SIZES[unit || 'b'],
    count = Number(digits);
  const folder = Math.ceil(FOLDER_BYTES / bytes);
  const above = ['-size', `+${count * bytes}c`],
    below = ['-size', `-${(count - 1) * bytes + 1}c`];
  const least = ['-size', `+${(count - 1) * bytes}c`],
    most = ['-size', `-${count * bytes + 1}c`];
  const none = ['-size', '-0c'];
  if (sign === '+') return ['(', ...kindOf(folder > count), ...above, ')'];
  if (sign === '-') return ['(', ...kindOf(folder < count), ...(count === 0 ? none : below), ')'];
  return ['(', ...kindOf(folder === count), ...(count === 0 ? ['-size', '0c'] : [...least, ...most]), ')'];
}
const kindOf = (isWithFolders: boolean): string[] => (isWithFolders ? ['-type', 'd', '-o'] : ['!', '-type', 'd']);

/** What one tool wants besides. Its words are apart. */
const MENDED: Record<string, (words: string[], context: ResolvedCommandContext) => Promise<string[]>> = {
  // `-f`: the program is in a file.
  awk: async (words, { fs, cwd }) => {
    const others: string[] = [],
      programs: string[] = [];
    const rest = [...words];
    let first = '';
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      if (word === '-f') programs.push(await fs.readFile(fs.resolvePath(cwd, rest.shift() ?? '')));
      else if (word === '-v' && AWKS_OWN.test(rest[0] ?? '')) first += assignment(rest.shift()!);
      else if (/^-./.test(word)) {
        others.push(word);
        if (/^-[Fve]$/.test(word) && rest.length > 0) others.push(rest.shift()!);
      } else {
        rest.unshift(word);
        break;
      }
    }
    if (programs.length === 0 && rest.length === 0) return words;
    if (programs.length === 0) programs.push(rest.shift()!);
    // Standard input has a name in awk's main rules.
    const isNamed = rest.length === 0 && /\bFILENAME\b/.test(programs.join(''));
    const program = withWholeNumbers((isNamed ? 'NR == 1 { FILENAME = "-" }\n' : '') + programs.join('\n'));
    return [...others, first === '' ? program : `BEGIN { ${first} }\n${program}`, ...rest];
  },
  date: async words => words.map(word => (word === '-I' || word === '--iso-8601' ? '+%F' : word)),
  find: async words =>
    words.flatMap((word, i) => {
      if (words[i - 1] === '-size' && sizeTest(word)) return [];
      return word === '-size' ? (sizeTest(words[i + 1] ?? '') ?? word) : word;
    }),
  cp: async words =>
    words.flatMap(word =>
      /^-[a-zA-Z]*[ad][a-zA-Z]*$/.test(word)
        ? [word.replace('a', 'rp').replace('d', '')].filter(each => each !== '-')
        : word === '--archive'
          ? ['-r', '-p']
          : word,
    ),
  // Mode and owner of what is made are set afterwards.
  mkdir: async words => words.filter((word, i) => word !== '-m' && words[i - 1] !== '-m' && !word.startsWith('--mode')),
};

/** Words that are no options and no values of options. */
function operands(words: readonly string[], [valued]: readonly [string, string]): string[] {
  const end = words.indexOf('--');
  return words.filter(
    (word, i) =>
      (end >= 0 && i > end) ||
      (i !== end && !/^-./.test(word) && !(/^-.$/.test(words[i - 1] ?? '') && valued.includes(words[i - 1][1]))),
  );
}

/** Runs a tool with files in the place of standard input and output, where its words name those. */
async function withStandardFiles(
  words: string[],
  context: ResolvedCommandContext,
  run: (words: string[]) => Promise<ExecResult>,
): Promise<ExecResult> {
  const names = (paths: readonly string[]): string[] =>
    paths.filter(path => words.some(word => word === path || word.endsWith(`=${path}`)));
  const [inputs, ...outputs] = [PATHS.stdin, PATHS.stdout, PATHS.stderr].map(names);
  if (inputs.length + outputs[0].length + outputs[1].length === 0) return run(words);
  const { fs } = context;
  const put = async (path: string, bytes: Uint8Array): Promise<void> => {
    await fs.mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    await fs.writeFile(path, bytes);
  };
  for (const path of inputs) await put(path, bytesRead(context));
  for (const path of outputs.flat()) await put(path, new Uint8Array());
  try {
    const done = await run(words);
    const written = async (paths: string[]): Promise<string> =>
      (await Promise.all(paths.map(async path => textOf(await fs.readFileBuffer(path))))).join('');
    const [stdout, stderr] = await Promise.all(outputs.map(written));
    return { ...done, stdout: done.stdout + stdout, stderr: done.stderr + stderr };
  } finally {
    for (const path of [...inputs, ...outputs.flat()]) await put(path, new Uint8Array());
  }
}

/** `xargs`: words of standard input as words of commands. Source: xargs(1) of findutils. */
const xargs: ShellCommand = async (words, context) => {
  const options = {
    perCommand: Infinity,
    perLine: Infinity,
    replace: undefined as string | undefined,
    delimiter: undefined as string | undefined,
    file: undefined as string | undefined,
    noEmpty: false,
    trace: false,
  };
  const rest = apart(
    words
      .flatMap(word =>
        LONG[word.replace(/=.*/s, '')] === undefined
          ? word
          : [LONG[word.replace(/=.*/s, '')], ...(word.includes('=') ? [word.slice(word.indexOf('=') + 1)] : [])],
      )
      .slice(0, firstOperand(words)),
    XARGS,
  );
  const command = words.slice(firstOperand(words));
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const value = (): string => rest.shift() ?? '';
    // Of -I, -n and -L the last counts; -n 1 is what -I means.
    if (word === '-n' || word === '-L') {
      const count = Number(value());
      Object.assign(options, word === '-n' ? { perCommand: count } : { perLine: count });
      if (count !== 1) options.replace = undefined;
    } else if (word === '-I') Object.assign(options, { replace: value(), perCommand: Infinity, perLine: Infinity });
    else if (word === '-i') options.replace = '{}';
    else if (word === '-d')
      options.delimiter = value().replace(/^\\n$/, '\n').replace(/^\\t$/, '\t').replace(/^\\0$/, '\0');
    else if (word === '-0') options.delimiter = '\0';
    else if (word === '-a') options.file = value();
    else if (word === '-r') options.noEmpty = true;
    else if (word === '-t') options.trace = true;
    else if (word === '-P') value();
    else if (word === '-s' || word === '-E') return failed(`xargs: ${word} is not offered here`);
    else if (word !== '-x' && word !== '-p')
      return failed(`xargs: invalid option -- '${word.replace(/^-+/, '')}'\nTry 'xargs --help' for more information.`);
  }
  if (!(options.perCommand >= 1) || !(options.perLine >= 1))
    return failed('xargs: value 0 for -n or -L option should be >= 1');
  if (options.delimiter !== undefined && [...options.delimiter].length !== 1)
    return failed(
      `xargs: Invalid input delimiter specification ${options.delimiter}: the delimiter must be either a single character or an escape sequence starting with \\.`,
    );
  const { fs, cwd } = context;
  const input =
    options.file === undefined
      ? textOf(bytesRead(context))
      : await fs.readFile(fs.resolvePath(cwd, options.file)).catch(() => undefined);
  if (input === undefined) return failed(`xargs: Cannot open input file '${options.file}': No such file or directory`);
  const lines = linesOf(input, options.delimiter, options.replace !== undefined);
  if (typeof lines === 'string') return failed(`xargs: ${lines}`);
  let stdout = '',
    stderr = '',
    status = 0;
  for (const call of callsOf(command.length > 0 ? command : ['echo'], lines, options)) {
    if (options.trace) stderr += `${call.join(' ')}\n`;
    const done = await context.exec?.(call.map(quoted).join(' '), {
      cwd,
      env: context.exportedEnv ?? {},
      ...(context.signal ? { signal: context.signal } : {}),
    });
    if (!done) break;
    stdout += done.stdout;
    stderr += done.stderr;
    if (done.exitCode === 127 || done.exitCode === 126)
      return {
        stdout,
        stderr: stderr.replace(/^bash: (.*): command not found$/m, 'xargs: $1: No such file or directory'),
        exitCode: done.exitCode,
      };
    if (done.exitCode === 255)
      return { stdout, stderr: `${stderr}xargs: ${call[0]}: exited with status 255; aborting\n`, exitCode: 124 };
    if (done.exitCode !== 0) status = 123;
  }
  return { stdout, stderr, exitCode: status };
};

/** The commands that xargs runs, with the words of these lines. */
function callsOf(
  run: readonly string[],
  lines: readonly string[][],
  {
    perCommand,
    perLine,
    replace,
    noEmpty,
  }: { perCommand: number; perLine: number; replace: string | undefined; noEmpty: boolean },
): string[][] {
  if (replace !== undefined) return lines.map(([text]) => run.map(word => word.replaceAll(replace, () => text)));
  const items =
    perLine === Infinity ? chunks(lines.flat(), perCommand) : chunks(lines, perLine).map(each => each.flat());
  if (items.length === 0 && !noEmpty) items.push([]);
  return items.map(each => [...run, ...each]);
}

const XARGS = ['nLIdaPsE', 'r0txpi'] as const;
const LONG: Record<string, string> = {
  '--max-args': '-n',
  '--max-lines': '-L',
  '--replace': '-I',
  '--delimiter': '-d',
  '--null': '-0',
  '--arg-file': '-a',
  '--no-run-if-empty': '-r',
  '--verbose': '-t',
  '--max-procs': '-P',
};

/** Where xargs's own options end. */
function firstOperand(words: readonly string[]): number {
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--') return i + 1;
    if (!/^-./.test(word)) return i;
    if (/^-[r0txpi]*[nLIdaPsE]$/.test(word)) i++;
  }
  return words.length;
}

const chunks = <T>(items: readonly T[], length: number): T[][] =>
  items.length === 0
    ? []
    : Array.from({ length: Math.ceil(items.length / Math.min(length, items.length)) }, (_, i) =>
        items.slice(i * Math.min(length, items.length), (i + 1) * Math.min(length, items.length)),
      );

/** The words of each line; with a delimiter, or where a line is one word, as they are. A string: what is wrong with them. */
function linesOf(text: string, delimiter: string | undefined, isWhole: boolean): string[][] | string {
  if (delimiter !== undefined) {
    const items = text.split(delimiter);
    if (items.at(-1) === '') items.pop();
    return items.map(item => [item]);
  }
  const lines: string[][] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const found: string[] = [];
    for (const [, piece] of (isWhole ? line.replace(/^[ \t]+/, '').replace(/[ \t]/g, '\\$&') : line).matchAll(
      /((?:[^\s"'\\]|\\.|"[^"]*"|'[^']*'|["'])+)/g,
    )) {
      if (/^(?:[^"'\\]|\\.|"[^"]*"|'[^']*')*["']/.test(piece) && !/^(?:[^"'\\]|\\.|"[^"]*"|'[^']*')*$/.test(piece))
        return `unmatched ${piece.includes('"') ? 'double' : 'single'} quote; by default quotes are special to xargs unless you use the -0 option`;
      found.push(piece.replace(/\\(.)|"([^"]*)"|'([^']*)'/g, (_all, one, two, three) => one ?? two ?? three ?? ''));
    }
    lines.push(found);
  }
  return lines;
}

/** What one tool writes otherwise than coreutils, set right: counts seven wide, names as they were given, hard links by another arrow. */
const WRITTEN: Record<string, (stdout: string, words: readonly string[], cwd: string) => string> = {
  uniq: (stdout, words) =>
    words.includes('-c') ? stdout.replace(/^ *(\d+) /gm, (_all, count: string) => `${count.padStart(7)} `) : stdout,
  ln: (stdout, words) =>
    words.some(word => /^-[a-z]*s|^--symbolic/.test(word)) ? stdout : stdout.replace(/' -> '/g, "' => '"),
  cp: (stdout, words, cwd) => (words.at(-1)?.startsWith('/') ? stdout : stdout.replaceAll(`-> '${cwd}/`, "-> '")),
};

/** A tool that said what is wrong has failed, and with the status of its manual. */
function judged(name: string, done: ExecResult): ExecResult {
  const { stderr, exitCode } = done;
  if (stderr === '') return done;
  if (exitCode === 0) return FAILS_WITH_WORDS.has(name) ? { ...done, exitCode: WRONG_USE_STATUS[name] ?? 1 } : done;
  return exitCode === 1 && WRONG_USE_STATUS[name] !== undefined ? { ...done, exitCode: WRONG_USE_STATUS[name] } : done;
}

/** `cp -rv` names what is in folders, too: just-bash's names the folders that it was given alone. */
const namingAll =
  (cp: ShellCommand): ShellCommand =>
  async (words, context) => {
    const letters = words.filter(word => /^-[a-zA-Z]+$/.test(word)).join('');
    const has = (letter: RegExp, long: RegExp): boolean => letter.test(letters) || words.some(word => long.test(word));
    if (!has(/v/, /^--verbose$/) || !has(/[rRa]/, /^--(?:recursive|archive)$/)) return cp(words, context);
    const end = words.indexOf('--');
    const paths = words.filter((word, i) => (end >= 0 && i > end) || (i !== end && !/^-./.test(word)));
    const { fs, cwd } = context;
    const isFolder = async (path: string): Promise<boolean> =>
      (await fs.stat(fs.resolvePath(cwd, path)).catch(() => undefined))?.isDirectory === true;
    const sources = paths.slice(0, -1),
      target = paths.at(-1) ?? '';
    if (!(await Promise.all(sources.map(isFolder))).some(Boolean)) return cp(words, context);
    if (
      has(/[nubt]/, /^--(?:no-clobber|update|backup|target-directory)/) ||
      sources.some(path => /(?:^|\/)\.\.?\/*$/.test(path))
    )
      return failed('cp: -v of a folder, with -n, -u, -b or -t or by the name of . or .., is not offered here');
    const isInto = await isFolder(target);
    const lines: string[] = [];
    const name = async (from: string, to: string): Promise<void> => {
      const isNew = !(await isFolder(to));
      if (!(await isFolder(from))) lines.push(`'${from}' -> '${to}'\n`);
      else {
        if (isNew) lines.push(`'${from}' -> '${to}'\n`);
        for (const each of await fs.readdir(fs.resolvePath(cwd, from)))
          await name(`${from.replace(/\/+$/, '')}/${each}`, `${to.replace(/\/+$/, '')}/${each}`);
      }
    };
    for (const source of sources) {
      const last = source.replace(/\/+$/, '');
      await name(source, isInto ? `${target.replace(/\/+$/, '')}/${last.slice(last.lastIndexOf('/') + 1)}` : target);
    }
    const done = await cp(words, context);
    return done.exitCode === 0 ? { ...done, stdout: lines.join('') } : done;
  };

/** `ls` of files and folders: just-bash has a blank line between any two operands. */
const severalFiles =
  (ls: ShellCommand): ShellCommand =>
  async (words, context) => {
    const { options = [], operands: paths = [] } = givenTo('ls', words) ?? {};
    const names = new Set(options.map(({ name }) => name));
    if (names.has('S') && !names.has('d') && (await hasFolders(paths[0] ?? '.', context)))
      return failed(
        "ls: -S where there are folders is not offered here: use find -type f -printf '%s %p\\n' | sort -n",
        2,
      );
    if (paths.length < 2 || names.has('d')) {
      const done = await ls(words, context);
      return paths.length < 2 ? done : { ...done, stdout: done.stdout.replace(/\n{2,}/g, '\n') };
    }
    if (['t', 'S', 'U', 'X', 'v', 'f', '-sort'].some(name => names.has(name)))
      return failed('ls: an order other than by name, of several operands, is not offered here', 2);
    const { fs, cwd } = context;
    const isFile = async (path: string): Promise<boolean> =>
      (await fs.stat(fs.resolvePath(cwd, path)).catch(() => undefined))?.isDirectory !== true;
    const sorted = [...paths].sort();
    if (names.has('r')) sorted.reverse();
    const kinds = await Promise.all(sorted.map(isFile));
    const run = (chosen: readonly string[]): Promise<ExecResult> => ls(inFront({ options, operands: chosen }), context);
    const files = sorted.filter((_path, i) => kinds[i]);
    const first = files.length > 0 ? await run(files) : { stdout: '', stderr: '', exitCode: 0 };
    const parts = [first.stdout.replace(/\n{2,}/g, '\n')];
    let { stderr, exitCode } = first;
    for (const folder of sorted.filter((_path, i) => !kinds[i])) {
      const done = await run([folder]);
      parts.push(`${names.has('R') ? '' : `${folder}:\n`}${done.stdout}`);
      stderr += done.stderr;
      exitCode = Math.max(exitCode, done.exitCode);
    }
    return { stdout: parts.filter(part => part !== '').join('\n'), stderr, exitCode };
  };

/** Folders, whose sizes are nothing here. */
async function hasFolders(path: string, { fs, cwd }: ResolvedCommandContext): Promise<boolean> {
  const folder = fs.resolvePath(cwd, path);
  const names = await fs.readdir(folder).catch(() => []);
  const kinds = await Promise.all(names.map(name => fs.stat(fs.resolvePath(folder, name)).catch(() => undefined)));
  return kinds.some(kind => kind?.isDirectory);
}

/** Each tool of just-bash, with what it lacks. */
export function toolCommands(
  names: readonly string[],
  turn: () => Promise<void> | undefined,
  random: (below: number) => number,
): Record<string, ShellCommand> {
  const tools: Record<string, ShellCommand> = {};
  for (const name of names) {
    tools[name] = async (words, context) => {
      await turn();
      const read = givenTo(name, words);
      const refused = refusalOf(name, read ?? { options: [], operands: words });
      if (refused !== undefined) return failed(refused, WRONG_USE_STATUS[name]);
      const given = read ? inFront(read) : words;
      return withStandardFiles(given, context, async each => {
        let mended: string[];
        try {
          mended = (await MENDED[name]?.(each, context)) ?? each;
        } catch {
          return failed(
            `${name}: can't open file ${read?.options.find(option => option.name === 'f')?.value}`,
            WRONG_USE_STATUS[name],
          );
        }
        const done = (await context.origCommand?.(mended)) ?? failed(`${name}: there is no such tool`, 127);
        if (name === 'mkdir') await setModes(given, context);
        return judged(name, WRITTEN[name] ? { ...done, stdout: WRITTEN[name](done.stdout, each, context.cwd) } : done);
      });
    };
  }
  const ours: Record<string, ShellCommand> = Object.fromEntries(
    Object.entries({ ...PIECES, ...LINES, ...GREP, column, expr, join, sort }).map(([name, run]) => [
      name,
      (words, context) =>
        words.length === 1 && words[0] === '--help' && context.origCommand
          ? context.origCommand(words)
          : withStandardFiles(words, context, each => run(each, context)),
    ]),
  );
  return {
    ...tools,
    ...ours,
    cp: namingAll(tools.cp),
    ls: severalFiles(tools.ls),
    head: async (words, context) => endlessBytes(apart(words, OPTIONS.head), random) ?? ours.head(words, context),
    sed: async (words, context) => {
      await turn();
      return sed(words, context);
    },
    xargs: (words, context) => withStandardFiles(words, context, each => xargs(each, context)),
    whoami: async () => ({ stdout: 'root\n', stderr: '', exitCode: 0 }),
  };
}

/** Files without an end: what a byte of them is. A reader finds this many of them, and `head -c` as many as it asks for. */
export const ENDLESS: Record<string, (random: (below: number) => number) => number> = {
  '/dev/zero': () => 0,
  '/dev/urandom': random => random(256),
  '/dev/random': random => random(256),
};
const MOST_ENDLESS = 1 << 20;
/** Its first bytes, a character each. */
export function endless(path: string, random: (below: number) => number, count = MOST_ENDLESS): string {
  let bytes = '';
  for (let i = 0; i < count; i++) bytes += String.fromCharCode(ENDLESS[path](random));
  return bytes;
}

/** `head -c 16 /dev/urandom`; undefined: the words are others. */
function endlessBytes(words: readonly string[], random: (below: number) => number): ExecResult | undefined {
  const [, digits, unit] = /^(\d+)([kKMG]?)$/.exec(words[words.indexOf('-c') + 1] ?? '') ?? [],
    path = words.at(-1) ?? '';
  if (words.length !== 3 || digits === undefined || !(path in ENDLESS)) return undefined;
  const count = Number(digits) * 1024 ** ' KMG'.indexOf((unit || ' ').toUpperCase());
  if (count > MOST_BYTES) return failed(`head: ${count} bytes of ${path} are more than a pipe holds here: use dd.`);
  return { stdout: endless(path, random, count), stderr: '', exitCode: 0, stdoutKind: 'bytes' };
}
/** just-bash's own limit for what a command writes. */
const MOST_BYTES = 10 * 2 ** 20;

/** `mkdir -m MODE`. */
async function setModes(words: readonly string[], { fs, cwd }: ResolvedCommandContext): Promise<void> {
  const at = words.indexOf('-m');
  const mode = at < 0 ? words.find(word => word.startsWith('--mode='))?.slice(7) : words[at + 1];
  if (mode === undefined || !/^[0-7]{1,4}$/.test(mode)) return;
  for (const path of operands(words, OPTIONS.mkdir))
    await fs.chmod(fs.resolvePath(cwd, path), Number.parseInt(mode, 8)).catch(() => {});
}
