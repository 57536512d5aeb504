/** Whether a visitor who came for a guest has its first prompt; first-prompt.ts finds that out. */
import { signal } from '@preact/signals';

/** The first guest has its prompt, or nobody waits for one. It stays so. */
export const afterPrompt = signal(false);
