/** How many instructions a domain has retired. */
import { question } from '../../src/hypervisor/verbs/index.ts';

export const howFar = question({ apply: ({ domain }): number => domain.instructions, gone: () => 0 });
