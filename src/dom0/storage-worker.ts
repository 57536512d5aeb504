/**
 * Entry of the storage worker: it alone has the host's files open. It is the host's disk, and carries out what Domain 0's worker asks through a window of shared
 * memory, and what drives in domains' workers ask through the queues in their records.
 */
import { findOwner, type Owner } from '../hypervisor/worker/index.ts';
import { type Held, openOpfs, type StorageAnswer, type StorageRequest, WindowServer } from './storage/index.ts';

/** Node's worker brings a directory's files (cli/storage-worker.ts). */
const openStore = (globalThis as { openStore?: typeof openOpfs }).openStore ?? openOpfs;

/** There before it is asked for anything. */
let owner: Owner;
const post = (answer: StorageAnswer): void => owner.postMessage(answer);

const later = (ms: number, what: () => void): (() => void) => {
  const timer = setTimeout(what, ms);
  return () => clearTimeout(timer);
};

let held: Pick<Held, 'release'> | undefined;
let server: WindowServer | undefined;

async function start(memory: SharedArrayBuffer, take: boolean): Promise<void> {
  const opened = await openStore(() => post({ wanted: true }), take);
  if ('why' in opened) return post({ notKept: opened });
  held = opened.held;
  server = new WindowServer(memory, opened.store, later, news => post({ news }));
  post({ where: opened.store.where });
}

/** Tells what a file or disk of this name is in the window, or why it is not open. */
function tell(name: string, opened: Promise<{ file: number; bytes?: number }> | undefined): void {
  void Promise.resolve(opened).then(
    answer => post({ opened: name, ...answer }),
    (error: Error) => post({ opened: name, error: `${error.name}: ${error.message}` }),
  );
}

const hear = ({ data }: { data: StorageRequest }): void => {
  if ('start' in data) void start(data.start, data.take);
  else if ('ring' in data) server?.serve();
  else if ('machine' in data) {
    server?.begin(data.machine);
    post({ serves: true });
  } else if ('release' in data) {
    server?.close();
    held?.release();
    close();
  } else if ('disk' in data) tell(data.disk, server?.openDisk(data.disk, data.bytes));
  else tell(data.open, server?.open(data.open).then(file => ({ file })));
};
void findOwner().then(found => {
  owner = found;
  owner.onmessage = hear;
});
