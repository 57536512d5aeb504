/** `edit`, under the names that people type: files of Domain 0, and definitions, which are judged before they are written. */
import { MOST_BYTES } from '../definitions/config/index.ts';
import { QEMU_FOLDERS, XEN_FOLDERS } from '../toolstack/managed/index.ts';
import {
  absolutePath,
  edit,
  type EditParts,
  failed,
  judgeText,
  type Program,
  type Surroundings,
} from '../toolstack/programs/index.ts';

/** vi has other keys, and is none of them. */
const NAMES = ['edit', 'nano'];

/** @throws Error with a sentence */
async function textOf(path: string, { readFile }: Surroundings): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    if (/No such file/.test(error.message)) return new Uint8Array();
    throw error;
  });
  if (bytes.length > MOST_BYTES)
    throw new Error(`${path} has ${bytes.length} bytes, and at most ${MOST_BYTES} are edited here.`);
  if (bytes.includes(0)) throw new Error(`${path} is no text.`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${path} is no text in UTF-8.`);
  }
}

export const editPrograms = (): Program[] =>
  NAMES.map(
    (name): Program => ({
      name,
      summary: name === 'edit' ? 'edits a file; a definition is judged before it is written' : 'the same as edit',
      run: async () => failed(`Usage: ${name} FILE`, 2),
      own: words => {
        const [path] = words.filter(word => !word.startsWith('-'));
        if (path === undefined) return undefined;
        return async (terminal, around) => {
          const where = absolutePath(path, around);
          const parts: EditParts = {
            title: where,
            text: await textOf(path, around),
            write: text => around.writeFile(path, new TextEncoder().encode(text)),
          };
          if ([XEN_FOLDERS, QEMU_FOLDERS].some(({ definitions }) => where.startsWith(`${definitions}/`)))
            parts.judge = text => judgeText(where, text);
          await edit(parts, terminal);
          return 0;
        };
      },
    }),
  );
