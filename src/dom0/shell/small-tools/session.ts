/** Tools about who runs a command, and how: id, env, nohup, umask and the like. */
import { latin1Of } from '../standard-input.ts';
import { MACHINE } from '../../toolstack/index.ts';
import { quoted, type ShellCommand } from '../shell-command.ts';
import { failed, ran, read, unknown } from './options.ts';

export const SESSION: Record<string, ShellCommand> = {
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
  arch: async () => ran(`${MACHINE}\n`),

  nohup: async (words, { exec, cwd, exportedEnv, signal, stdin }) =>
    words.length === 0
      ? failed("nohup: missing operand\nTry 'nohup --help' for more information.", 125)
      : ((await exec?.(words.map(quoted).join(' '), {
          cwd,
          env: exportedEnv ?? {},
          stdin: latin1Of(stdin),
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
      stdin: latin1Of(stdin),
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
};

/** The mask of a session's files, which starts as Debian's: it prints its value, and files here have the modes that they are given. */
export function umask(): ShellCommand {
  let mask = 0o022;
  return async words => {
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
  };
}
