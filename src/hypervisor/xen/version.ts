/** xen_version. Source: xen/include/public/version.h. Strings fill their fields with zeros: no byte of anything else leaves. */
import { XEN, XEN_TYPE } from '../memory/layout.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM, PV_VIRT_START, VMASST, XEN_MAJOR, XEN_MINOR, XENFEAT, XENVER } from './abi.ts';
import type { XenGuest } from './guest.ts';
import type { Hypercall } from './hypercalls.ts';

const EXTRAVERSION_BYTES = 16,
  CAPABILITIES_BYTES = 1024,
  CHANGESET_BYTES = 64,
  UUID_BYTES = 16;
const CAPABILITIES = 'xen-3.0-x86_32p hvm-3.0-x86_32 hvm-3.0-x86_32p ';
/** compile_info: compiler, who, where, when. */
const COMPILE_INFO = [
  ['TypeScript', 64],
  ['ringside', 16],
  ['', 32],
  ['', 32],
] as const;

const bits = (...features: number[]): number => features.reduce((word, bit) => word | (1 << bit), 0);
const HVM_FEATURES = bits(
  XENFEAT.WRITABLE_PAGE_TABLES,
  XENFEAT.AUTO_TRANSLATED_PHYSMAP,
  XENFEAT.HVM_CALLBACK_VECTOR,
  XENFEAT.HVM_SAFE_PVCLOCK,
  XENFEAT.MEMORY_OP_VNODE_SUPPORTED,
  XENFEAT.NOT_DIRECT_MAPPED,
);
const PV_FEATURES = bits(
  XENFEAT.MMU_PT_UPDATE_PRESERVE_AD,
  XENFEAT.HIGHMEM_ASSIST,
  XENFEAT.GNTTAB_MAP_AVAIL_BITS,
  XENFEAT.MEMORY_OP_VNODE_SUPPORTED,
  XENFEAT.DIRECT_MAPPED,
);

function text(value: string, bytes: number): Uint8Array {
  const field = new Uint8Array(bytes);
  for (let i = 0; i < Math.min(value.length, bytes - 1); i++) field[i] = value.charCodeAt(i);
  return field;
}

const DENIED = '<denied>';

function features(xen: XenGuest): number {
  const above4g = xen.words[xen.xen + XEN.ASSISTS] & (1 << VMASST.PAE_EXTENDED_CR3) ? 1 << XENFEAT.PAE_PGDIR_ABOVE_4GB : 0;
  return (xen.type === XEN_TYPE.PV ? PV_FEATURES : HVM_FEATURES) | above4g;
}

export const xenVersion: Hypercall = (xen, [command, arg]) => {
  const put = (bytes: Uint8Array): number => (xen.access.write(arg, bytes) ? 0 : -EFAULT);
  switch (command) {
    case XENVER.VERSION:
      return (XEN_MAJOR << 16) | XEN_MINOR;
    case XENVER.EXTRAVERSION:
      return put(text('.0-ringside', EXTRAVERSION_BYTES));
    case XENVER.COMPILE_INFO: {
      const info = new Uint8Array(COMPILE_INFO.reduce((sum, [, bytes]) => sum + bytes, 0));
      let at = 0;
      for (const [value, bytes] of COMPILE_INFO) {
        info.set(text(value, bytes), at);
        at += bytes;
      }
      return put(info);
    }
    case XENVER.CAPABILITIES:
      return put(text(CAPABILITIES, CAPABILITIES_BYTES));
    case XENVER.CHANGESET:
      return put(text('unavailable', CHANGESET_BYTES));
    case XENVER.PLATFORM_PARAMETERS:
      return xen.access.writeWord(arg, xen.type === XEN_TYPE.PV ? PV_VIRT_START : 0) ? 0 : -EFAULT;
    case XENVER.GET_FEATURES: {
      const view = xen.access.view(arg, 8);
      if (!view) return -EFAULT;
      if (view.getUint32(0, true) !== 0) return -EINVAL;
      view.setUint32(4, features(xen), true);
      return xen.access.put(arg, view) ? 0 : -EFAULT;
    }
    case XENVER.PAGESIZE:
      return arg === 0 ? 4096 : -EINVAL;
    case XENVER.GUEST_HANDLE: {
      const at = (xen.xen + XEN.UUID) * 4;
      return put(xen.machine.bytes.slice(at, at + UUID_BYTES));
    }
    case XENVER.COMMANDLINE:
      // Domain 0's to know; others are not refused, but told so.
      return put(text(DENIED, DENIED.length + 1));
    case XENVER.BUILD_ID:
      return -EPERM;
    default:
      return -ENOSYS;
  }
};
