/** What the page's host is: known once it has started. */
import { signal } from '@preact/signals';
import type { HostInfo } from '../dom0/service/index.ts';

export const info = signal<HostInfo | undefined>(undefined);
