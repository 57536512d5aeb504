/**
 * A standard computer has no VT-x: full virtualization is refused. Sources: arch_sanitise_domain_config() in xen/arch/x86/domain.c, libxl__domain_make() and
 * initiate_domain_create() in tools/libs/light/libxl_create.c of Xen 4.17; xend's HVMRequired for the reason in words.
 */
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
