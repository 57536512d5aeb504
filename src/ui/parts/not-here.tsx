/** Of what is offered, guests that this host cannot start, and the host that can. Loaded where there are some. */

import { type OfEach, ofHost } from '../hypervisors/of-host.ts';
import { notHere } from '../offered-guests.ts';
import { count } from '../strings.ts';

/** What guests that this host cannot start need, and the link to a host that has it. */
const WORDS: OfEach<{ need(n: number): string; start: string }> = {
  kvm: {
    need: n => `${count(n, 'more guest')} ${n === 1 ? 'needs' : 'need'} Xen; the hypervisor of this host is KVM.`,
    start: 'Start the host with Xen',
  },
  xen: {
    need: n => `${count(n, 'more guest')} ${n === 1 ? 'needs' : 'need'} VT, which this computer does not have.`,
    start: 'Start the host with VT',
  },
};

/** The entry of the boot menu that starts all of them (dom0/toolstack/boot/menu). */
const ENTRY = 'xen';

export function NotHere() {
  const { need, start } = ofHost(WORDS),
    to = new URLSearchParams(location.search);
  to.set('boot', ENTRY);
  return (
    <p class="cf sec">
      {need(notHere.value)} <a href={`?${to}`}>{start}</a>
    </p>
  );
}
