/** A host's state in a directory (--state DIR), which this process holds until it closes it or ends. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type HostState, identitiesOf, openHostState, type ShippedGuest } from '../../dom0/service/index.ts';
import { type HeldStore, openRemoteStore, Storage, type StoreFile } from '../../dom0/host/storage/index.ts';
import { nodeState } from '../node-clock.ts';
import { spawnStorageWorker } from '../node-worker.ts';
import { DirectoryStore } from './directory-store.ts';

/** The directory cannot be used; a sentence with what to do. */
export class StateError extends Error {
  override name = 'StateError';
}

/** What a host does with its files: it opens them here, or in a worker of their own, which is its disk. */
type Opening = {
  diskBytes?: number;
  guests?: readonly ShippedGuest[];
  inWorker?: boolean;
  folder?: string | undefined;
};

/** `diskBytes`: of a disk that is not there yet; `guests`: what the files are installed with; `folder`: where the bundles of workers lie. @throws StateError */
export async function openState(
  directory: string,
  { diskBytes, guests, inWorker = false, folder }: Opening = {},
): Promise<HostState> {
  let held: HeldStore | undefined;
  try {
    held = inWorker ? await openInWorker(directory, folder) : await openHere(directory);
    const { store, release } = held;
    const state = await openHostState(store, { diskBytes, guests, ...nodeState });
    return {
      ...state,
      files: () => state.files().catch((error: Error) => Promise.reject(new StateError(error.message))),
      close: () => {
        try {
          state.close();
        } finally {
          release();
        }
      },
    };
  } catch (error) {
    held?.release();
    throw new StateError((error as Error).message);
  }
}

/** Whether a host has ever written a disk there. */
export function hasState(directory: string): boolean {
  return ['disk.0', 'disk.1', 'disk.data'].some(
    name => (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
}

/** The disk and volumes of a state, to be read: nothing is written, whatever is asked of them. @throws StateError */
export async function lookAtState(directory: string): Promise<{ storage: Storage; close(): void }> {
  const opened: StoreFile[] = [];
  let held: DirectoryStore | undefined;
  const close = (): void => {
    for (const file of opened) file.close();
    held?.close();
  };
  try {
    held = await DirectoryStore.open(directory);
    const { look } = held;
    await identitiesOf(held);
    const open = async (name: string): Promise<StoreFile> => {
      const file = await look.open(name);
      opened.push(file);
      return file;
    };
    const storage = await Storage.open({ store: { where: look.where, outlivesHost: true, open }, ...nodeState });
    return { storage, close };
  } catch (error) {
    close();
    throw new StateError((error as Error).message);
  }
}

async function openHere(directory: string): Promise<HeldStore> {
  const store = await DirectoryStore.open(directory);
  return { store, release: () => store.close() };
}

async function openInWorker(directory: string, folder: string | undefined): Promise<HeldStore> {
  // Nobody else asks for a directory: a process that wants it hears which one has it.
  const opened = await openRemoteStore(() => spawnStorageWorker(directory, folder))(() => {}, false);
  if ('why' in opened) throw new Error(opened.why);
  return opened;
}
