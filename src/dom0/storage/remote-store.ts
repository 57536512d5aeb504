/** The storage worker, as Domain 0's worker sees it. */
import type { NotKept } from './opfs-in-worker.ts';
import type { Store } from './store.ts';
import { WINDOW_BYTES, WindowStore } from './store-window.ts';

/** What the storage worker is told; `open` is a file's name. */
export type StorageRequest = { start: SharedArrayBuffer; take: boolean } | { open: string } | { ring: true } | { release: true };
/** What it says: that it has the files, or has not; that a file is open; that another tab wants them. */
export type StorageAnswer = { where: string } | { notKept: NotKept } | { opened: string; file?: number; error?: string } | { wanted: true };

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
      const opening = new Map<string, { done(file: number): void; fail(error: Error): void }>();
      const refuse = (notKept: NotKept): void => {
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
          else waiting?.done(data.file);
        } else
          resolve({
            store: new WindowStore({
              memory,
              where: data.where,
              outlivesHost: true,
              ring: () => worker.postMessage({ ring: true }),
              open: name =>
                new Promise((done, fail) => {
                  opening.set(name, { done, fail });
                  worker.postMessage({ open: name });
                }),
            }),
            release: () => worker.postMessage({ release: true }),
          });
      };
      worker.postMessage({ start: memory, take });
    });
