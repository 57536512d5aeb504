/**
 * Entry of Domain 0's worker where memory cannot be shared: domains run here, in turns. It is a script of its own, with the processor in it: WebKit's
 * JavaScriptCore runs a processor in a module that is loaded later three to five times slower.
 */
import { functionOrScript, holdLifeLock, sharedMs } from '../hypervisor/worker/index.ts';
import { inTurns } from './runner-local.ts';
import { later, newLockPrefix, openMedium, serve, soon } from './any-worker.ts';

serve(inTurns({ soon, later, hostMs: sharedMs, openMedium, compile: functionOrScript }), false, holdLifeLock(newLockPrefix()));
