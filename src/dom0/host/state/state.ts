/** What outlives a host: its disk, and Domain 0's files. */
import { justBash } from './just-bash.ts';
import { DeviceFull } from '../../../formats/blocks/index.ts';
import { ImageTree, install, KeptFiles, type ShippedGuest } from '../files/index.ts';
import { identitiesOf } from './identity.ts';
import type { Later } from '../timers.ts';
import { Storage, type Store } from '../storage/index.ts';

export interface HostState {
  readonly storage: Storage;
  /** Domain 0's file tree: it is read at the first call, which loads just-bash. @throws StoreDamaged, Error of the store */
  files(): Promise<KeptFiles>;
  /** Flushes, and closes the files. */
  close(): void;
}

/** What no guest flushed is written this often, as a file system commits. */
const TIDY_MS = 5000;

/** Identities are 1 to this. */
const MOST_IDENTITY = 2 ** 32 - 1;

interface HostStateParts {
  epochMs(): number;
  random(below: number): number;
  later: Later;
  /** Of a disk that is not there yet (500 GB). */
  diskBytes?: number;
  /** What the files are installed with. */
  guests?: readonly ShippedGuest[];
  /** Domain 0's file tree was read. */
  filesOpened?(files: KeptFiles): void;
}

/** @throws StoreDamaged, StorageError, Error of the store */
export async function openHostState(
  store: Store,
  { epochMs, random, later, diskBytes, guests = [], filesOpened }: HostStateParts,
): Promise<HostState> {
  const { files: filesOf = 0, disk: diskOf = 0 } = await identitiesOf(store);
  const storage = await Storage.open({ store, epochMs, random, diskBytes });
  let stop = (): void => {};
  const tidy = (): void => {
    try {
      storage.tidy();
    } catch (error) {
      // A guest's own writes and flushes find the same, and say it.
      if (!(error instanceof DeviceFull)) return;
    }
    stop = later(TIDY_MS, tidy);
  };
  stop = later(TIDY_MS, tidy);
  let files: Promise<KeptFiles> | undefined;
  let opened: KeptFiles | undefined;
  const open = async (): Promise<KeptFiles> => {
    const { InMemoryFs } = await justBash.load();
    const tree = new ImageTree(new InMemoryFs(), storage);
    opened = await KeptFiles.open(
      store,
      tree,
      diskOf === 0
        ? {
            identity: filesOf || random(MOST_IDENTITY) + 1,
            given: identity => storage.disk.identify(identity),
          }
        : undefined,
    );
    await install(opened, guests);
    filesOpened?.(opened);
    return opened;
  };
  return {
    storage,
    files: () => {
      files ??= open();
      // What could not be loaded is tried again.
      files.catch(() => {
        files = undefined;
      });
      return files;
    },
    close: () => {
      stop();
      try {
        opened?.close();
      } finally {
        storage.close();
      }
    },
  };
}
