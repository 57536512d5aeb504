/** Tools about files and lines: mktemp, realpath, install, shuf. */
import type { ShellCommand } from '../shell-command.ts';
import { contentOf, failed, ran, read, unknown } from './options.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

export const FILES: Record<string, ShellCommand> = {
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
};

/** Those that draw lots; `random`: below a number. */
export const byLot = (random: (below: number) => number): Record<string, ShellCommand> => ({
  mktemp: mktemp(random),
  shuf: shuf(random),
});

const mktemp =
  (random: (below: number) => number): ShellCommand =>
  async (words, { fs, cwd, env }) => {
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
  };

const shuf =
  (random: (below: number) => number): ShellCommand =>
  async (words, context) => {
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
    if (!given.has('e') && low === undefined && !content) return failed(`shuf: ${rest[0]}: No such file or directory`);
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
  };
