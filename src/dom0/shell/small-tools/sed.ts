/** `sed`, as GNU sed 4.9 has it: just-bash's reads ranges, hold space and files otherwise. Source: its manual. */
import type { ResolvedCommandContext } from 'just-bash/browser';
import type { ShellCommand } from '../shell-command.ts';
import { PATHS } from '../rewriting.ts';
import { contentOf, failed, noOption, ran } from './options.ts';
import { Run } from './sed-run.ts';
import { PANIC, readScript, SedError, type Source } from './sed-script.ts';
import { bytesText, textOfBytes } from './stray-bytes.ts';

const USAGE = 'Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n';
/** Columns of `l` where nothing says another number. */
const LINE_LENGTH = 70;
/** Long options by letters; `:` behind a name: it has a value, `?` it may have one. */
const LONG: Record<string, string> = {
  quiet: 'n',
  silent: 'n',
  'regexp-extended': 'E',
  'expression:': 'e',
  'file:': 'f',
  'in-place?': 'i',
  'line-length:': 'l',
  separate: 's',
  unbuffered: 'u',
  'null-data': 'z',
  'zero-terminated': 'z',
  binary: 'b',
  sandbox: '-sandbox',
  'follow-symlinks': '-follow-symlinks',
  posix: '-posix',
  debug: '-debug',
  help: '-help',
  version: '-version',
};

interface Given {
  flags: Set<string>;
  /** In their order. */
  sources: { letter: 'e' | 'f'; value: string }[];
  suffix: string;
  lineLength: number;
  operands: string[];
}

const wrongUse = (what: string): SedError => new SedError(`sed: ${what}\n${USAGE.trimEnd()}`);

/** A long option, also cut short. */
function longOf(word: string): { letter: string; value: string | undefined; wantsValue: boolean } {
  const [, name, value] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!;
  const found = Object.keys(LONG).filter(each => each.replace(/\W$/, '') === name);
  const close = found.length > 0 ? found : Object.keys(LONG).filter(each => each.startsWith(name));
  if (close.length === 0) throw wrongUse(`unrecognized option '--${name}'`);
  if (new Set(close.map(each => LONG[each])).size > 1)
    throw wrongUse(
      `option '--${name}' is ambiguous; possibilities:${close.map(each => ` '--${each.replace(/\W$/, '')}'`).join('')}`,
    );
  const [full] = close;
  if (value !== undefined && !/\W$/.test(full)) throw wrongUse(`option '--${full}' doesn't allow an argument`);
  return { letter: LONG[full], value, wantsValue: full.endsWith(':') };
}

/** Words as getopt_long(3) reads them. @throws SedError */
function givenBy(words: readonly string[]): Given {
  const given: Given = { flags: new Set(), sources: [], suffix: '', lineLength: LINE_LENGTH, operands: [] };
  const queue = [...words];
  const take = (letter: string, value: string): void => {
    if (letter === 'e' || letter === 'f') given.sources.push({ letter, value });
    else if (letter === 'l') given.lineLength = Number(/^\d*/.exec(value)![0]);
    else {
      given.flags.add(letter === 'r' ? 'E' : letter);
      if (letter === 'i') given.suffix = value;
    }
  };
  const needed = (name: string): string => {
    const value = queue.shift();
    if (value === undefined)
      throw wrongUse(
        name.length > 1 ? `option '--${name}' requires an argument` : `option requires an argument -- '${name}'`,
      );
    return value;
  };
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      given.operands.push(...queue);
      break;
    }
    if (word.startsWith('--')) {
      const { letter, value, wantsValue } = longOf(word);
      take(letter, value ?? (wantsValue ? needed(word.slice(2)) : ''));
    } else if (word === '-' || !word.startsWith('-')) given.operands.push(word);
    else
      for (let at = 1; at < word.length; at++) {
        const letter = word[at],
          rest = word.slice(at + 1);
        if (!'nErsuzbeflih'.includes(letter)) throw wrongUse(noOption(`-${letter}`));
        if (/[efli]/.test(letter)) {
          take(letter, rest !== '' || letter === 'i' ? rest : needed(letter));
          break;
        }
        take(letter === 'h' ? '-help' : letter, '');
      }
  }
  return given;
}

/** The script's parts; the first operand, where there is no other. @throws SedError */
async function sourcesOf({ sources, operands }: Given, context: ResolvedCommandContext): Promise<Source[]> {
  const found: Source[] = [];
  let expressions = 0;
  if (sources.length === 0) {
    const text = operands.shift();
    if (text === undefined) throw new SedError(USAGE.trimEnd());
    sources.push({ letter: 'e', value: text });
  }
  for (const { letter, value } of sources)
    if (letter === 'e') found.push({ text: value, name: `-e expression #${++expressions}`, isFile: false });
    else {
      const bytes = await contentOf(PATHS.stdin.some(path => path === value) ? '-' : value, context);
      if (!bytes) throw new SedError(`sed: couldn't open file ${value}: No such file or directory`, PANIC);
      found.push({ text: textOfBytes(bytes).replace(/\n$/, ''), name: `file ${value}`, isFile: true });
    }
  return found;
}

export const sed: ShellCommand = async (words, context) => {
  let run: Run | undefined;
  try {
    const given = givenBy(words);
    const { flags, operands, suffix, lineLength } = given;
    if (flags.has('-help')) return ran(USAGE);
    if (flags.has('-version')) return ran('sed (GNU sed) 4.9\n');
    for (const flag of ['-posix', '-debug', '-follow-symlinks'])
      if (flags.has(flag)) return failed(`sed: -${flag} is not offered here`);
    const sources = await sourcesOf(given, context);
    const isInPlace = flags.has('i');
    const script = readScript(sources, {
      isExtended: flags.has('E'),
      isNull: flags.has('z'),
      isSandbox: flags.has('-sandbox'),
    });
    if (isInPlace && operands.length === 0) return failed('sed: no input files', PANIC);
    run = new Run(script, operands.length > 0 ? operands : ['-'], context, {
      isQuiet: flags.has('n'),
      isSeparate: isInPlace || flags.has('s'),
      isInPlace,
      delimiter: flags.has('z') ? '\0' : '\n',
      lineLength,
      replace: (path, bytes) => replaced(path, bytes, suffix, context),
    });
    return end(run, await run.run());
  } catch (error) {
    if (!(error instanceof SedError)) throw error;
    return run ? end(run, error.status, error.message) : failed(error.message, error.status);
  }
};

const end = ({ stdout, stderr, input }: Run, exitCode: number, message = '') => ({
  stdout: bytesText(stdout.text),
  stderr: input.stderr + stderr.text + (message === '' ? '' : `${message}\n`),
  exitCode,
  stdoutKind: 'bytes' as const,
});

/** A file edited in its place; `-iSUFFIX` keeps what it was. */
async function replaced(
  path: string,
  bytes: Uint8Array,
  suffix: string,
  { fs, cwd }: ResolvedCommandContext,
): Promise<void> {
  const whole = fs.resolvePath(cwd, path);
  const cut = whole.lastIndexOf('/') + 1;
  if (suffix !== '') {
    const name = whole.slice(cut);
    const kept = suffix.includes('*') ? suffix.replaceAll('*', name) : name + suffix;
    await fs.cp(whole, kept.includes('/') ? fs.resolvePath(cwd, kept) : whole.slice(0, cut) + kept);
  }
  await fs.writeFile(whole, bytes);
}
