/** What a page can do with a host whose files are damaged: hand them out as they are, and begin another host next to them. */
import { signal } from '@preact/signals';
import { host } from './host.ts';
import { download } from './navigation.ts';
import { sentence } from './sentence.ts';
import { newShell, noteState, shell, state } from './shell-session.ts';
import { tarOf } from './tar.ts';

/** Somebody was asked whether another host is to begin; then it does. */
export const settingAside = signal<'asked' | 'going' | undefined>(undefined);
/** Why that, or the download, was not done. */
export const problem = signal<string | undefined>(undefined);

/** Of the browser's files for this site (storage/opfs-in-worker.ts). */
const FOLDER = 'ringside';

/** The files, by the names that they have in a directory. Their bytes are read when the archive is. */
async function keptFiles(): Promise<{ name: string; data: Blob }[]> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
  const found: { name: string; data: Blob }[] = [];
  for (const { name, stored } of state.peek()?.damaged ?? [])
    try {
      found.push({ name, data: await (await folder.getFileHandle(stored)).getFile() });
    } catch (error) {
      // One that is missing is missing in the archive, too.
      if ((error as Error).name !== 'NotFoundError') throw error;
    }
  return found;
}

/** One archive: `tar -xf` makes a directory of it that `ringside storage --state` takes. */
export async function downloadKept(): Promise<void> {
  problem.value = undefined;
  try {
    download(tarOf('ringside-state', await keptFiles()), 'ringside-state.tar');
  } catch (error) {
    problem.value = sentence(error);
  }
}

/** The damaged files stay as they are; the host that begins counts from now on. */
export async function setAside(): Promise<void> {
  if (settingAside.peek() !== 'asked') return;
  settingAside.value = 'going';
  problem.value = undefined;
  try {
    noteState(await host.setStateAside());
    if (shell.peek()) newShell(true);
  } catch (error) {
    problem.value = sentence(error);
  } finally {
    settingAside.value = undefined;
  }
}
