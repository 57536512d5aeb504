/** The linear address that the inspector of memory follows, as it was written; empty: EIP. Other inspectors lead there with one of their addresses. */
import { signal } from '@preact/signals';

export const followed = signal('');
