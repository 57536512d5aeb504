import { vi } from 'vitest';
import { patient } from './patience.ts';

/** Long enough for parts of the page that are loaded when they are wanted, on a machine with much else to do. */
const PATIENCE_MS = patient(30_000);

/** What `look` gives once it throws no longer. */
export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: PATIENCE_MS, interval: 5 });
