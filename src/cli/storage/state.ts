/** A host's state in a directory (--state DIR), which this process holds until it closes it or ends. */
import { type HostState, openHostState, type ShippedGuest } from '../../dom0/index.ts';
import { nodeState } from '../node-clock.ts';
import { DirectoryStore } from './directory-store.ts';

/** The directory cannot be used; a sentence with what to do. */
export class StateError extends Error {
  override name = 'StateError';
}

/** `diskBytes`: of a disk that is not there yet; `guests`: what the files are installed with. @throws StateError */
export async function openState(directory: string, { diskBytes, guests }: { diskBytes?: number; guests?: readonly ShippedGuest[] } = {}): Promise<HostState> {
  let store: DirectoryStore | undefined;
  try {
    store = await DirectoryStore.open(directory);
    const held = store;
    const state = await openHostState(store, { diskBytes, guests, ...nodeState });
    return {
      ...state,
      files: () => state.files().catch((error: Error) => Promise.reject(new StateError(error.message))),
      close: () => {
        try {
          state.close();
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
