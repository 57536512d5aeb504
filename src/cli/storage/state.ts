/** A host's state in a directory (--state DIR): its storage, which this process holds until it closes it or ends. */
import { DISK_BYTES, Storage } from '../../dom0/storage/index.ts';
import { type Store, StoreFull } from '../../dom0/storage/index.ts';
import { DirectoryStore } from './directory-store.ts';

/** The directory cannot be used; a sentence with what to do. */
export class StateError extends Error {
  override name = 'StateError';
}

export interface HostState {
  storage: Storage;
  /** Where the host keeps what else must outlive it. */
  store: Store;
  /** Flushes, and lets others have it. */
  close(): void;
}

/** What no guest flushed is written so often, as a file system commits. */
const TIDY_MS = 5000;

/** `diskBytes`: of a disk that is not there yet. @throws StateError */
export async function openState(directory: string, diskBytes = DISK_BYTES): Promise<HostState> {
  let store: DirectoryStore | undefined;
  try {
    store = await DirectoryStore.open(directory);
    const held = store;
    const storage = await Storage.open({ store, diskBytes, epochMs: () => Date.now(), random: below => Math.floor(Math.random() * below) });
    const timer = setInterval(() => {
      try {
        storage.tidy();
      } catch (error) {
        // A guest's own writes and flushes find the same, and say it.
        if (!(error instanceof StoreFull)) clearInterval(timer);
      }
    }, TIDY_MS);
    timer.unref();
    return {
      storage,
      store: held,
      close: () => {
        clearInterval(timer);
        try {
          storage.close();
        } finally {
          held.close();
        }
      },
    };
  } catch (error) {
    store?.close();
    throw new StateError((error as Error).message);
  }
}
