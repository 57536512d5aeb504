/** `edit`, under the names that people type: files of Domain 0, and definitions, which are judged before they are written. */
import { isError, judgeDefinition, MOST_BYTES, prepareToRead } from '../definitions/config/index.ts';
import { type CommandHost, managedOf } from '../toolstack/index.ts';
import { type ManagedDomain, QEMU_FOLDERS, XEN_FOLDERS } from '../toolstack/managed/index.ts';
import { edit, type EditParts, type Verdict } from './editor.ts';
import { failed, type Owned, type Program, type Surroundings } from './program.ts';

/** vi has other keys, and is none of them. */
const NAMES = ['edit', 'nano'];

const absolute = (path: string, directory: string): string =>
  path.startsWith('/') ? path : `${directory === '/' ? '' : directory}/${path}`;

/** What a definition's text means here. */
async function judge(path: string, text: string): Promise<{ errors: Verdict[]; remarks: Verdict[] }> {
  await prepareToRead(text);
  const { findings } = judgeDefinition(path, text);
  return {
    errors: findings.filter(isError).map(({ line, text: sentence }) => ({ line, text: sentence })),
    remarks: findings
      .filter(({ verdict }) => verdict === 'ignored' || verdict === 'approximated')
      .map(({ line, verdict, text: sentence }) => ({ line, text: `${verdict}: ${sentence}` })),
  };
}

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
          const where = absolute(path, around.directory);
          const parts: EditParts = {
            title: where,
            text: await textOf(path, around),
            write: text => around.writeFile(path, new TextEncoder().encode(text)),
          };
          if ([XEN_FOLDERS, QEMU_FOLDERS].some(({ definitions }) => where.startsWith(`${definitions}/`)))
            parts.judge = text => judge(where, text);
          await edit(parts, terminal);
          return 0;
        };
      },
    }),
  );

/** `virsh edit`: whether the definition was changed. @throws Error with a sentence */
export async function editManaged(
  host: CommandHost,
  { name, path, text }: ManagedDomain,
  terminal: Owned,
): Promise<boolean> {
  const write = (changed: string): Promise<void> =>
    host.tasks.run(`virsh edit ${name}`, async task => {
      const domain = await managedOf(host).define(path, changed);
      task.message = `${domain.name} is kept as ${domain.path}; what runs goes on as it is.`;
    });
  return edit({ title: path, text, judge: changed => judge(path, changed), write }, terminal);
}
