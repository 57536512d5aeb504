/** A tool's answer on this machine and in Domain 0's shell, and what they are to each other. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InMemoryFs } from 'just-bash/browser';
import { Bash } from '../../dom0/shell/index.ts';
import type { Case } from './cases.ts';

export interface Answer {
  status: number;
  stdout: string;
  stderr: string;
  /** Those that are otherwise than before; `null`: gone. */
  files: Record<string, string | null>;
}
export type Judgement = 'alike' | 'refused' | 'lenient' | 'misread';

const LIMIT_MS = 5000;
const TIMED_OUT = 124;

/** What of the files became other. */
function changes(before: Record<string, string>, after: Record<string, string>): Record<string, string | null> {
  const changed: Record<string, string | null> = {};
  for (const name of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
    if (before[name] !== after[name]) changed[name] = after[name] ?? null;
  return changed;
}

export async function realOf({ words, stdin, files }: Case): Promise<Answer> {
  const folder = mkdtempSync(join(tmpdir(), 'judge-tools-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    chmodSync(folder, 0o755);
    for (const [path, seconds] of timesOf(files)) utimesSync(join(folder, path), seconds, seconds);
    const [name, ...rest] = words;
    const isBuiltIn = BUILT_IN.has(name!);
    const ran = await new Promise<Omit<Answer, 'files'>>(resolve => {
      const child = execFile(
        // Not its path: some say that in front of their sentences.
        isBuiltIn ? 'bash' : name!,
        isBuiltIn ? ['-c', `${name} "$@"`, 'bash', ...rest] : rest,
        {
          cwd: folder,
          env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', HOME: '/root' },
          timeout: LIMIT_MS,
          encoding: 'latin1',
        },
        (error, stdout, stderr) =>
          resolve({ status: error ? (typeof error.code === 'number' ? error.code : TIMED_OUT) : 0, stdout, stderr }),
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(stdin);
    });
    const after: Record<string, string> = {};
    for (const path of readdirSync(folder, { recursive: true }) as string[])
      if (isFile(join(folder, path))) after[path] = readFileSync(join(folder, path), 'latin1');
    return { ...ran, stdout: inWords(ran.stdout, folder), files: changes(files, after) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a login's shell has itself, whatever there is in /usr/bin. */
const BUILT_IN = new Set(['printf', 'test', '[']);

/** Files and folders with times that differ, in the order of their names. */
const timesOf = (files: Record<string, string>): [path: string, seconds: number][] =>
  [...Object.keys(files), 'd', '.'].sort().map((path, i) => [path, 1e9 + 10 * i]);

/** Or a link to one; links may go round in circles. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The folder is another; and where LC_MESSAGES is C, as here, POSIX has cmp say `char` for a byte. */
const inWords = (text: string, folder: string): string =>
  text.replaceAll(folder, HOME).replace(/ differ: char /, ' differ: byte ');

const HOME = '/root';

/** One shell for all: each case finds the same empty folder. */
let shell: { fs: InMemoryFs; bash: Bash } | undefined;

export async function oursOf({ words, stdin, files }: Case): Promise<Answer> {
  shell ??= fresh();
  const { fs, bash } = shell;
  await fs.rm(HOME, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(dirname(`${HOME}/${name}`), { recursive: true });
    await fs.writeFile(`${HOME}/${name}`, text);
  }
  for (const [path, seconds] of timesOf(files))
    await fs.utimes(fs.resolvePath(HOME, path), new Date(seconds * 1e3), new Date(seconds * 1e3));
  bash.directory = HOME;
  const line = words.map((word, i) => (i === 0 ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
  const { stdout, stderr, status } = await bash.run(line, { stdin, isAll: true });
  const after: Record<string, string> = {};
  for (const path of fs.getAllPaths())
    if (path.startsWith(`${HOME}/`) && (await fs.stat(path).catch(() => undefined))?.isFile)
      after[path.slice(HOME.length + 1)] = await fs.readFile(path);
  return { status, stdout, stderr, files: changes(files, after) };
}

function fresh(): { fs: InMemoryFs; bash: Bash } {
  const fs = new InMemoryFs();
  const bash = new Bash({
    fs,
    programs: [],
    sleep: async () => {},
    directory: '/root',
    environment: { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TZ: 'UTC' },
    random: () => 0,
  });
  return { fs, bash };
}

/** A refusal says something; `grep`, `test` and `cmp` answer by a status alone. */
const refuses = ({ status, stderr }: Answer): boolean => status !== 0 && stderr !== '';

/** A folder has its entries in any order, where nothing sorts them. */
const ordered = (words: readonly string[], text: string): string =>
  words[0] === 'find' || (/grep$/.test(words[0]!) && words.some(word => /^-[a-zA-Z]*[rRd]|^--rec|^--dir/.test(word)))
    ? text
        .split(/(?<=[\n\0])/)
        .sort()
        .join('')
    : text;

export function judgementOf({ words }: Case, ours: Answer, real: Answer): Judgement {
  if (refuses(ours) && refuses(real)) return 'alike';
  if (refuses(ours)) return 'refused';
  if (refuses(real)) return ours.status === 0 || ours.stderr === '' ? 'lenient' : 'misread';
  const isAlike =
    ours.status === real.status &&
    ordered(words, ours.stdout) === ordered(words, real.stdout) &&
    JSON.stringify(ours.files) === JSON.stringify(real.files);
  return isAlike ? 'alike' : 'misread';
}
