/** What a guest's device asks for in its folder goes to that which its definition names. */
import { boardNames, ERRNO, type FolderAnswer, type FolderRequest, virtioWords } from '../../devices/index.ts';
import { askFolder } from '../host/files/index.ts';
import type { CommandHost, Member } from '../toolstack/index.ts';

export async function folderOf(
  { files, epochMs }: Pick<CommandHost['parts'], 'files' | 'epochMs'>,
  { blueprint: { definition } }: Pick<Member, 'blueprint'>,
  device: string,
  request: FolderRequest,
): Promise<FolderAnswer> {
  const { virtio = [] } = definition;
  const { path, readonly } = virtioWords(virtio[boardNames(virtio).indexOf(device)] ?? '').options;
  if (!files || path === undefined) return { errno: ERRNO.EIO };
  return askFolder(files, { path, readOnly: readonly === 'on', epochMs }, request);
}
