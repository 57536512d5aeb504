/** cmp and diff, of diffutils. */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { difference, type Form } from '../difference.ts';
import type { ShellCommand } from '../shell-command.ts';
import { contentOf, failed, noOption, ran, read, unknown } from './options.ts';

export const COMPARING: Record<string, ShellCommand> = {
  cmp: async (words, context) => {
    const { given, options, rest, wrong } = read(words, 'ni', 'slb', {
      '--silent': 's',
      '--quiet': 's',
      '--verbose': 'l',
      '--bytes': 'n',
    });
    if (wrong) return unknown('cmp', wrong);
    const odd = ['i', 'b'].find(letter => given.has(letter));
    if (odd !== undefined) return failed(`cmp: -${odd} is not offered here`, 2);
    if (given.has('l') && given.has('s')) return failed('cmp: options -l and -s are incompatible', 2);
    const [one, two = '-'] = rest;
    if (one === undefined)
      return failed("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.", 2);
    const [a, b] = await Promise.all([one, two].map(path => contentOf(path, context)));
    if (!a || !b) return failed(`cmp: ${a ? two : one}: No such file or directory`, 2);
    // Of several the least counts.
    const most = Math.min(...options.flatMap(([letter, value]) => (letter === 'n' ? [Number(value)] : [])), Infinity),
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

  diff: async (words, context) => {
    const { given, wrong } = read(words, ...DIFF);
    // `-u0`: an old way to write -U0.
    const old = wrong && /^-u(\d+)$/.exec(wrong)?.[1];
    if (old) return diffFiles([...words.map(word => (word === wrong ? `-U${old}` : word))], context);
    if (wrong) return failed(`diff: ${noOption(wrong)}\ndiff: Try 'diff --help' for more information.`, 2);
    if (['r', 'y', 'c', 'C', 'e', 'd'].some(letter => given.has(letter)))
      return (await context.origCommand?.(words)) ?? ran();
    return diffFiles(words, context);
  },
};

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
    '--expand-tabs': 't',
  },
];

/** `-t`: blanks to the next multiple of eight, counted from behind what marks a line. */
const withoutTabs = (text: string, mark: number): string =>
  text.replace(/^.*\t.*$/gm, line => {
    let shown = '';
    for (const character of line.slice(mark))
      shown += character === '\t' ? ' '.repeat(8 - (shown.length % 8)) : character;
    return line.slice(0, mark) + shown;
  });

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
    paths.map(
      async path =>
        (await contentOf(path, context)) ?? (given.has('N') && !oneIs && !twoIs ? new Uint8Array() : undefined),
    ),
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
  let text = difference(a, b, form);
  if (text === '') return ran();
  if (given.has('t')) text = withoutTabs(text, form.context === undefined ? 2 : 1);
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
