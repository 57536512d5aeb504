/** tar, by modern-tar: archives of files and folders, with gzip. Source: GNU tar's manual (1.34) for options, listing and refusals. */
import { part } from '../../../formats/loading/index.ts';
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import type { ShellCommand } from '../shell-command.ts';
import { contentOf, failed, ran, read } from './options.ts';

const VALUED = 'fC',
  FLAGS = 'cxtzvkpOa';
const LONG = {
  '--create': 'c',
  '--extract': 'x',
  '--get': 'x',
  '--list': 't',
  '--gzip': 'z',
  '--verbose': 'v',
  '--file': 'f',
  '--directory': 'C',
  '--to-stdout': 'O',
  '--auto-compress': 'a',
};
const NOT_DONE = 2;
const HINT = "Try 'tar --help' or 'tar --usage' for more information.";
const GONE = 'Error is not recoverable: exiting now';
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const KINDS: Record<string, string> = { directory: 'd', symlink: 'l', link: 'h', file: '-' };

type Modern = typeof import('modern-tar');

const modernTar = part(() => import('modern-tar'), 'packs tar archives');
type Entry = Parameters<Modern['packTar']>[0][number];

const through = async (bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> =>
  new Uint8Array(await new Response(new Blob([bytes.slice()]).stream().pipeThrough(stream)).arrayBuffer());
const refused = (why: string): ExecResult => failed(`tar: ${why}`, NOT_DONE);
const binary = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
};

/** A line of `tar -tv`. */
function described({ name, size, mode = 0, type = 'file', mtime, linkname }: Entry['header']): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => ((mode >> (8 - i)) & 1 ? letter : '-')).join('');
  const when = (mtime ?? new Date(0)).toISOString();
  const to = type === 'symlink' ? ` -> ${linkname}` : type === 'link' ? ` link to ${linkname}` : '';
  return `${KINDS[type] ?? '-'}${bits} root/root ${String(size).padStart(9)} ${when.slice(0, 10)} ${when.slice(11, 16)} ${name}${to}`;
}

/** Where an archive's member goes: never outside of the folder that it is unpacked in. */
const within = (name: string): string | undefined => {
  const path = name.replace(/^\/+/, '');
  return path.split('/').includes('..') ? undefined : path;
};

async function create(
  paths: readonly string[],
  { fs }: ResolvedCommandContext,
  directory: string,
): Promise<{ entries: Entry[]; missing: string[] }> {
  const entries: Entry[] = [],
    missing: string[] = [];
  const add = async (path: string): Promise<void> => {
    const whole = fs.resolvePath(directory, path);
    const stat = await fs.lstat(whole).catch(() => undefined);
    if (!stat) return void missing.push(path);
    const name = path.replace(/^\/+/, '').replace(/\/+$/, '');
    const common = { mode: stat.mode & 0o7777, mtime: stat.mtime, uname: 'root', gname: 'root' };
    if (stat.isSymbolicLink) {
      const linkname = await fs.readlink(whole);
      entries.push({ header: { ...common, name, size: 0, type: 'symlink', linkname } });
    } else if (stat.isDirectory) {
      if (name !== '') entries.push({ header: { ...common, name: `${name}/`, size: 0, type: 'directory' } });
      for (const each of (await fs.readdir(whole)).toSorted()) await add(`${path.replace(/\/+$/, '')}/${each}`);
    } else {
      const body = await fs.readFileBuffer(whole);
      entries.push({ header: { ...common, name, size: body.length }, body });
    }
  };
  for (const path of paths) await add(path);
  return { entries, missing };
}

async function extract(
  entries: Awaited<ReturnType<Modern['unpackTar']>>,
  { fs }: ResolvedCommandContext,
  directory: string,
  keeps: boolean,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { header, data } of entries) {
    const path = within(header.name);
    if (path === undefined) {
      problems.push(`${header.name}: Member name contains '..'`);
      continue;
    }
    const whole = fs.resolvePath(directory, path);
    if (header.type === 'directory') {
      await fs.mkdir(whole, { recursive: true });
      continue;
    }
    await fs.mkdir(whole.slice(0, whole.lastIndexOf('/')) || '/', { recursive: true });
    if (await fs.exists(whole)) {
      if (keeps) {
        problems.push(`${path}: Cannot open: File exists`);
        continue;
      }
      await fs.rm(whole, { recursive: true, force: true });
    }
    if (header.type === 'symlink') await fs.symlink(header.linkname ?? '', whole);
    else if (header.type === 'link') await fs.cp(fs.resolvePath(directory, within(header.linkname ?? '') ?? ''), whole);
    else {
      await fs.writeFile(whole, data ?? new Uint8Array());
      if (header.mode !== undefined) await fs.chmod(whole, header.mode & 0o7777);
    }
  }
  return problems;
}

/** The old way of options: the first word without its hyphen, whose values follow in its letters' order. */
function modern(words: readonly string[]): string[] {
  const [first = '', ...rest] = words;
  if (first.startsWith('-') || !/[cxt]/.test(first) || !new RegExp(`^[${FLAGS}${VALUED}]+$`).test(first))
    return [...words];
  return [...first]
    .flatMap(letter => (VALUED.includes(letter) ? [`-${letter}`, rest.shift() ?? ''] : [`-${letter}`]))
    .concat(rest);
}

export const tar: ShellCommand = async (words, context) => {
  const { given, rest, wrong } = read(modern(words), VALUED, FLAGS, LONG);
  if (wrong)
    return refused(
      `${wrong.startsWith('--') ? 'unrecognized option' : 'invalid option --'} '${wrong.replace(/^-(?!-)/, '')}'\n${HINT}`,
    );
  const modes = ['c', 'x', 't'].filter(letter => given.has(letter));
  if (modes.length === 0)
    return refused(`You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n${HINT}`);
  if (modes.length > 1)
    return refused(`You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option\n${HINT}`);
  const { fs, cwd } = context,
    file = given.get('f') ?? '-',
    directory = fs.resolvePath(cwd, given.get('C') ?? '.');
  if (!(await fs.exists(directory)))
    return refused(`${given.get('C')}: Cannot open: No such file or directory\ntar: ${GONE}`);
  const { packTar, unpackTar } = await modernTar.load();
  const tell = (names: string[]): string => names.map(name => `${name}\n`).join('');

  if (given.has('c')) {
    if (rest.length === 0) return refused(`Cowardly refusing to create an empty archive\n${HINT}`);
    const { entries, missing } = await create(rest, context, directory);
    const packed = await packTar(entries);
    const zipped = given.has('z') || (given.has('a') && /\.t?gz$/.test(file));
    const bytes = zipped ? await through(packed, new CompressionStream('gzip')) : packed;
    const outside = rest.some(path => path.startsWith('/')) ? "tar: Removing leading `/' from member names\n" : '';
    const names = given.has('v') ? tell(entries.map(({ header }) => header.name)) : '';
    const stderr = outside + missing.map(path => `tar: ${path}: Cannot stat: No such file or directory\n`).join('');
    const status = missing.length > 0 ? NOT_DONE : 0;
    const last = status === 0 ? '' : 'tar: Exiting with failure status due to previous errors\n';
    if (file === '-') return { ...ran(binary(bytes), status, names + stderr + last), stdoutKind: 'bytes' };
    await fs.writeFile(fs.resolvePath(cwd, file), bytes);
    return ran(names, status, stderr + last);
  }

  const packed = await contentOf(file, context);
  if (!packed) return refused(`${file}: Cannot open: No such file or directory\ntar: ${GONE}`);
  let entries: Awaited<ReturnType<typeof unpackTar>>;
  try {
    const bytes = isGzip(packed) ? await through(packed, new DecompressionStream('gzip')) : packed;
    entries = await unpackTar(bytes, { strict: true });
  } catch {
    return refused('This does not look like a tar archive\ntar: Exiting with failure status due to previous errors');
  }
  const wanted = rest.map(path => path.replace(/\/+$/, ''));
  const isWanted = (name: string): boolean =>
    wanted.length === 0 || wanted.some(path => name.replace(/\/$/, '') === path || name.startsWith(`${path}/`));
  const chosen = entries.filter(({ header }) => isWanted(header.name));
  const absent = wanted.filter(
    path => !entries.some(({ header: { name } }) => name.replace(/\/$/, '') === path || name.startsWith(`${path}/`)),
  );
  let problems = absent.map(path => `${path}: Not found in archive`);
  let stdout = '';
  if (given.has('t')) stdout = tell(chosen.map(({ header }) => (given.has('v') ? described(header) : header.name)));
  else if (given.has('O'))
    return { ...ran(chosen.map(({ data }) => binary(data ?? new Uint8Array())).join('')), stdoutKind: 'bytes' };
  else {
    problems = [...problems, ...(await extract(chosen, context, directory, given.has('k')))];
    if (given.has('v')) stdout = tell(chosen.map(({ header }) => header.name));
  }
  const status = problems.length > 0 ? NOT_DONE : 0;
  const stderr = problems.map(problem => `tar: ${problem}\n`).join('');
  return ran(stdout, status, status === 0 ? '' : `${stderr}tar: Exiting with failure status due to previous errors\n`);
};
