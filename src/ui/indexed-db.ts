/** What this browser keeps for the page in IndexedDB, by key. One that refuses does so at once, with an exception, or later: here it is a rejection. */

import { get, set } from 'idb-keyval';

export const recall = async <T>(key: string): Promise<T | undefined> => get<T>(key);
export const keep = async (key: string, value: unknown): Promise<void> => set(key, value);
