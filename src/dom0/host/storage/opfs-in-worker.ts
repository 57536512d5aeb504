/** The browser's storage as a worker of the page has it: the lock, then the files. */
import { type Held, type Holder, holdState } from './state-lock.ts';
import { type OpfsDirectory, OpfsStore } from './opfs-store.ts';
import type { Store } from './store.ts';

/** Files of the host lie in this folder of the site's. */
const FOLDER = 'ringside';

export const sleep = (ms: number): Promise<void> => new Promise(resolve => void setTimeout(resolve, ms));

/** Why nothing is kept here: a sentence; `holder`: another tab has it. */
export interface NotKept {
  why: string;
  holder?: Holder;
}

/** `wanted` and `take`: see holdState. */
export async function openOpfs(
  wanted: () => void,
  take: boolean,
): Promise<{ store: Store; held: Pick<Held, 'release'> } | NotKept> {
  const { storage, locks } = navigator as { storage?: StorageManager; locks?: LockManager };
  if (!storage?.getDirectory || !locks)
    return {
      why: globalThis.isSecureContext
        ? 'This browser has no file storage for pages.'
        : 'The page comes neither over https nor from this machine, and browsers keep no files for such pages.',
    };
  let held: Held | Holder;
  try {
    held = await holdState({ locks, channel: new BroadcastChannel(FOLDER), sleep, epochMs: () => Date.now() }, wanted, {
      take,
    });
  } catch (error) {
    return { why: refused(error) };
  }
  if (!('release' in held)) return { why: 'Another tab of this browser has them.', holder: held };
  try {
    const directory = await (await storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    return { store: new OpfsStore({ directory: directory as unknown as OpfsDirectory, sleep }), held };
  } catch (error) {
    held.release();
    return { why: refused(error) };
  }
}

/** Whether an earlier visit left something. */
export async function hasOpfs(): Promise<boolean> {
  const { storage } = navigator as { storage?: StorageManager };
  if (!storage?.getDirectory) return false;
  return storage
    .getDirectory()
    .then(root => root.getDirectoryHandle(FOLDER))
    .then(
      () => true,
      () => false,
    );
}

/** Private windows and settings that forbid storage throw at the first use. */
const refused = (error: unknown): string =>
  `This window may keep no files: it is a private one, or its settings forbid it (${(error as Error).message}).`;
