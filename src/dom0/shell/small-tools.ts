/**
 * Small tools that scripts take for granted, and that just-bash (3.4.2) lacks or has otherwise than Debian. Sources: the manuals of coreutils, diffutils and
 * bsdextrautils.
 */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { difference, type Form } from './difference.ts';
import { apart } from './tools.ts';
import { quoted, type ShellCommand } from './shell-command.ts';

const ran = (stdout = '', exitCode = 0, stderr = ''): ExecResult => ({ stdout, stderr, exitCode });
const failed = (stderr: string, exitCode = 1): ExecResult => ran('', exitCode, `${stderr}\n`);
const bytesOf = (text: unknown): Uint8Array => Uint8Array.from(text as string, character => character.charCodeAt(0));
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

interface Read {
  /** Options that were given, with their values (empty: they have none). */
  given: Map<string, string>;
  rest: string[];
  /** An option that there is not. */
  wrong?: string;
}

/** Words by a tool's options: `valued` and `flags` of one letter, `long` ones by the letter that is the same. */
function read(words: readonly string[], valued: string, flags: string, long: Record<string, string> = {}): Read {
  const given = new Map<string, string>(),
    rest: string[] = [];
  const queue = apart(words, [valued, flags]);
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { given, rest: [...rest, ...queue] };
    const [, name, value] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const letter = name === undefined ? /^-(.)$/s.exec(word)?.[1] : long[name];
    if (letter === undefined && !/^-./.test(word)) rest.push(word);
    else if (letter === undefined || !(valued + flags).includes(letter)) return { given, rest, wrong: word };
    else given.set(letter, valued.includes(letter) ? (value ?? queue.shift() ?? '') : '');
  }
  return { given, rest };
}

const unknown = (name: string, word: string): ExecResult =>
  failed(
    `${name}: ${word.startsWith('--') ? `unrecognized option '${word}'` : `invalid option -- '${word[1]}'`}\nTry '${name} --help' for more information.`,
  );

/** What a file or standard input holds; undefined: there is no such file. */
async function contentOf(path: string, { fs, cwd, stdin }: ResolvedCommandContext): Promise<Uint8Array | undefined> {
  return path === '-' ? bytesOf(stdin) : fs.readFileBuffer(fs.resolvePath(cwd, path)).catch(() => undefined);
}

/** `random`: below a number. */
/** Characters that `yes` writes. */
const MOST_YES = 1 << 20;
/** 128 + SIGPIPE. */
const BY_PIPE = 141;

export function smallTools(random: (below: number) => number): Record<string, ShellCommand> {
  let mask = 0o022;
  return {
    /** It ends as by SIGPIPE once it has written so much: pipes carry what a command has written when it is over. */
    yes: async words => {
      const line = `${words.length > 0 ? words.join(' ') : 'y'}\n`;
      return { stdout: line.repeat(Math.ceil(MOST_YES / line.length)), stderr: '', exitCode: BY_PIPE };
    },
    mktemp: async (words, { fs, cwd, env }) => {
      const { given, rest, wrong } = read(words, 'p', 'dqut', {
        '--directory': 'd',
        '--quiet': 'q',
        '--dry-run': 'u',
        '--tmpdir': 'p',
      });
      if (wrong) return unknown('mktemp', wrong);
      const [template = 'tmp.XXXXXXXXXX'] = rest;
      if (rest.length > 1) return failed("mktemp: too many templates\nTry 'mktemp --help' for more information.");
      const [, head, crosses, tail] = /^(.*?)(X+)([^X/]*)$/s.exec(template) ?? [];
      if (crosses === undefined || crosses.length < 3) return failed(`mktemp: too few X's in template '${template}'`);
      const isHere = rest.length > 0 && !given.has('p') && !given.has('t');
      const folder = isHere ? '' : `${(given.get('p') || env.get('TMPDIR') || '/tmp').replace(/\/$/, '')}/`;
      for (;;) {
        const path = `${folder}${head}${Array.from(crosses, () => LETTERS[random(LETTERS.length)]).join('')}${tail}`;
        const whole = fs.resolvePath(cwd, path);
        if (await fs.exists(whole)) continue;
        if (!(await fs.exists(whole.slice(0, whole.lastIndexOf('/')) || '/')))
          return failed(
            `mktemp: failed to create ${given.has('d') ? 'directory' : 'file'} via template '${folder}${template}': No such file or directory`,
          );
        if (given.has('u')) return ran(`${path}\n`);
        if (given.has('d')) await fs.mkdir(whole);
        else await fs.writeFile(whole, '');
        await fs.chmod(whole, given.has('d') ? 0o700 : 0o600);
        return ran(`${path}\n`);
      }
    },

    // Who is at the login is root, and nobody else is here.
    id: async words => {
      const { given, rest, wrong } = read(words, '', 'ugGnrz', {
        '--user': 'u',
        '--group': 'g',
        '--groups': 'G',
        '--name': 'n',
        '--real': 'r',
      });
      if (wrong) return unknown('id', wrong);
      if (rest.length > 0 && rest[0] !== 'root' && rest[0] !== '0') return failed(`id: ‘${rest[0]}’: no such user`);
      if (!['u', 'g', 'G'].some(letter => given.has(letter)))
        return given.has('n')
          ? failed('id: cannot print only names or real IDs in default format')
          : ran('uid=0(root) gid=0(root) groups=0(root)\n');
      return ran(given.has('n') ? 'root\n' : '0\n');
    },
    groups: async () => ran('root\n'),
    logname: async () => ran('root\n'),
    tty: async () => ran('not a tty\n', 1),
    sync: async () => ran(),
    arch: async () => ran('i686\n'),

    /** What it says is what it was told: files here have the modes that they are given. */
    umask: async words => {
      const [word] = words.filter(each => each !== '-S' && each !== '-p');
      if (word === undefined)
        return ran(
          words.includes('-S')
            ? `${['u', 'g', 'o'].map((who, i) => `${who}=${['r', 'w', 'x'].filter((_, bit) => ((mask >> (6 - 3 * i)) & (4 >> bit)) === 0).join('')}`).join(',')}\n`
            : `${mask.toString(8).padStart(4, '0')}\n`,
        );
      if (!/^[0-7]{1,4}$/.test(word)) return failed(`bash: umask: ${word}: invalid symbolic mode operator`);
      mask = Number.parseInt(word, 8) & 0o777;
      return ran();
    },

    realpath: async (words, { fs, cwd }) => {
      const { given, rest, wrong } = read(words, '', 'emszLPq', {
        '--canonicalize-existing': 'e',
        '--canonicalize-missing': 'm',
        '--no-symlinks': 's',
        '--quiet': 'q',
      });
      if (wrong) return unknown('realpath', wrong);
      if (rest.length === 0) return failed("realpath: missing operand\nTry 'realpath --help' for more information.");
      let stdout = '',
        stderr = '';
      for (const path of rest) {
        const whole = fs.resolvePath(cwd, path);
        const parent = whole.slice(0, whole.lastIndexOf('/')) || '/';
        const real = given.has('s')
          ? whole
          : await fs.realpath(whole).catch(async () => {
              if (given.has('m')) return whole;
              return given.has('e')
                ? undefined
                : fs.realpath(parent).then(
                    folder => `${folder === '/' ? '' : folder}/${whole.slice(whole.lastIndexOf('/') + 1)}`,
                    () => undefined,
                  );
            });
        if (real === undefined) stderr += given.has('q') ? '' : `realpath: ${path}: No such file or directory\n`;
        else stdout += `${real}\n`;
      }
      return ran(stdout, stderr === '' ? 0 : 1, stderr);
    },

    cmp: async (words, context) => {
      const { given, rest, wrong } = read(words, 'ni', 'slb', {
        '--silent': 's',
        '--quiet': 's',
        '--verbose': 'l',
        '--bytes': 'n',
      });
      if (wrong) return unknown('cmp', wrong);
      const [one, two = '-'] = rest;
      if (one === undefined)
        return failed("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.", 2);
      const [a, b] = await Promise.all([one, two].map(path => contentOf(path, context)));
      if (!a || !b) return failed(`cmp: ${a ? two : one}: No such file or directory`, 2);
      const most = Number(given.get('n') ?? Infinity),
        shorter = Math.min(a.length, b.length, most);
      const all: string[] = [];
      let line = 1;
      for (let at = 0; at < shorter; at++) {
        if (a[at] !== b[at]) {
          if (given.has('s')) return ran('', 1);
          if (!given.has('l')) return ran(`${one} ${two} differ: byte ${at + 1}, line ${line}\n`, 1);
          all.push(
            `${String(at + 1).padStart(String(shorter).length)} ${a[at].toString(8).padStart(3)} ${b[at].toString(8).padStart(3)}\n`,
          );
        }
        if (a[at] === 10) line++;
      }
      const isSame = Math.min(a.length, most) === Math.min(b.length, most);
      const eof =
        isSame || given.has('s')
          ? ''
          : `cmp: EOF on ${a.length < b.length ? one : two}${shorter === 0 ? ' which is empty' : ` after byte ${shorter}`}\n`;
      return ran(all.join(''), isSame && all.length === 0 ? 0 : 1, eof);
    },

    shuf: async (words, context) => {
      const { given, rest, wrong } = read(words, 'nio', 'ezr', {
        '--head-count': 'n',
        '--echo': 'e',
        '--input-range': 'i',
      });
      if (wrong) return unknown('shuf', wrong);
      const [, low, high] = /^(\d+)-(\d+)$/.exec(given.get('i') ?? '') ?? [];
      if (given.has('i') && (low === undefined || Number(high) - Number(low) > 1e6))
        return failed(`shuf: invalid input range: '${given.get('i')}'`);
      const content = given.has('e') || low !== undefined ? undefined : await contentOf(rest[0] ?? '-', context);
      if (!given.has('e') && low === undefined && !content)
        return failed(`shuf: ${rest[0]}: No such file or directory`);
      const items = given.has('e')
        ? [...rest]
        : low !== undefined
          ? Array.from({ length: Number(high) - Number(low) + 1 }, (_, i) => String(Number(low) + i))
          : linesOf(new TextDecoder().decode(content));
      for (let i = items.length - 1; i > 0; i--) {
        const other = random(i + 1);
        [items[i], items[other]] = [items[other], items[i]];
      }
      return ran(
        items
          .slice(0, Number(given.get('n') ?? Infinity))
          .map(item => `${item}\n`)
          .join(''),
      );
    },

    nohup: async (words, { exec, cwd, exportedEnv, signal, stdin }) =>
      words.length === 0
        ? failed("nohup: missing operand\nTry 'nohup --help' for more information.", 125)
        : ((await exec?.(words.map(quoted).join(' '), {
            cwd,
            env: exportedEnv ?? {},
            stdin: stdin as unknown as string,
            stdinKind: 'bytes',
            ...(signal ? { signal } : {}),
          })) ?? ran()),

    env: async (words, context) => {
      const { exportedEnv = {}, exec, signal, stdin } = context;
      let { cwd } = context;
      const env = new Map(Object.entries(exportedEnv));
      const rest = [...words];
      let end = '\n';
      for (let word = rest[0]; word !== undefined && /^-/.test(word); word = rest[0]) {
        rest.shift();
        const [, letter, attached] = /^-([uCS])(.*)$/s.exec(word) ?? [];
        const value = (): string => (attached === '' ? (rest.shift() ?? '') : (attached ?? ''));
        if (word === '--') break;
        if (word === '-' || word === '-i' || word === '--ignore-environment') env.clear();
        else if (word === '-0' || word === '--null') end = '\0';
        else if (letter === 'u') env.delete(value());
        else if (letter === 'C') cwd = context.fs.resolvePath(cwd, value());
        else if (word.startsWith('--unset=')) env.delete(word.slice(8));
        else if (word.startsWith('--chdir=')) cwd = context.fs.resolvePath(cwd, word.slice(8));
        else if (letter === 'S') rest.unshift(...value().split(/\s+/).filter(Boolean));
        else
          return failed(
            `env: invalid option -- '${word.replace(/^-+/, '')}'\nTry 'env --help' for more information.`,
            125,
          );
      }
      while (/^[^=]+=/.test(rest[0] ?? '')) {
        const word = rest.shift()!;
        env.set(word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1));
      }
      if (rest.length === 0) return ran([...env].map(([name, value]) => `${name}=${value}${end}`).join(''));
      const names = [...env.keys()].filter(name => /^[A-Za-z_]\w*$/.test(name));
      if (!env.has('PATH')) env.set('PATH', context.env.get('PATH') ?? '/usr/bin:/bin');
      const done = await exec?.(`${names.map(name => `export ${name};`).join('')}${rest.map(quoted).join(' ')}`, {
        env: Object.fromEntries(env),
        replaceEnv: true,
        cwd,
        stdin: stdin as unknown as string,
        stdinKind: 'bytes',
        ...(signal ? { signal } : {}),
      });
      return done
        ? {
            ...done,
            stderr:
              done.exitCode === 127
                ? done.stderr.replace(/^bash: (.*): command not found$/m, "env: '$1': No such file or directory")
                : done.stderr,
          }
        : ran();
    },

    install: async (words, { fs, cwd }) => {
      const { given, rest, wrong } = read(words, 'mogtS', 'dDvpcTs', {
        '--mode': 'm',
        '--directory': 'd',
        '--target-directory': 't',
      });
      if (wrong) return unknown('install', wrong);
      const mode = Number.parseInt(given.get('m') ?? '755', 8);
      if (Number.isNaN(mode)) return failed(`install: invalid mode '${given.get('m')}'`);
      if (given.has('d')) {
        for (const path of rest) {
          await fs.mkdir(fs.resolvePath(cwd, path), { recursive: true });
          await fs.chmod(fs.resolvePath(cwd, path), mode);
        }
        return ran();
      }
      const target = given.get('t') ?? rest.pop();
      if (target === undefined || rest.length === 0)
        return failed("install: missing file operand\nTry 'install --help' for more information.");
      const whole = fs.resolvePath(cwd, target);
      if (given.has('D'))
        await fs.mkdir(given.has('t') ? whole : whole.slice(0, whole.lastIndexOf('/')) || '/', { recursive: true });
      const isFolder = await fs.stat(whole).then(
        ({ isDirectory }) => isDirectory,
        () => false,
      );
      if (rest.length > 1 && !isFolder) return failed(`install: target '${target}': No such file or directory`);
      for (const path of rest) {
        const content = await fs.readFileBuffer(fs.resolvePath(cwd, path)).catch(() => undefined);
        if (!content) return failed(`install: cannot stat '${path}': No such file or directory`);
        const place = isFolder ? `${whole}/${path.slice(path.lastIndexOf('/') + 1)}` : whole;
        await fs.writeFile(place, content);
        await fs.chmod(place, mode);
      }
      return ran();
    },

    diff: async (words, context) => {
      const { given, wrong } = read(words, ...DIFF);
      // `-u0`: an old way to write -U0.
      const old = wrong && /^-u(\d+)$/.exec(wrong)?.[1];
      if (old) return diffFiles([...words.map(word => (word === wrong ? `-U${old}` : word))], context);
      if (wrong)
        return failed(
          `diff: ${wrong.startsWith('--') ? `unrecognized option '${wrong}'` : `invalid option -- '${wrong[1]}'`}\ndiff: Try 'diff --help' for more information.`,
          2,
        );
      if (['r', 'y', 'c', 'C', 'e', 'd'].some(letter => given.has(letter)))
        return (await context.origCommand?.(words)) ?? ran();
      return diffFiles(words, context);
    },

    hexdump: async (words, context) => {
      const { given, rest, wrong } = read(words, 'ns', 'Cv');
      if (wrong) return unknown('hexdump', wrong);
      const content = await contentOf(rest[0] ?? '-', context);
      if (!content) return failed(`hexdump: ${rest[0]}: No such file or directory`);
      const start = numberOf(given.get('s') ?? '0'),
        piece = content.subarray(start, start + numberOf(given.get('n') ?? 'Infinity'));
      return ran(hexdump(piece, start, given.has('C'), given.has('v')));
    },

    xxd: async (words, context) => {
      const { given, rest, wrong } = read(words, 'lscg', 'pur', { '--plain': 'p', '--ps': 'p' });
      if (wrong) return unknown('xxd', wrong);
      const content = await contentOf(rest[0] ?? '-', context);
      if (!content) return failed(`xxd: ${rest[0]}: No such file or directory`, 2);
      if (given.has('r')) {
        const digits = new TextDecoder()
          .decode(content)
          .split('\n')
          .map(line => (given.has('p') ? line : line.replace(/^[0-9a-f]+: /i, '').replace(/ {2}.*$/, '')))
          .join('')
          .replace(/[^0-9a-f]/gi, '');
        return {
          ...ran((digits.match(/../g) ?? []).map(each => String.fromCharCode(Number.parseInt(each, 16))).join('')),
          stdoutKind: 'bytes',
        };
      }
      const start = numberOf(given.get('s') ?? '0'),
        piece = content.subarray(start, start + numberOf(given.get('l') ?? 'Infinity'));
      const across = Number(given.get('c') ?? (given.has('p') ? 30 : 16)),
        inGroup = Number(given.get('g') ?? 2);
      const lines: string[] = [];
      for (let at = 0; at < piece.length; at += across) {
        const row = [...piece.subarray(at, at + across)],
          hex = row.map(byte => two(byte));
        const text = given.has('u') ? hex.map(each => each.toUpperCase()) : hex;
        if (given.has('p')) lines.push(text.join(''));
        else {
          const width = 2 * across + Math.ceil(across / inGroup) - 1;
          lines.push(
            `${(start + at).toString(16).padStart(8, '0')}: ${text
              .map((each, i) => (i > 0 && i % inGroup === 0 ? ` ${each}` : each))
              .join('')
              .padEnd(width)}  ${row.map(shown).join('')}`,
          );
        }
      }
      return ran(lines.map(line => `${line}\n`).join(''));
    },

    od: async (words, context) => {
      const { given, rest, wrong } = read(words, 'AtNjw', 'abcdfhilosvx', {
        '--address-radix': 'A',
        '--format': 't',
        '--read-bytes': 'N',
        '--skip-bytes': 'j',
      });
      if (wrong) return unknown('od', wrong);
      const content = await contentOf(rest[0] ?? '-', context);
      if (!content) return failed(`od: ${rest[0]}: No such file or directory`);
      const form = given.has('c')
        ? 'c'
        : given.has('x')
          ? 'x2'
          : given.has('b')
            ? 'o1'
            : given.has('d')
              ? 'u2'
              : (given.get('t') ?? 'o2');
      const [, kind, size] = /^([cxoud])([1248]?)z?$/.exec(form) ?? [];
      if (kind === undefined) return failed(`od: invalid type string ‘${form}’`);
      const start = numberOf(given.get('j') ?? '0'),
        piece = content.subarray(start, start + numberOf(given.get('N') ?? 'Infinity'));
      return ran(od(piece, start, kind, Number(size || (kind === 'c' ? 1 : 4)), given.get('A') ?? 'o', given.has('v')));
    },
  };
}

/** A number of bytes, as hexdump and od take it. */
const numberOf = (text: string): number =>
  text === 'Infinity'
    ? Infinity
    : Number(text.replace(/[kKmM]$/, '')) * (/k$/i.test(text) ? 1024 : /m$/i.test(text) ? 2 ** 20 : 1);
const two = (byte: number): string => byte.toString(16).padStart(2, '0');
const shown = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');
const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** Rows of 16 bytes, those that are as the one before once as `*`, and the end's offset. */
function rows(
  bytes: Uint8Array,
  start: number,
  all: boolean,
  offset: (at: number) => string,
  row: (bytes: Uint8Array) => string,
): string {
  const lines: string[] = [];
  let before: string | undefined,
    isStarred = false;
  for (let at = 0; at < bytes.length; at += 16) {
    const text = row(bytes.subarray(at, at + 16));
    if (!all && text === before && at + 16 <= bytes.length) {
      if (!isStarred) lines.push('*\n');
      isStarred = true;
      continue;
    }
    isStarred = false;
    before = text;
    lines.push(`${offset(start + at)}${text}\n`);
  }
  const end = offset(start + bytes.length);
  return lines.join('') + (end === '' ? '' : `${end}\n`);
}

function hexdump(bytes: Uint8Array, start: number, isCanonical: boolean, all: boolean): string {
  if (bytes.length === 0) return '';
  if (isCanonical) {
    const half = (part: Uint8Array): string => [...part].map(two).join(' ').padEnd(23);
    return rows(
      bytes,
      start,
      all,
      at => at.toString(16).padStart(8, '0'),
      row => `  ${half(row.subarray(0, 8))}  ${half(row.subarray(8))}  |${[...row].map(shown).join('')}|`,
    );
  }
  return rows(
    bytes,
    start,
    all,
    at => at.toString(16).padStart(7, '0'),
    row =>
      Array.from({ length: Math.ceil(row.length / 2) }, (_, i) => ` ${two(row[2 * i + 1] ?? 0)}${two(row[2 * i])}`)
        .join('')
        .padEnd(40),
  );
}

/** Digits that the largest value of so many bytes has. */
const DIGITS: Record<string, Record<number, number>> = {
  x: { 1: 2, 2: 4, 4: 8, 8: 16 },
  o: { 1: 3, 2: 6, 4: 11, 8: 22 },
  u: { 1: 3, 2: 5, 4: 10, 8: 20 },
  d: { 1: 4, 2: 6, 4: 11, 8: 20 },
};
const ESCAPES: Record<number, string> = {
  0: '\\0',
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

function od(bytes: Uint8Array, start: number, kind: string, size: number, radix: string, all: boolean): string {
  const offset = (at: number): string =>
    radix === 'n'
      ? ''
      : radix === 'x'
        ? at.toString(16).padStart(6, '0')
        : radix === 'd'
          ? String(at).padStart(7, '0')
          : at.toString(8).padStart(7, '0');
  const value = (row: Uint8Array, at: number): string => {
    if (kind === 'c')
      return (
        ESCAPES[row[at]] ??
        (row[at] >= 0x20 && row[at] < 0x7f ? String.fromCharCode(row[at]) : row[at].toString(8).padStart(3, '0'))
      ).padStart(4);
    let number = 0n;
    for (let i = size - 1; i >= 0; i--) number = (number << 8n) | BigInt(row[at + i] ?? 0);
    if (kind === 'd') number = BigInt.asIntN(8 * size, number);
    const digits = DIGITS[kind][size];
    return ` ${kind === 'x' ? number.toString(16).padStart(digits, '0') : kind === 'o' ? number.toString(8).padStart(digits, '0') : number.toString().padStart(digits)}`;
  };
  return rows(bytes, start, all, offset, row =>
    Array.from({ length: Math.ceil(row.length / size) }, (_, i) => value(row, i * size)).join(''),
  );
}

const DIFF: Parameters<typeof read> extends [unknown, ...infer Rest] ? Rest : never = [
  'UCLW',
  'uqsaNbwBirytced',
  {
    '--unified': 'u',
    '--brief': 'q',
    '--report-identical-files': 's',
    '--new-file': 'N',
    '--ignore-case': 'i',
    '--ignore-all-space': 'w',
    '--ignore-space-change': 'b',
    '--label': 'L',
  },
];

/** Two files, line by line. */
async function diffFiles(words: readonly string[], context: ResolvedCommandContext): Promise<ExecResult> {
  const { given, rest } = read(words, ...DIFF);
  const { fs, cwd } = context;
  const [one, two] = rest;
  if (two === undefined || rest.length > 2)
    return failed(
      `diff: ${two === undefined ? `missing operand after '${one ?? 'diff'}'` : `extra operand '${rest[2]}'`}\ndiff: Try 'diff --help' for more information.`,
      2,
    );
  const isFolder = (path: string): Promise<boolean> =>
    fs.stat(fs.resolvePath(cwd, path)).then(
      ({ isDirectory }) => isDirectory,
      () => false,
    );
  const [oneIs, twoIs] = [await isFolder(one), await isFolder(two)];
  if (oneIs && twoIs) return (await context.origCommand?.([...words])) ?? ran();
  const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const paths = [oneIs ? `${one}/${last(two)}` : one, twoIs ? `${two}/${last(one)}` : two];
  const contents = await Promise.all(
    paths.map(async path => (await contentOf(path, context)) ?? (given.has('N') ? new Uint8Array() : undefined)),
  );
  const missing = paths.filter((_, i) => !contents[i]);
  if (missing.length > 0) return ran('', 2, missing.map(path => `diff: ${path}: No such file or directory\n`).join(''));
  const [a, b] = contents.map(bytes => new TextDecoder().decode(bytes));
  if (a === b) return ran(given.has('s') ? `Files ${paths[0]} and ${paths[1]} are identical\n` : '');
  if (a.includes('\0') || b.includes('\0')) return ran(`Binary files ${paths[0]} and ${paths[1]} differ\n`, 2);
  const form: Form = {
    ...(given.has('u') || given.has('U') ? { context: Number(given.get('U') || 3) } : {}),
    same: line => {
      const spaced = given.has('w')
        ? line.replace(/\s+/g, '')
        : given.has('b')
          ? line.replace(/\s+/g, ' ').trimEnd()
          : line;
      return given.has('i') ? spaced.toLowerCase() : spaced;
    },
  };
  const text = difference(a, b, form);
  if (text === '') return ran();
  if (given.has('q')) return ran(`Files ${paths[0]} and ${paths[1]} differ\n`, 1);
  const labels = words.flatMap((word, i) =>
    word === '-L' || word === '--label' ? [words[i + 1]] : word.startsWith('--label=') ? [word.slice(8)] : [],
  );
  const stamp = async (path: string, i: number): Promise<string> =>
    labels[i] ??
    `${path}\t${(
      await fs.stat(fs.resolvePath(cwd, path)).then(
        ({ mtime }) => mtime,
        () => new Date(0),
      )
    )
      .toISOString()
      .replace('T', ' ')
      .replace('Z', '000000 +0000')}`;
  return ran(
    form.context === undefined ? text : `--- ${await stamp(paths[0], 0)}\n+++ ${await stamp(paths[1], 1)}\n${text}`,
    1,
  );
}
