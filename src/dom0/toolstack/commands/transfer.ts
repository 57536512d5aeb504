/** Files that a guest has left on its transfer disk (storage/transfer-disk.ts), for Domain 0. xl has no such command: it is this host's own. */
import {
  Effort,
  FileSystemError,
  type FileTree,
  type ListedFile,
  openFat,
} from '../../../formats/file-systems/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { readPartitions } from '../../../formats/file-systems/index.ts';
import { partOf } from '../../host/storage/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, readWords } from './words.ts';

/** What a file of Domain 0 may have. */
const MOST_FILE_BYTES = 60 * 2 ** 20;
const MOST_DEPTH = 64;
const NOTE =
  'The guest has it mounted: what it has not written yet is missing. Run sync there, or unmount it, to have all.\n';

interface Transfer {
  tree: FileTree;
  isInUse: boolean;
  /** Of a file; it is renewed for the next one. */
  effort: Effort;
}

/** The disk as it is now: nothing is written to it while it is looked at. @throws Refusal */
async function openTransfer(host: Uses<'disk' | 'toolstack'>, domain: string): Promise<Transfer> {
  const member = [...host.toolstack.members.values()].find(
    ({ name, record, ending }) => !ending && (name === domain || String(record.id) === domain),
  );
  const storage = await host.disk.openDevices();
  const path =
    member?.attachments.devices.find(device => device.path.startsWith('/dev/vg0/transfer-'))?.path ??
    storage?.transferOf(member?.name ?? domain);
  if (!storage || path === undefined)
    throw new Refusal(
      `${domain} has no transfer disk. Give it one: xl block-attach ${domain} transfer:64M,xvdz,w, or name it in disk.`,
    );
  const disk = storage.medium(path);
  const [partition] = readPartitions(disk);
  try {
    const effort = new Effort(MOST_FILE_BYTES);
    const tree = openFat(partition ? partOf(disk, partition) : disk, effort);
    return { tree, isInUse: tree.isInUse, effort };
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    const advice = member
      ? `Run sync in ${domain} and try again; if it stays so, format the disk there as FAT`
      : `Start ${domain} and format the disk there as FAT, or remove it with lvremove ${path.slice(5)}: a new one is made when it is attached`;
    throw new Refusal(`The transfer disk of ${domain} cannot be read. ${error.message} ${advice}.`);
  }
}

const row = ({ name, kind, bytes, modifiedMs = 0 }: ListedFile): string =>
  `${String(bytes).padStart(10)} ${new Date(Number.isFinite(modifiedMs) ? modifiedMs : 0).toISOString().slice(0, 16).replace('T', ' ')} ${name}${kind === 'folder' ? '/' : ''}\n`;

const joined = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`;

/** Copies a file, or a folder with all that is in it; what was copied. @throws Error with a sentence */
async function copyOut(host: Uses<'files'>, disk: Transfer, from: string, to: string, depth = 0): Promise<number> {
  const { own: files } = host.files;
  const { tree, effort } = disk;
  effort.renew();
  if (!files) throw new Refusal('Domain 0 has no place for files here.');
  if (depth > MOST_DEPTH) throw new Refusal(`${from}: folders lie more than ${MOST_DEPTH} deep in each other.`);
  if (tree.kind(from) === 'folder') {
    await files.mkdir(to, { recursive: true });
    let copied = 0;
    for (const { name } of tree.list(from))
      copied += await copyOut(host, disk, joined(from, name), joined(to, name), depth + 1);
    return copied;
  }
  await files.writeFile(to, tree.read(from, MOST_FILE_BYTES));
  return 1;
}

export const transfer = command({
  summary: 'List or copy the files on the transfer disk of a domain',
  usage: 'ls <Domain> [PATH] | cp <Domain> PATH... DESTINATION',
  options: [
    ['ls', 'list a folder of the disk'],
    ['cp', 'copy files and folders of the disk to Domain 0'],
  ],
  /** Without `to` lists the first of `paths`; with it copies them there. */
  run: async (host: CommandHost, domain: string, paths: string[], to?: string): Promise<string> => {
    const disk = await openTransfer(host, domain);
    const note = disk.isInUse ? NOTE : '';
    try {
      if (to === undefined)
        return (
          disk.tree
            .list(paths[0] ?? '/')
            .map(row)
            .join('') + note
        );
      const { own: files } = host.files;
      const intoFolder =
        paths.length > 1 || to.endsWith('/') || ((await files?.stat(to).catch(() => undefined))?.isDirectory ?? false);
      let copied = 0;
      for (const path of paths) {
        const name = path
          .split('/')
          .filter(part => part !== '')
          .at(-1);
        if (name === '..') throw new Refusal(`${path}: write the path from the disk's root.`);
        copied += await copyOut(host, disk, path, intoFolder && name !== undefined ? joined(to, name) : to);
      }
      return `${copied} ${copied === 1 ? 'file' : 'files'} copied to ${to}.\n${note}`;
    } catch (error) {
      throw error instanceof FileSystemError ? new Refusal(error.message) : error;
    }
  },
  xl: async ({ words, absolute = path => path }, run) => {
    const { rest } = readWords(words);
    atLeast('transfer', rest, 2);
    const [what, domain, ...paths] = rest;
    if (what === 'ls' && paths.length <= 1) return run(domain, paths);
    if (what !== 'cp')
      throw new Refusal(`'xl transfer' lists (ls) or copies (cp); '${what}' is neither, or has too many words.`, 2);
    atLeast('transfer cp', paths, 2);
    return run(domain, paths.slice(0, -1), absolute(paths.at(-1)!));
  },
});
