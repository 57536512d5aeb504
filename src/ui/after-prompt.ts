/** Whether whoever came for a guest has its first prompt; who finds that out: first-prompt.ts. */
import { signal } from '@preact/signals';

/** The first guest has its prompt, or nobody waits for one. It stays so. */
export const afterPrompt = signal(false);
