/** Commands that make one file of another: what is written behind their names, and what they say. */
import { realpathSync } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';

export const NOT_DONE = 1;
const WRONG_USE = 2;

interface Made {
  /** Behind `ringside`. */
  command: string;
  /** What it takes, as its usage names it, and in a sentence. */
  operand: string;
  kind: string;
  usage: string;
  /** Next to --output and --help. */
  options?: NonNullable<ParseArgsConfig['options']>;
  /** Where the file goes that is made of one at this path, where nobody says so. */
  output(path: string): string;
  /** The end of a sentence: what would be lost if it went over the other. */
  lost: string;
}

/** Says it to the caller; the status. */
export const tell = (status: number, sentence: string): number => (process.stderr.write(`${sentence}\n`), status);

/** By whatever names and links. */
function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return one === other;
  }
}

/** The two paths, and whether a switch of `options` is on. A number is the status with which it is over: 0 after --help, 2 for wrong use. */
export function oneFile(
  argv: string[],
  { command, operand, kind, usage, options = {}, output: outputOf, lost }: Made,
): { path: string; output: string; isOn(option: string): boolean } | number {
  const wrong = (sentence: string): number => tell(WRONG_USE, `ringside ${command}: ${sentence}`);
  let values: Readonly<Record<string, unknown>>, positionals: string[];
  try {
    ({ values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { output: { type: 'string', short: 'o' }, help: { type: 'boolean', short: 'h' }, ...options },
    }));
  } catch (error) {
    return wrong((error as Error).message.split('\n')[0]!);
  }
  if (values.help) return (process.stdout.write(usage), 0);
  const [path, ...more] = positionals;
  if (path === undefined) return wrong(`write ringside ${command} ${operand}, or --help.`);
  if (more.length > 0) return wrong(`one ${kind} at a time, and ${more[0]} is a second one.`);
  const output = (values.output as string | undefined) ?? outputOf(path);
  if (isSameFile(output, path)) return wrong(`${lost}; write -o FILE.`);
  return { path, output, isOn: option => values[option] === true };
}
