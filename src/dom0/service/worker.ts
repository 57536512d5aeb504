/** Entry of Domain 0's worker where memory can be shared: domains have workers of their own, and no processor is loaded here. */
import { remoteStore } from './parts.ts';
import { holdLifeLock, later, sharedMs } from '../../hypervisor/worker/index.ts';
import { inWorkers } from '../toolstack/runners/index.ts';
import type { Watching, WorkerLike } from '../toolstack/runners/index.ts';
import { type PageSide, workersOfPage } from './workers-of-page.ts';
import { newLockPrefix, serve } from './host-in-worker.ts';
import type { OpenStore, StorageWorker } from '../host/storage/index.ts';

const lockPrefix = newLockPrefix();
/** The domains' workers are counted. */
let spawned = 0;
const held = holdLifeLock(lockPrefix);
const make = workersOfPage(globalThis as unknown as PageSide);

const spawn = (): WorkerLike => make('domain', `${lockPrefix}-${++spawned}`);

/** How they are watched, where there are Web Locks. */
function watching(): { watching?: Watching } {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return {};
  return {
    watching: {
      spawn: () => make('watch', `${lockPrefix}-watch-${++spawned}`),
      whenFree: (lock, then) => void locks.request(lock, () => then()),
    },
  };
}

const spawnStorage = (): StorageWorker => make('storage', `${lockPrefix}-storage`) as unknown as StorageWorker;

/** What is stored is opened when somebody needs it: the way to the worker that has it is loaded then. */
const openStore: OpenStore = async (wanted, take) =>
  (await remoteStore.load()).openRemoteStore(spawnStorage)(wanted, take);

serve(() => inWorkers({ spawn, later, hostMs: sharedMs, endsSilently: true, ...watching() }), true, held, openStore);
