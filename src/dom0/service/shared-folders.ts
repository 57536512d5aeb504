/** A folder that was dropped on a running guest: its files become Domain 0's, and a guest of KVM gets them by 9P. */
import { type CommandHost, kindOfMember } from '../toolstack/index.ts';

/** Where folders are that were shared so. */
const PARENT = '/srv';
/** As a file of Domain 0 has it in its journal; a folder is held in memory. */
const MOST_BYTES = 60 * 2 ** 20;

/** A file of such a folder, by its path in there (a/b.txt). */
export interface FolderFile {
  path: string;
  data: Blob;
}

export interface SharedFolder {
  /** In Domain 0. */
  path: string;
  /** What the guest types to have it. */
  command: string;
}

/** Letters of a tag (VIRTIO_KINDS, 9p). */
const MOST = 31;

/** A name that none of these has: of letters that a tag may have, with a number behind it where it is taken. */
export function unusedTag(name: string, taken: readonly string[]): string {
  const plain = name.replace(/[^\w.-]+/g, '_').replace(/^[.-]+/, '') || 'folder';
  for (let number = 1; ; number++) {
    const behind = number === 1 ? '' : `-${number}`;
    const tag = plain.slice(0, MOST - behind.length) + behind;
    if (!taken.includes(tag)) return tag;
  }
}

/** @throws Error with a sentence: nothing has changed then */
export async function shareFolder(
  host: CommandHost,
  id: number,
  name: string,
  files: readonly FolderFile[],
): Promise<SharedFolder> {
  const member = host.domains.living(id);
  return host.tasks.run(
    `ringside share ${member.name} ${name}`,
    async task => {
      const kind = kindOfMember(member);
      const { plugFolder } = (await kind.running()).plugging;
      if (!plugFolder)
        throw new Error(
          kind.hasStore
            ? `${member.name} is a guest of Xen, which has no folders here: those of KVM have, by virtio-9p. Put the files on a CD: Insert, next to its CD drive, takes several files at once, or block-attach a transfer disk (transfer:64M,xvdz,w).`
            : `${member.name} is a PC that finds no KVM, and its board has no virtio-9p. Write kvm = 1 into its definition on a host with KVM, or put the files on a CD: Insert, next to its CD drive, takes several files at once.`,
        );
      const tree = host.files.own;
      if (!tree) throw new Error('Domain 0 has no place for files here.');
      const bytes = files.reduce((sum, { data }) => sum + data.size, 0);
      if (bytes > MOST_BYTES)
        throw new Error(
          `${name} has ${Math.ceil(bytes / 2 ** 20)} MiB, and a folder that is shared has at most ${MOST_BYTES / 2 ** 20}. Drop a smaller one, or put it on a CD.`,
        );
      const tag = unusedTag(name, (await tree.readdir(PARENT).catch(() => [])) as string[]);
      const path = `${PARENT}/${tag}`;
      await tree.mkdir(path, { recursive: true });
      try {
        for (const { path: at, data } of files) {
          const folders = at.split('/').slice(0, -1).join('/');
          if (folders !== '') await tree.mkdir(`${path}/${folders}`, { recursive: true });
          await tree.writeFile(`${path}/${at}`, new Uint8Array(await data.arrayBuffer()));
        }
        await plugFolder(host.toolstack, host.domains.living(id), { tag, path });
      } catch (error) {
        await tree.rm(path, { recursive: true, force: true }).catch(() => {});
        throw error;
      }
      const command = `mount -t 9p -o trans=virtio ${tag} /mnt`;
      task.message = `${path} is there for the guest, whose driver of 9P mounts it: ${command}`;
      return { path, command };
    },
    id,
  );
}
