/** console_io, vm_assist and physdev_op of unprivileged guests. Source: xen/include/public/xen.h, physdev.h. */
import { XEN, XEN_TYPE } from '../memory/layout.ts';
import { EACCES, EFAULT, EINVAL, ENOSYS, EPERM, VMASST, VMASST_CMD_DISABLE, VMASST_CMD_ENABLE } from './abi.ts';
import type { Hypercall } from './hypercalls.ts';

const CONSOLEIO_WRITE = 0;
/** Bytes that are taken at once: a longer write goes on after others had their turn. */
const CONSOLE_BYTES_A_TURN = 65536;

/** console_io: bytes for the hypervisor's console. All else is Domain 0's. */
export const consoleIo: Hypercall = (xen, [command, count, buffer]) => {
  if (command !== CONSOLEIO_WRITE) return -EPERM;
  if (count < 0) return -EINVAL;
  const bytes = xen.access.read(buffer, Math.min(count, CONSOLE_BYTES_A_TURN));
  if (!bytes) return -EFAULT;
  xen.parts.console(bytes);
  if (bytes.length === count) return 0;
  xen.continueWith(1, count - bytes.length);
  return xen.continueWith(2, (buffer + bytes.length) | 0);
};

const HVM_ASSISTS = 1 << VMASST.RUNSTATE_UPDATE_FLAG;
const PV_ASSISTS =
  HVM_ASSISTS |
  (1 << VMASST.FOURGB_SEGMENTS) |
  (1 << VMASST.FOURGB_SEGMENTS_NOTIFY) |
  (1 << VMASST.WRITABLE_PAGETABLES) |
  (1 << VMASST.PAE_EXTENDED_CR3) |
  (1 << VMASST.ARCHITECTURAL_IOPL);

export const vmAssist: Hypercall = (xen, [command, type]) => {
  const valid = xen.type === XEN_TYPE.PV ? PV_ASSISTS : HVM_ASSISTS;
  if (type < 0 || type >= 32 || !(valid & (1 << type))) return -EINVAL;
  const at = xen.xen + XEN.ASSISTS;
  if (command === VMASST_CMD_ENABLE) xen.words[at] |= 1 << type;
  else if (command === VMASST_CMD_DISABLE) xen.words[at] &= ~(1 << type);
  else return -ENOSYS;
  return 0;
};

/** Versions of the toolstack's interfaces in Xen 4.17. */
const DOMCTL_VERSION = 0x15,
  SYSCTL_VERSION = 0x15,
  PLATFORM_VERSION = 0x03000001;

/** Calls of the toolstack: each says for which version it was built, which is looked at before who calls. */
const privileged =
  (version: number): Hypercall =>
  (xen, [arg]) => {
    const word = xen.access.readWord((arg + 4) >>> 0);
    if (word === undefined) return -EFAULT;
    return word >>> 0 === version ? -EPERM : -EACCES;
  };
export const domctl = privileged(DOMCTL_VERSION);
export const sysctl = privileged(SYSCTL_VERSION);
export const platformOp = privileged(PLATFORM_VERSION);

const PHYSDEVOP_SET_IOPL = 6,
  PHYSDEVOP_SET_IOBITMAP = 7;

/** physdev_op: interrupts over event channels are not offered; a PV guest's I/O privilege level is taken and has no devices behind it. */
export const physdevOp: Hypercall = (xen, [command, arg]) => {
  if (xen.type !== XEN_TYPE.PV) return -ENOSYS;
  if (command === PHYSDEVOP_SET_IOPL) {
    const level = xen.access.readWord(arg);
    if (level === undefined) return -EFAULT;
    return xen.pv?.setIopl(level) ?? -ENOSYS;
  }
  if (command === PHYSDEVOP_SET_IOBITMAP) return xen.access.view(arg, 8) ? 0 : -EFAULT;
  return -ENOSYS;
};
