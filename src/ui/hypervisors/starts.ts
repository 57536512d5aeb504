/** Which of the offered guests a host can start. */
import { info } from '../host-info.ts';
import type { OfEach } from './of-host.ts';

export const STARTS: OfEach<(guest: { type?: string; saved?: boolean }) => boolean> = {
  /** All but paravirtual guests need VT. */
  xen: ({ type }) => !info.value?.noVt || type === 'pv',
  /** Kernels and saved guests of Xen need Xen. */
  kvm: ({ type, saved }) => type?.[0] !== 'p' && !saved,
};
