/** A domain ends at once: nothing of it touches machine memory afterwards. `keepsDisks`: with what the guest changed of its drives. */
import { question } from './verb.ts';

export const destroy = question({
  apply: (on, keepsDisks: boolean = false): Uint8Array[] | undefined => {
    on.leave();
    return keepsDisks ? on.diskRecords() : undefined;
  },
  gone: () => undefined,
});
