/** What a guest's device asks for in its folder goes to that which its definition names. */
import { boardNames, ERRNO, type FolderAnswer, type FolderRequest, virtioWords } from '../../devices/index.ts';
import { fileSharing } from '../host/files/index.ts';
import type { Member, Uses } from '../toolstack/index.ts';

export async function folderOf(
  { files: { own }, clock: { epochMs } }: Uses<'files' | 'clock'>,
  { blueprint: { definition } }: Pick<Member, 'blueprint'>,
  device: string,
  request: FolderRequest,
): Promise<FolderAnswer> {
  const { virtio = [] } = definition;
  const { path, readonly } = virtioWords(virtio[boardNames(virtio).indexOf(device)] ?? '').options;
  if (!own || path === undefined) return { errno: ERRNO.EIO };
  return (await fileSharing.load()).askFolder(own, { path, readOnly: readonly === 'on', epochMs }, request);
}
