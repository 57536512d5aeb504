/** The storage worker, as Domain 0's worker sees it. */
import type { NotKept } from './opfs-in-worker.ts';
import type { DriveNews } from './stored-disk.ts';
import { type Store, StoreDamaged } from './store.ts';
import { WINDOW_BYTES, type Windowed, WindowStore } from './store-window.ts';

/**
 * Messages to the storage worker; `windowed`: it takes the place of one that ended, in which that was open. `open` is a file's name, `disk` one of a disk, `file`
 * its number in the window; `machine`: the memory of the machine whose drives it serves.
 */
export type StorageRequest =
  | { start: SharedArrayBuffer; take: boolean; windowed?: Windowed }
  | { open: string; file: number }
  | { disk: string; bytes: number; file: number }
  | { machine: SharedArrayBuffer }
  | { ring: true }
  | { release: true };
/** What it says: that it has the files, or has not; that a file or a disk is open; that it serves drives, and what those tell; that another tab wants the files. */
export type StorageAnswer =
  | { where: string }
  | { notKept: NotKept }
  | { opened: number; bytes?: number; error?: string }
  | { serves: true }
  | { news: DriveNews }
  | { wanted: true };

/** Of a Worker, what is used. */
export interface StorageWorker {
  postMessage(message: StorageRequest): void;
  onmessage: ((event: MessageEvent<StorageAnswer>) => unknown) | null;
  onerror: ((event: ErrorEvent) => unknown) | null;
  terminate(): void;
  /** The first message to the worker that replaces it, should it end without a word; undefined: nobody is to take its place. Absent: nobody does. */
  ifEnds?(message: StorageRequest | undefined): void;
  /** Whether it still runs, as far as that is known without a turn of the event loop; absent: it is not. */
  isAlive?(): boolean;
}

/** A store that is held until it is released. */
export interface HeldStore {
  store: Store;
  /** Others may have it: call it when all files are closed. */
  release(): void;
  /** Called whenever its worker has ended and another one has taken its place, and has answered what that left. */
  whenRestarted?(listener: () => void): void;
  /** Called when it can be used no more, with a sentence. */
  whenLost?(listener: (sentence: string) => void): void;
}

/** Takes the store, or says why not. `wanted`: another tab asks for it; `take`: ask the one that has it. */
export type OpenStore = (wanted: () => void, take: boolean) => Promise<HeldStore | NotKept>;

const DAMAGED = 'StoreDamaged: ';
/** An error of the storage worker, as its name and message came. */
const errorOf = (text: string): Error =>
  text.startsWith(DAMAGED) ? new StoreDamaged(text.slice(DAMAGED.length)) : new Error(text);

/** The store that a storage worker has. */
export const openRemoteStore =
  (spawn: () => StorageWorker): OpenStore =>
  (wanted, take) =>
    new Promise(resolve => {
      const worker = spawn();
      const memory = new SharedArrayBuffer(WINDOW_BYTES);
      /** What waits for an answer, by the file's number: it is asked again of a worker that takes another's place. */
      const opening = new Map<
        number,
        { request: StorageRequest; done(bytes: number): void; fail(error: Error): void }
      >();
      const open = (file: number, request: StorageRequest): Promise<number> =>
        new Promise((done, fail) => {
          opening.set(file, { request, done, fail });
          worker.postMessage(request);
        });
      let begins: { request: StorageRequest; done(): void } | undefined;
      let tellRestarted = (): void => {};
      let hear = (_news: DriveNews): void => {};
      let store: WindowStore | undefined;
      const refuse = (notKept: NotKept): void => {
        worker.ifEnds?.(undefined);
        if (store) {
          const lost = store.lose();
          for (const { fail } of opening.values()) fail(lost);
          opening.clear();
          return;
        }
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
          if (data.error !== undefined) waiting?.fail(errorOf(data.error));
          else waiting?.done(data.bytes ?? 0);
        } else if ('serves' in data) {
          begins?.done();
          begins = undefined;
        } else if ('news' in data) hear(data.news);
        else if (store) {
          // Another one has taken its place: what was on its way to the one before is asked again.
          for (const { request } of opening.values()) worker.postMessage(request);
          if (begins) worker.postMessage(begins.request);
          tellRestarted();
        } else {
          store = new WindowStore({
            memory,
            where: data.where,
            outlivesHost: true,
            ring: () => worker.postMessage({ ring: true }),
            open: async (name, file) => void (await open(file, { open: name, file })),
            openDisk: (name, bytes, file) => open(file, { disk: name, bytes, file }),
            begin: machine =>
              new Promise(done => {
                begins = { request: { machine }, done };
                worker.postMessage({ machine });
              }),
            keep: windowed => worker.ifEnds?.({ start: memory, take: false, windowed }),
            ...(worker.isAlive ? { isAlive: () => worker.isAlive!() } : {}),
            heard: listener => {
              hear = listener;
            },
            end: () => worker.terminate(),
          });
          const opened = store;
          resolve({
            store,
            release: () => {
              worker.ifEnds?.(undefined);
              worker.postMessage({ release: true });
            },
            whenRestarted: listener => {
              tellRestarted = listener;
            },
            whenLost: listener => opened.onLost(listener),
          });
        }
      };
      worker.ifEnds?.({ start: memory, take, windowed: { files: [], drives: [] } });
      worker.postMessage({ start: memory, take });
    });
