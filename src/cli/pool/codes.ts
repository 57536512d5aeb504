/** Where a program gets a pool's code from: its command line, which everybody on this machine can read (ps), a file, or the environment. */
import { readFileSync } from 'node:fs';
import { readCode } from '../../dom0/pool/index.ts';

export const CODE_VARIABLE = 'RINGSIDE_POOL_CODE';
/** For parseArgs. */
export const CODE_FILE_OPTION = { 'code-file': { type: 'string' } } as const;
/** A code and some words about it take less. */
const MOST_BYTES = 65_536;

type Environment = Readonly<Record<string, string | undefined>>;

export interface FoundCodes {
  codes: string[];
  /** Where they are, in words; undefined: on the command line. */
  from?: string;
}

/** Of a file: one a line; empty lines and those that begin with # are skipped. @throws Error with a sentence that does not repeat what is in the file */
function codesInFile(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, MOST_BYTES);
  } catch (error) {
    throw new Error(`--code-file ${path}: ${(error as Error).message}`);
  }
  const codes = text.split('\n').flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    try {
      return [readCode(line)];
    } catch {
      throw new Error(
        `--code-file ${path}:${i + 1}: this is no code of a pool. Write one a line, as ringside pool prints it.`,
      );
    }
  });
  if (codes.length === 0) throw new Error(`--code-file ${path}: there is no code in it.`);
  return codes;
}

/** The codes that were given, the environment's where no option has any; undefined: none. @throws Error with a sentence */
export function givenCodes(
  { code, file }: { code?: readonly string[] | undefined; file?: string | undefined },
  environment: Environment,
): FoundCodes | undefined {
  if (code && file !== undefined) throw new Error('--code and --code-file both give codes: write one of them.');
  if (code) return { codes: code.map(readCode) };
  if (file !== undefined) return { codes: codesInFile(file), from: file };
  const variable = environment[CODE_VARIABLE];
  if (variable === undefined || variable === '') return undefined;
  try {
    return { codes: [readCode(variable)], from: CODE_VARIABLE };
  } catch {
    throw new Error(`${CODE_VARIABLE}: this is no code of a pool. It is what ringside pool prints.`);
  }
}

/** `ws://HOST:PORT/` with the code that a file or the environment has; an address with a code as it is. @throws Error with a sentence */
export function addressWithCode(address: string, file: string | undefined, environment: Environment): string {
  if (/#./.test(address)) {
    if (file !== undefined) throw new Error('--join has a code already, behind its #: write that or --code-file.');
    return address;
  }
  const [code, second] = givenCodes({ file }, environment)?.codes ?? [];
  if (second !== undefined) throw new Error(`--code-file ${file}: it has several codes, and a host joins one pool.`);
  return code === undefined ? address : `${address.replace(/#$/, '')}#${code}`;
}
