/** A program's words as a call of the toolstack's table of commands. */
import { namesFiles, pathsIn, spellFiles } from '../../host/files/index.ts';
import type { CommandHost } from '../command-host.ts';
import type { Call } from '../commands/index.ts';
import { absolutePath, type Surroundings } from './program.ts';

/** Words as a call of the toolstack's table, with the files that a program of the shell sees. */
export function callOf(
  host: CommandHost,
  words: string[],
  around: Surroundings,
  program: Call['program'] = 'xl',
): Call {
  const { readFile, writeFile } = around;
  const absolute = (path: string): string => absolutePath(path, around);
  return {
    host,
    program,
    words,
    absolute,
    read: async path =>
      namesFiles(path)
        ? host.files.readFile(spellFiles(pathsIn(path).map(absolute)))
        : new Blob([(await readFile(path)) as BlobPart]),
    write: async (path, data) => writeFile(path, new Uint8Array(await data.arrayBuffer())),
  };
}
