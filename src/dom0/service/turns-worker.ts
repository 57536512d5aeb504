/**
 * Entry of Domain 0's worker where memory cannot be shared, and in virtual time: domains run here, interleaved. It is a script of its own, with the processor in it: WebKit's
 * JavaScriptCore runs a processor in a module that is loaded later three to five times slower.
 */
import { functionOrScript, holdLifeLock, later, sharedMs } from '../../hypervisor/worker/index.ts';
import { loadEverything } from './load-everything.ts';
import { inTurns } from '../toolstack/runners/index.ts';
import { newLockPrefix, openMedium, serve, soon } from './host-in-worker.ts';
import { type OpenStore, openOpfs } from '../host/storage/index.ts';

/** Without shared memory nobody else could be asked: the files are open here. */
const openStore: OpenStore = async (wanted, take) => {
  const opened = await openOpfs(wanted, take);
  return 'why' in opened ? opened : { store: opened.store, release: () => opened.held.release() };
};

serve(
  pace => inTurns({ soon, later, openMedium, compile: functionOrScript, ...(pace ? { pace } : { hostMs: sharedMs }) }),
  false,
  holdLifeLock(newLockPrefix()),
  openStore,
  loadEverything(),
);
