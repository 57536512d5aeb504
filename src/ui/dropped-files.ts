/** What a drag brings: files, and the browser's handles of them, by which a later visit can open them again. */

import { strings } from './strings.ts';

/** A handle, as far as it is used here (File System Access API, where the browser has it). */
export interface FileHandle {
  readonly kind: 'file' | 'directory';
  getFile(): Promise<File>;
  queryPermission?(how: { mode: 'read' }): Promise<PermissionState>;
  /** Only while a person's click is being answered. */
  requestPermission?(how: { mode: 'read' }): Promise<PermissionState>;
}

const handles = new WeakMap<Blob, Promise<FileHandle | null>>();

/** More are no guest's: somebody's whole home was dropped. */
const MOST_FILES = 200;

/** Called while the drop event is handled: later the items are empty. A folder represents the files in it, hidden ones left out. @throws Error the browser's, or ours */
export function filesOf(transfer: DataTransfer): Promise<File[]> {
  const found: (File | Promise<File[]>)[] = [];
  for (const item of transfer.items) {
    if (item.kind !== 'file') continue;
    const folder = item.webkitGetAsEntry?.();
    if (folder?.isDirectory) {
      found.push(filesIn(folder as FileSystemDirectoryEntry));
      continue;
    }
    const file = item.getAsFile();
    if (!file) continue;
    const handle = (item as { getAsFileSystemHandle?(): Promise<FileHandle | null> }).getAsFileSystemHandle?.();
    if (handle)
      handles.set(
        file,
        handle.catch(() => null),
      );
    found.push(file);
  }
  return Promise.all(found).then(all => all.flat());
}

/** The one thing that is dropped is a folder; called while the drop event is handled. */
export function folderOf({ items }: DataTransfer): FileSystemDirectoryEntry | undefined {
  const [only, ...others] = [...items].filter(({ kind }) => kind === 'file');
  const entry = others.length === 0 ? only?.webkitGetAsEntry?.() : undefined;
  return entry?.isDirectory ? (entry as FileSystemDirectoryEntry) : undefined;
}

const filesIn = async (folder: FileSystemDirectoryEntry): Promise<File[]> =>
  (await treeOf(folder)).map(({ file }) => file);

/** All files below a folder, in the order of their paths. @throws Error the browser's, or ours */
export async function treeOf(folder: FileSystemDirectoryEntry): Promise<{ path: string; file: File }[]> {
  const found: FileSystemFileEntry[] = [],
    folders = [folder];
  for (const each of folders) {
    const reader = each.createReader();
    for (;;) {
      // Some at a time, until none is left (File and Directory Entries API, readEntries).
      const entries = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
      if (entries.length === 0) break;
      for (const entry of entries) {
        if (entry.name.startsWith('.')) continue;
        if (entry.isDirectory) folders.push(entry as FileSystemDirectoryEntry);
        else found.push(entry as FileSystemFileEntry);
      }
      if (found.length + folders.length > MOST_FILES)
        throw new Error(strings.errors.largeFolder(folder.name, MOST_FILES));
    }
  }
  if (found.length === 0) throw new Error(strings.errors.emptyFolder(folder.name));
  found.sort((a, b) => (a.fullPath < b.fullPath ? -1 : 1));
  return Promise.all(
    found.map(async entry => ({
      path: entry.fullPath.slice(folder.fullPath.length + 1),
      file: await new Promise<File>((done, failed) => entry.file(done, failed)),
    })),
  );
}

/** It was opened by this one. */
export function noteHandle(data: Blob, handle: FileHandle): void {
  handles.set(data, Promise.resolve(handle));
}

/** Undefined: it was chosen in a dialogue, or the browser has none. */
export async function handleOf(data: Blob): Promise<FileHandle | undefined> {
  const handle = await handles.get(data);
  return handle?.kind === 'file' ? handle : undefined;
}
