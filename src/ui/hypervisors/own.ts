/** The page's words on the host that it has. Those of Xen are there from the start; another hypervisor's are loaded when its host has started. */
import { effect, signal } from '@preact/signals';
import { afterPrompt } from '../prompt-reached.ts';
import { pagePart } from '../load-again.ts';
import { hypervisorOfHost, ofHost, type OfEach } from './of-host.ts';
import type { PagePart, PageWords } from './page-part.ts';
import { loadSpellers } from './spelled.ts';
import { part as xen } from './xen.ts';

const kvm = pagePart(() => import('./kvm.ts'));
const PARTS: OfEach<() => Promise<{ part: PagePart }>> = {
  xen: () => Promise.resolve({ part: xen }),
  kvm: kvm.load,
};
const own = signal(xen);

/** What the page says of its host; who shows it is drawn again when the host is another. */
export const pageWords = (): PageWords => own.value.words;

export function followHypervisor(): void {
  effect(() => {
    if (afterPrompt.value) loadSpellers();
  });
  effect(() => {
    const asked = hypervisorOfHost();
    void ofHost(PARTS)().then(({ part }) => {
      // Meanwhile the host may be another.
      if (asked === hypervisorOfHost()) own.value = part;
    });
  });
}
