/** What a drag brings: files, and the browser's handles of them, by which a later visit can open them again. */

/** A handle, as far as it is used here (File System Access API, where the browser has it). */
export interface FileHandle {
  readonly kind: 'file' | 'directory';
  getFile(): Promise<File>;
  queryPermission?(how: { mode: 'read' }): Promise<PermissionState>;
  /** Only while a person's click is being answered. */
  requestPermission?(how: { mode: 'read' }): Promise<PermissionState>;
}

const handles = new WeakMap<Blob, Promise<FileHandle | null>>();

/** Called while the drop is being told: later the items are empty. */
export function filesOf(transfer: DataTransfer): File[] {
  const found: File[] = [];
  for (const item of transfer.items) {
    const file = item.kind === 'file' ? item.getAsFile() : null;
    if (!file) continue;
    const handle = (item as { getAsFileSystemHandle?(): Promise<FileHandle | null> }).getAsFileSystemHandle?.();
    if (handle) handles.set(file, handle.catch(() => null));
    found.push(file);
  }
  return found;
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
