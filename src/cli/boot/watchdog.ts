/**
 * Ends a run that no longer looks at the clock: --timeout is looked at between slices, and a slice that never ends would have none.
 * A thread waits next to the run and reaches into it as a debugger does (Node's inspector interrupts JavaScript in any loop).
 */
import { Worker } from 'node:worker_threads';

/** The thread. Should even the interruption have no effect, the process is killed. */
const THREAD = `
const { workerData: { waitMs, event } } = require('node:worker_threads');
const { Session } = require('node:inspector');
setTimeout(() => {
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.evaluate', { expression: 'process.emit(' + JSON.stringify(event) + ')' });
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 5000);
}, waitMs);
`;
const EVENT = 'ringside:late';

export class Watchdog {
  private readonly thread: Worker;
  private readonly late: () => void;

  /** Calls `late` in the main thread after `seconds`, whatever that is doing; `late` should end the process. */
  constructor(seconds: number, late: () => void) {
    this.late = late;
    process.on(EVENT as 'beforeExit', late);
    const waitMs = Math.min(2 ** 31 - 1, seconds * 1000);
    this.thread = new Worker(THREAD, {
      eval: true,
      workerData: { waitMs, event: EVENT },
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
    });
    this.thread.unref();
  }

  stop(): void {
    process.off(EVENT as 'beforeExit', this.late);
    void this.thread.terminate();
  }
}
