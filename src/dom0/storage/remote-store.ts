/** The storage worker, as Domain 0's worker sees it. */
import type { NotKept } from './opfs-in-worker.ts';
import type { DriveNews } from './storage-drives.ts';
import type { Store } from './store.ts';
import { WINDOW_BYTES, WindowStore } from './store-window.ts';

/** What the storage worker is told; `open` is a file's name, `disk` one of a disk; `machine`: the memory of the machine whose drives it serves. */
export type StorageRequest =
  | { start: SharedArrayBuffer; take: boolean }
  | { open: string }
  | { disk: string; bytes: number }
  | { machine: SharedArrayBuffer }
  | { ring: true }
  | { release: true };
/** What it says: that it has the files, or has not; that a file or a disk is open; that it serves drives, and what those tell; that another tab wants the files. */
export type StorageAnswer =
  | { where: string }
  | { notKept: NotKept }
  | { opened: string; file?: number; bytes?: number; error?: string }
  | { serves: true }
  | { news: DriveNews }
  | { wanted: true };

/** Of a Worker, what is used. */
export interface StorageWorker {
  postMessage(message: StorageRequest): void;
  onmessage: ((event: MessageEvent<StorageAnswer>) => unknown) | null;
  onerror: ((event: ErrorEvent) => unknown) | null;
  terminate(): void;
}

/** A store that is held until it is released. */
export interface HeldStore {
  store: Store;
  /** Others may have it: call it when all files are closed. */
  release(): void;
}

/** Takes the store, or says why not. `wanted`: another tab asks for it; `take`: ask the one that has it. */
export type OpenStore = (wanted: () => void, take: boolean) => Promise<HeldStore | NotKept>;

/** The store that a storage worker has. */
export const openRemoteStore =
  (spawn: () => StorageWorker): OpenStore =>
  (wanted, take) =>
    new Promise(resolve => {
      const worker = spawn();
      const memory = new SharedArrayBuffer(WINDOW_BYTES);
      const opening = new Map<string, { done(opened: { file: number; bytes: number }): void; fail(error: Error): void }>();
      const open = (name: string, request: StorageRequest): Promise<{ file: number; bytes: number }> =>
        new Promise((done, fail) => {
          opening.set(name, { done, fail });
          worker.postMessage(request);
        });
      let serves = (): void => {};
      let hear = (_news: DriveNews): void => {};
      let store: WindowStore | undefined;
      const refuse = (notKept: NotKept): void => {
        if (store) return void store.lose();
        worker.terminate();
        resolve(notKept);
      };
      worker.onerror = event => {
        event.preventDefault();
        refuse({ why: `The storage worker did not start (${event.message || 'its program could not be loaded'}).` });
      };
      worker.onmessage = ({ data }) => {
        if ('wanted' in data) wanted();
        else if ('notKept' in data) refuse(data.notKept);
        else if ('opened' in data) {
          const waiting = opening.get(data.opened);
          opening.delete(data.opened);
          if (data.file === undefined) waiting?.fail(new Error(data.error));
          else waiting?.done({ file: data.file, bytes: data.bytes ?? 0 });
        } else if ('serves' in data) serves();
        else if ('news' in data) hear(data.news);
        else {
          store = new WindowStore({
            memory,
            where: data.where,
            outlivesHost: true,
            ring: () => worker.postMessage({ ring: true }),
            open: async name => (await open(name, { open: name })).file,
            openDisk: (name, bytes) => open(name, { disk: name, bytes }),
            begin: machine =>
              new Promise(resolve => {
                serves = resolve;
                worker.postMessage({ machine });
              }),
            heard: listener => {
              hear = listener;
            },
            end: () => worker.terminate(),
          });
          resolve({ store, release: () => worker.postMessage({ release: true }) });
        }
      };
      worker.postMessage({ start: memory, take });
    });
