/** What this browser keeps for the page in IndexedDB, by key. One that refuses does so at once, with an exception, or later: here it is a rejection. */

import { createStore, get, set, type UseStore } from 'idb-keyval';

/** As idb-keyval calls its own. */
const store = createStore('keyval-store', 'keyval');
/** What was committed is written though the page is left at once; what would commit by itself, after its last answer, is not (Indexed Database API 3.0, 2.7.1). */
const committed: UseStore = (mode, write) =>
  store(mode, objects => {
    const done = write(objects);
    objects.transaction.commit();
    return done;
  });

export const recall = async <T>(key: string): Promise<T | undefined> => get<T>(key, store);
export const keep = async (key: string, value: unknown): Promise<void> => set(key, value, committed);
