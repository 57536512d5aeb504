/** The linear address that the inspector of memory follows, as it was written; empty: EIP. Others lead there with one of theirs. */
import { signal } from '@preact/signals';

export const followed = signal('');
