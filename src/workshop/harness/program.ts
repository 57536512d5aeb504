/**
 * The form of a program of the workshop.
 *
 * *Idea*: a program declares its options, each as a value of `options.ts`, and a function that gets what they were given. `program` makes its `main` of them:
 * it reads the command line, refuses what it does not know with a sentence, a usage line and status 2, and returns the status of the work. `--help` prints the
 * head of the program's file (scripts/usage.mjs), so what an option means is written there alone.
 */
import { parseArgs } from 'node:util';
import { type Option, WrongUse } from './options.ts';

/** Text of a report, or of a complaint. */
export type Write = (text: string) => void;

/** The status of a command line that asks for what there is not. */
const WRONG_USE = 2;

type Values<Options> = { [Name in keyof Options]: Options[Name] extends Option<infer Value> ? Value : never };

/** Returns the exit status: 0 where nothing failed, 1 where something did, 2 for a wrong command line. Reports go to `write`, complaints to `complain`. */
export type Main = (argv: string[], write?: Write, complain?: Write) => Promise<number>;

interface Program<Options> {
  /** As npm knows it, such as `fuzz:cpu`. */
  name: string;
  options: Options;
  /** Words of the command line that are no options, as the usage names them; absent: it takes none. */
  operands?: string;
  run(values: Values<Options>, write: Write, operands: string[], complain: Write): number | Promise<number>;
}

/** `[--seed N]…` */
function shapeOf(name: string, { shape, isRepeated, isRequired }: Option<unknown>): string {
  const text = shape === '' ? `--${name}` : `--${name} ${shape}`;
  return `${isRequired ? text : `[${text}]`}${isRepeated ? '…' : ''}`;
}

function usageOf(name: string, options: Record<string, Option<unknown>>, operands?: string): string {
  const shapes = Object.entries(options).flatMap(([each, option]) => (option.isHidden ? [] : shapeOf(each, option)));
  return ['usage:', name, ...(operands === undefined ? [] : [operands]), ...shapes].join(' ');
}

/** @throws WrongUse */
function read<Options extends Record<string, Option<unknown>>>(
  argv: string[],
  options: Options,
  mayHaveOperands: boolean,
): { values: Values<Options>; operands: string[] } {
  const given = parseArgs({
    args: argv,
    allowPositionals: mayHaveOperands,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { shape }]) => [
        name,
        shape === '' ? { type: 'boolean' as const } : { type: 'string' as const, multiple: true },
      ]),
    ),
  });
  const values = Object.entries(options).map(([name, option]) => {
    const texts = given.values[name] ?? [];
    return [name, option.read(texts === true ? [''] : (texts as string[]), `--${name}`)];
  });
  return { values: Object.fromEntries(values) as Values<Options>, operands: given.positionals };
}

const isWrongUse = (error: unknown): error is Error =>
  error instanceof WrongUse || String((error as { code?: unknown } | null)?.code).startsWith('ERR_PARSE_ARGS');

/** What `scripts/program.mjs` calls. */
export function program<Options extends Record<string, Option<unknown>>>({
  name,
  options,
  operands,
  run,
}: Program<Options>): Main {
  return async (
    argv,
    write = text => void process.stdout.write(text),
    complain = text => void process.stderr.write(text),
  ) => {
    try {
      const given = read(argv, options, operands !== undefined);
      return await run(given.values, write, given.operands, complain);
    } catch (error) {
      if (!isWrongUse(error)) throw error;
      complain(`${name}: ${error.message.split('\n')[0]}\n${usageOf(name, options, operands)}\n`);
      return WRONG_USE;
    }
  };
}
