/** Why a host whose hypervisor is KVM runs no guest that would find Xen. */
import type { Kind, XenKind } from '../../hypervisor/kinds/index.ts';
import { DEFINITION_KINDS } from './kinds/index.ts';

export function needsXen(kind: Kind): string | undefined {
  const { type, needsXen: isRefused } = DEFINITION_KINDS[kind];
  if (!isRefused) return undefined;
  return `${WANTS_XEN[type]}, and this host has none: its own system is the hypervisor (KVM). ${INSTEAD[type]}`;
}
const WANTS_XEN: Readonly<Record<XenKind, string>> = {
  pv: 'A paravirtual guest is a kernel of Xen',
  pvh: 'A guest of type pvh finds Xen',
  hvm: 'A guest of type hvm finds Xen',
};
const TAKE_ANOTHER = 'Start the host with Xen (reboot shows its boot menu), or take a guest that is a whole PC.',
  INSTEAD: typeof WANTS_XEN = {
    pv: TAKE_ANOTHER,
    pvh: TAKE_ANOTHER,
    hvm: "Also write kvm = 1, or <domain type='kvm'>: then the guest finds KVM.",
  };
