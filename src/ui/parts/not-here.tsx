/** Of what is offered, guests that this host cannot start, and the host that can. Loaded where there are some. */

import { info } from '../host.ts';
import { notHere } from '../offered-guests.ts';
import { count } from '../strings.ts';

const words = {
  needXen: (n: number) =>
    `${count(n, 'more guest')} ${n === 1 ? 'needs' : 'need'} Xen; the hypervisor of this host is KVM.`,
  needVt: (n: number) =>
    `${count(n, 'more guest')} ${n === 1 ? 'needs' : 'need'} VT, which this computer does not have.`,
  withXen: 'Start the host with Xen',
  withVt: 'Start the host with VT',
};

/** The entry of the boot menu that starts all of them (dom0/toolstack/boot/menu). */
const ENTRY = 'xen';

export function NotHere() {
  const isKvm = info.value?.hypervisor === 'kvm',
    to = new URLSearchParams(location.search);
  to.set('boot', ENTRY);
  return (
    <p class="cf sec">
      {(isKvm ? words.needXen : words.needVt)(notHere.value)}{' '}
      <a href={`?${to}`}>{isKvm ? words.withXen : words.withVt}</a>
    </p>
  );
}
