/** Entry of the storage worker: it alone has the host's files open, and carries out what Domain 0's worker asks through a window of shared memory. */
import { type Held, openOpfs, type StorageAnswer, type StorageRequest, WindowServer } from './storage/index.ts';

const post = (answer: StorageAnswer): void => postMessage(answer);

let held: Held | undefined;
let server: WindowServer | undefined;

async function start(memory: SharedArrayBuffer, take: boolean): Promise<void> {
  const opened = await openOpfs(() => post({ wanted: true }), take);
  if ('why' in opened) return post({ notKept: opened });
  held = opened.held;
  server = new WindowServer(memory, opened.store);
  post({ where: opened.store.where });
}

addEventListener('message', ({ data }: MessageEvent<StorageRequest>) => {
  if ('start' in data) void start(data.start, data.take);
  else if ('ring' in data) server?.serve();
  else if ('release' in data) {
    held?.release();
    close();
  } else
    void Promise.resolve(server?.open(data.open)).then(
      file => post({ opened: data.open, file }),
      (error: Error) => post({ opened: data.open, error: `${error.name}: ${error.message}` }),
    );
});
