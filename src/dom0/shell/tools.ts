/**
 * Tools that come with just-bash (3.4.2), with what POSIX's Utility Syntax Guidelines 5 and 6 allow (an option's value may follow it directly, and options
 * without values may stand together), and with the files that stand for standard input and output.
 */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { quoted, type ShellCommand } from './shell-command.ts';
import { PATHS } from './rewriting.ts';

/** Options of one letter: those that have a value, and those that have none. Source: the manuals of coreutils, findutils, sed, gawk and diffutils. */
const OPTIONS: Record<string, readonly [valued: string, flags: string]> = {
  awk: ['Fvfe', ''],
  base64: ['w', 'di'],
  basename: ['s', 'az'],
  column: ['sotcNR', 'xeJnL'],
  comm: ['', '123z'],
  cut: ['bcdf', 'nsz'],
  date: ['drf', 'uRI'],
  diff: ['UCLW', 'uqrsabBiwcNyetdE'],
  du: ['dB', 'shackmbxLlS'],
  egrep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  env: ['uCS', 'iv0'],
  expand: ['t', 'i'],
  fgrep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  fold: ['w', 'bs'],
  grep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  head: ['nc', 'qvz'],
  join: ['12jtoeav', 'iz'],
  ls: ['wIT', 'aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1'],
  mkdir: ['m', 'pvZ'],
  nl: ['bwsvidfhln', 'p'],
  od: ['AtNjSw', 'abcdfhilosvx'],
  paste: ['d', 'sz'],
  sed: ['efl', 'nErsuz'],
  seq: ['fs', 'w'],
  sort: ['ktoST', 'bdfghiMnRrVcCmsuz'],
  split: ['lbnaC', 'dxe'],
  stat: ['cf', 'Lt'],
  strings: ['nt', 'afw'],
  tail: ['ncs', 'fFqvz'],
  timeout: ['sk', 'v'],
  touch: ['dtr', 'acmh'],
  tree: ['LPIo', 'adfipsuvh'],
  unexpand: ['t', 'a'],
  uniq: ['fsw', 'cdDiuz'],
};

/** Each option, and each value, as a word of its own. */
export function apart(words: readonly string[], [valued, flags]: readonly [string, string]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--') return [...result, ...words.slice(i)];
    if (!/^-[^-]/.test(word)) {
      result.push(word);
      continue;
    }
    const letters: string[] = [];
    let at = 1;
    while (at < word.length && flags.includes(word[at])) letters.push(`-${word[at++]}`);
    if (at === word.length) result.push(...letters);
    else if (!valued.includes(word[at])) result.push(word);
    else {
      result.push(...letters, `-${word[at]}`);
      const value = word.slice(at + 1);
      if (value !== '') result.push(value);
      // A value is none of the options, whatever it begins with.
      else if (i + 1 < words.length) result.push(words[++i]);
    }
  }
  return result;
}

const failed = (stderr: string, exitCode = 1): ExecResult => ({ stdout: '', stderr: `${stderr}\n`, exitCode });
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0));
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** All patterns as one: just-bash takes the last -e alone, and a list of lines as grep does (POSIX, grep, "-e pattern_list"). */
function onePattern(words: string[]): string[] {
  const patterns: string[] = [],
    others: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      others.push(word, ...rest);
      break;
    }
    const long = /^--(regexp|file)(?:=(.*))?$/s.exec(word);
    if (word === '-e' || long?.[1] === 'regexp') {
      const pattern = long?.[2] ?? rest.shift();
      if (pattern === undefined) return words;
      patterns.push(pattern);
    } else if (long) others.push('-f', long[2] ?? rest.shift() ?? '');
    else {
      others.push(word);
      // Its value may look like an option.
      if (/^-[fABCmd]$/.test(word) && rest.length > 0) others.push(rest.shift()!);
    }
  }
  return patterns.length === 0 ? others : ['-e', patterns.join('\n'), ...others];
}

/** What a tool refuses that just-bash takes the last of. */
const REFUSED: Record<string, (words: readonly string[]) => string | undefined> = {
  cut: words =>
    words.filter(word => /^(?:-[bcf]|--(?:bytes|characters|fields)(?:=.*)?)$/.test(word)).length > 1
      ? "cut: only one list may be specified\nTry 'cut --help' for more information."
      : undefined,
};

/** What one tool wants besides. Its words are apart. */
const MENDED: Record<string, (words: string[], context: ResolvedCommandContext) => Promise<string[]>> = {
  grep: async words => onePattern(words),
  egrep: async words => onePattern(words),
  fgrep: async words => onePattern(words),
  paste: async words => (operands(words, OPTIONS.paste).length === 0 ? [...words, '-'] : words),
  // `-iSUFFIX` keeps what was there.
  sed: async (words, { fs, cwd }) => {
    const at = words.findIndex(word => /^(?:-[nErsuz]*i|--in-place=)./.test(word));
    if (at < 0) return words;
    const suffix = words[at].replace(/^(?:-[nErsuz]*i|--in-place=)/, ''),
      flags = /^-([nErsuz]*)i/.exec(words[at])?.[1] ?? '';
    const others = words.toSpliced(at, 1, ...[...flags].map(flag => `-${flag}`), '-i');
    const hasScript = words.some(word => /^-[ef]$|^--(?:expression|file)/.test(word));
    for (const file of operands(others, OPTIONS.sed).slice(hasScript ? 0 : 1)) {
      const path = fs.resolvePath(cwd, file);
      const kept = suffix.includes('*')
        ? suffix.replace(/\*/g, file.slice(file.lastIndexOf('/') + 1))
        : `${file.slice(file.lastIndexOf('/') + 1)}${suffix}`;
      if (await fs.exists(path))
        await fs.cp(
          path,
          kept.includes('/') ? fs.resolvePath(cwd, kept) : `${path.slice(0, path.lastIndexOf('/'))}/${kept}`,
        );
    }
    return others;
  },
  cp: async words =>
    words.flatMap(word =>
      /^-[a-zA-Z]*[ad][a-zA-Z]*$/.test(word)
        ? [word.replace('a', 'rp').replace('d', '')].filter(each => each !== '-')
        : word === '--archive'
          ? ['-r', '-p']
          : word,
    ),
  // Mode and owner of what is made are told afterwards.
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
  for (const path of inputs) await put(path, bytesOf(context.stdin as unknown as string));
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
    if (word === '-n') options.perCommand = Number(value());
    else if (word === '-L') options.perLine = Number(value());
    else if (word === '-I') options.replace = value();
    else if (word === '-i') options.replace = '{}';
    else if (word === '-d')
      options.delimiter = value().replace(/^\\n$/, '\n').replace(/^\\t$/, '\t').replace(/^\\0$/, '\0');
    else if (word === '-0') options.delimiter = '\0';
    else if (word === '-a') options.file = value();
    else if (word === '-r') options.noEmpty = true;
    else if (word === '-t') options.trace = true;
    else if (word === '-P' || word === '-s' || word === '-E') value();
    else if (word !== '-x' && word !== '-p')
      return failed(`xargs: invalid option -- '${word.replace(/^-+/, '')}'\nTry 'xargs --help' for more information.`);
  }
  if (!(options.perCommand >= 1) || !(options.perLine >= 1))
    return failed('xargs: value 0 for -n or -L option should be >= 1');
  const { fs, cwd } = context;
  const input =
    options.file === undefined
      ? textOf(bytesOf(context.stdin as unknown as string))
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

/** The words of each line; with a delimiter, or where a line is one word, as they stand. A string: what is wrong with them. */
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
    for (const [, piece] of (isWhole ? line.replace(/^[ \t]+/, '').replace(/ /g, '\\ ') : line).matchAll(
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
      const given = name in OPTIONS ? apart(words, OPTIONS[name]) : words;
      const refused = REFUSED[name]?.(given);
      if (refused !== undefined) return failed(refused);
      return withStandardFiles(given, context, async each => {
        const mended = (await MENDED[name]?.(each, context)) ?? each;
        const done = (await context.origCommand?.(mended)) ?? failed(`${name}: there is no such tool`, 127);
        if (name === 'mkdir') await setModes(given, context);
        return done;
      });
    };
  }
  return {
    ...tools,
    head: async (words, context) => endlessBytes(apart(words, OPTIONS.head), random) ?? tools.head(words, context),
    xargs: (words, context) => withStandardFiles(words, context, each => xargs(each, context)),
    whoami: async () => ({ stdout: 'root\n', stderr: '', exitCode: 0 }),
  };
}

/** Files without an end: what a byte of them is. A reader finds so many of them, and `head -c` as many as it asks for. */
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
