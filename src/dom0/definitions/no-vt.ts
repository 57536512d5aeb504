/**
 * A standard computer has no VT-x: full virtualization is refused. Sources: arch_sanitise_domain_config() in xen/arch/x86/domain.c, libxl__domain_make() and
 * initiate_domain_create() in tools/libs/light/libxl_create.c of Xen 4.17; xend's HVMRequired for the reason in words.
 */
import type { Kind, XenKind } from '../../hypervisor/kinds/index.ts';
import { DEFINITION_KINDS } from './kinds/index.ts';
import { ERROR_FAIL, type LibxlWords } from './libxl-words.ts';

/** A guest that is not paravirtual was refused for want of VT-x. */
export class NoVtError extends Error {
  override name = 'NoVtError';
}

export const NO_VT_REASON =
  'HVM guest support is unavailable: is VT/AMD-V supported by your CPU and enabled in your BIOS?';
/** In the hypervisor's log. */
export const NO_VT_LOG = 'HVM support not available';
/** What libxl says of it. */
export const NO_VT: LibxlWords = {
  said: [
    'libxl: error: libxl_create.c:709:libxl__domain_make: domain creation fail: Invalid argument',
    'libxl: error: libxl_create.c:1294:initiate_domain_create: cannot make domain: -3',
  ],
  status: ERROR_FAIL,
};

/** A host whose hypervisor is KVM has no Xen for a guest that would find it. */
export function needsXen(kind: Kind): string {
  const { type } = DEFINITION_KINDS[kind];
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
