/** What the hypervisor of the page's host says of VM exits. */
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import type { ExitWords } from './exit-words.ts';
import { kvm } from './kvm.ts';
import { xen } from './xen.ts';

export const EXIT_WORDS: OfEach<ExitWords> = { xen, kvm };
export const exitWords = (): ExitWords => ofHost(EXIT_WORDS);
