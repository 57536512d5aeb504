/** A folder that was dropped on a guest's window: the guest gets it, and the person who dropped it is shown what to type there. */
import { signal } from '@preact/signals';
import { asTask, host } from './host.ts';
import { treeOf } from './dropped-files.ts';
import type { DomainSession } from './sessions.ts';

/** The last one that was shared, of which guest, and its command there; `problem`: why it is not. */
export const sharing = signal<
  { id: number; name: string; path?: string; command?: string; problem?: string } | undefined
>(undefined);

export async function share({ id, info }: DomainSession, folder: FileSystemDirectoryEntry): Promise<void> {
  const { name } = folder;
  sharing.value = { id, name };
  await asTask(`ringside share ${info.peek().name} ${name}`, async () => {
    try {
      const files = (await treeOf(folder)).map(({ path, file }) => ({ path, data: file as Blob }));
      sharing.value = { id, name, ...(await host.manage('shareFolder', id, name, files)) };
    } catch (error) {
      sharing.value = { id, name, problem: (error as Error).message };
      throw error;
    }
  });
}
