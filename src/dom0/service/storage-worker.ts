/**
 * Entry of the storage worker: it alone has the host's files open. It is the host's disk, and carries out what Domain 0's worker asks through a window of shared
 * memory, and what drives in domains' workers ask through the queues in their records. One that takes the place of another that ended without a word is sent what
 * was open there, and answers what that has left.
 */
import { findOwner, holdLifeLock, later, type Owner } from '../../hypervisor/worker/index.ts';
import {
  abandon,
  type Held,
  openOpfs,
  type StorageAnswer,
  type StorageRequest,
  type Windowed,
  WindowServer,
} from '../host/storage/index.ts';
import type { HoldsLock } from './workers-of-page.ts';

/** Node's worker brings a directory's files (cli/storage-worker.ts). */
const openStore = (globalThis as { openStore?: typeof openOpfs }).openStore ?? openOpfs;

/** There before it is asked for anything. */
let owner: Owner;
const post = (answer: StorageAnswer): void => owner.postMessage(answer);

let held: Pick<Held, 'release'> | undefined;
let server: WindowServer | undefined;

async function start(memory: SharedArrayBuffer, take: boolean, windowed?: Windowed): Promise<void> {
  const opened = await openStore(() => post({ wanted: true }), take);
  if ('why' in opened) {
    if (windowed) abandon(memory);
    return post({ notKept: opened });
  }
  held = opened.held;
  server = new WindowServer(memory, opened.store, later, news => post({ news }));
  try {
    if (windowed) await server.takeOver(windowed);
  } catch (error) {
    held.release();
    abandon(memory);
    return post({ notKept: { why: (error as Error).message } });
  }
  post({ where: opened.store.where });
}

/** Tells that a file or disk is open in the window, or why it is not. */
function tell(file: number, opened: Promise<number> | undefined): void {
  void Promise.resolve(opened).then(
    bytes => post({ opened: file, ...(bytes === undefined ? {} : { bytes }) }),
    (error: Error) => post({ opened: file, error: `${error.name}: ${error.message}` }),
  );
}

const hear = ({ data }: { data: StorageRequest }): void => {
  if ('start' in data) void start(data.start, data.take, data.windowed);
  else if ('ring' in data) server?.serve();
  else if ('machine' in data) {
    server?.begin(data.machine);
    post({ serves: true });
  } else if ('release' in data) {
    server?.close();
    held?.release();
    close();
  } else if ('disk' in data) tell(data.file, server?.openDisk(data.disk, data.bytes, data.file));
  else
    tell(
      data.file,
      server?.open(data.open, data.file).then(() => 0),
    );
};
void findOwner().then(found => {
  owner = found;
  owner.onmessage = hear;
});
// In a browser the page, which has made it, notices its end by that.
void holdLifeLock((globalThis as { name?: string }).name).then(lock => {
  if (lock !== undefined) globalThis.postMessage({ holds: lock } satisfies HoldsLock);
});
