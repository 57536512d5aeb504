/** The linear address that the inspector of memory follows, as it was written; empty: EIP. Other inspectors set it. */
import { signal } from '@preact/signals';

export const followed = signal('');
