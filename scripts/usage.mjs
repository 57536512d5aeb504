/** What a program says of itself, and how it refuses what it does not know: the comment at the head of its file is its usage. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMain } from './lib.mjs';

/** The comment at the head of a file, without its stars. */
export function headOf(path) {
  const [, comment = ''] = /^\/\*\*\s*([\s\S]*?)\s*\*\//.exec(readFileSync(path, 'utf8')) ?? [];
  return comment.replaceAll(/^ ?\* ?/gm, '').trim();
}

/** The lines of a usage that say what to type. */
export const commandsOf = head =>
  head
    .split('\n')
    .filter(line => /^\s*`?(npm|npx|node) /.test(line))
    .map(line => line.trim());

/** Whether somebody asks for the usage. */
const isAsked = argv => argv.includes('--help') || argv.includes('-h');

/** True: the usage of the program at `path` was asked for and is written. */
export function explained(path, argv) {
  if (isAsked(argv)) process.stdout.write(`${headOf(path)}\n`);
  return isAsked(argv);
}

/** A sentence for options that parseArgs refuses; undefined: the error is another. */
export const refusalOf = (error, path) =>
  String(error?.code).startsWith('ERR_PARSE_ARGS')
    ? `${basename(path).replace(/\.[mt]js$|\.ts$/, '')}: ${error.message}\n${commandsOf(headOf(path)).join('\n')}\n`
    : undefined;

/** For a script, before it reads its options: `--help` ends it with its usage, options that it does not know with a sentence and status 2. */
export function explain(url) {
  // Others import it for what it offers.
  if (!isMain(url)) return;
  const path = fileURLToPath(url);
  if (explained(path, process.argv.slice(2))) process.exit(0);
  process.on('uncaughtException', error => {
    process.stderr.write(refusalOf(error, path) ?? `${error?.stack ?? error}\n`);
    process.exit(refusalOf(error, path) ? 2 : 1);
  });
}
