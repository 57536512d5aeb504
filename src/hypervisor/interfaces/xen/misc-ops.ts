/** console_io, vm_assist, physdev_op, and what only a toolstack may call. Source: xen/include/public/xen.h, physdev.h, domctl.h, sysctl.h, platform.h. */
import { XEN, XEN_TYPE } from './layout.ts';
import {
  EACCES,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  PHYSDEVOP,
  VMASST,
  VMASST_CMD_DISABLE,
  VMASST_CMD_ENABLE,
} from './abi.ts';
import { dispatch, type HypercallContext, operation, operations, PV } from './hypercalls.ts';
import { type GuestStruct, handle, struct, u32 } from './struct.ts';

const CONSOLEIO_WRITE = 0;
/** Bytes that are taken at once: a longer write goes on after others had their turn. */
const CONSOLE_BYTES_A_TURN = 65536;

/**
 * console_io: writes bytes to the hypervisor's console. To read it is Domain 0's.
 * IN: cmd, count, buffer.
 * Errors: EPERM another command than CONSOLEIO_write; EINVAL a count below 0; EFAULT the bytes cannot be read.
 */
export function consoleIo(caller: HypercallContext, [command, given, buffer]: readonly number[]): number {
  if ((command | 0) !== CONSOLEIO_WRITE) return -EPERM;
  const count = given | 0;
  if (count < 0) return -EINVAL;
  const bytes = caller.access.read(buffer, Math.min(count, CONSOLE_BYTES_A_TURN));
  if (!bytes) return -EFAULT;
  caller.parts.console(bytes);
  if (bytes.length === count) return 0;
  caller.continueWith(1, count - bytes.length);
  return caller.continueWith(2, buffer + bytes.length);
}

const HVM_ASSISTS = 1 << VMASST.RUNSTATE_UPDATE_FLAG;
const PV_ASSISTS =
  HVM_ASSISTS |
  (1 << VMASST.FOURGB_SEGMENTS) |
  (1 << VMASST.FOURGB_SEGMENTS_NOTIFY) |
  (1 << VMASST.WRITABLE_PAGETABLES) |
  (1 << VMASST.PAE_EXTENDED_CR3) |
  (1 << VMASST.ARCHITECTURAL_IOPL);

/**
 * vm_assist: turns a service of the hypervisor on or off. HVM and PVH have runstate_update_flag alone.
 * IN: cmd, type.
 * Errors: EINVAL no such service for this kind of guest; ENOSYS neither enable nor disable.
 */
export function vmAssist({ type: guest, words, xenBlock }: HypercallContext, args: readonly number[]): number {
  const [command, type] = args.map(word => word | 0);
  const valid = guest === XEN_TYPE.PV ? PV_ASSISTS : HVM_ASSISTS;
  if (type < 0 || type >= 32 || !(valid & (1 << type))) return -EINVAL;
  const at = xenBlock + XEN.ASSISTS;
  if (command === VMASST_CMD_ENABLE) words[at] |= 1 << type;
  else if (command === VMASST_CMD_DISABLE) words[at] &= ~(1 << type);
  else return -ENOSYS;
  return 0;
}

/** Versions of the toolstack's interfaces in Xen 4.17. */
const DOMCTL_VERSION = 0x15,
  SYSCTL_VERSION = 0x15,
  PLATFORM_VERSION = 0x03000001;

/** Each says for which version it was built, behind the operation's number, which is looked at before who calls. */
function versioned({ access }: HypercallContext, arg: number, version: number): number {
  const word = access.readWord(arg + 4);
  if (word === undefined) return -EFAULT;
  return word >>> 0 === version ? -EPERM : -EACCES;
}

/**
 * domctl: makes, changes and ends domains.
 * IN: op.
 * Refused: the toolstack's. It does all of this as functions of the hypervisor, not by hypercalls.
 * Errors: EFAULT the version cannot be read; EACCES built for another version; EPERM else.
 */
export function domctl(caller: HypercallContext, [arg]: readonly number[]): number {
  return versioned(caller, arg, DOMCTL_VERSION);
}

/**
 * sysctl: asks and changes the host.
 * IN: op.
 * Refused: the toolstack's, as domctl.
 * Errors: EFAULT the version cannot be read; EACCES built for another version; EPERM else.
 */
export function sysctl(caller: HypercallContext, [arg]: readonly number[]): number {
  return versioned(caller, arg, SYSCTL_VERSION);
}

/**
 * platform_op: the host's firmware, clock and processors.
 * IN: op.
 * Refused: Domain 0's; there is no such firmware.
 * Errors: EFAULT the version cannot be read; EACCES built for another version; EPERM else.
 */
export function platformOp(caller: HypercallContext, [arg]: readonly number[]): number {
  return versioned(caller, arg, PLATFORM_VERSION);
}

export const SetIopl = struct({ iopl: u32 });
export const SetIobitmap = struct({ bitmap: handle, nr_ports: u32 });

export const PHYSDEV_OPERATIONS = operations('PHYSDEVOP_', PHYSDEVOP, {
  SET_IOPL: operation(SetIopl, setIopl, { guests: PV }),
  SET_IOBITMAP: operation(SetIobitmap, setIobitmap, { guests: PV }),
});

/** physdev_op: physical devices, of which guests have none here; interrupts over event channels (PIRQs) are not offered. IN: cmd, arg. */
export function physdevOp(caller: HypercallContext, [command, arg]: readonly number[]): number {
  return dispatch(caller, PHYSDEV_OPERATIONS, command, arg);
}

/**
 * physdev_op_compat: its first form, where the operation's number is the structure's first word.
 * IN: op.
 * Errors: EFAULT the number cannot be read; then as physdev_op.
 */
export function physdevOpCompat(caller: HypercallContext, [arg]: readonly number[]): number {
  const command = caller.access.readWord(arg);
  return command === undefined ? -EFAULT : physdevOp(caller, [command, arg + 4]);
}

/**
 * PHYSDEVOP_set_iopl: the I/O privilege level that the kernel believes to have. No device lies behind it.
 * IN: iopl.
 * Errors: EINVAL above 3.
 */
function setIopl({ pv }: HypercallContext, { iopl }: GuestStruct<typeof SetIopl>): number {
  return pv?.setIopl(iopl) ?? -ENOSYS;
}

/**
 * PHYSDEVOP_set_iobitmap: ports that programs may use. It is taken, and no port has anything behind it.
 * IN: bitmap, nr_ports.
 */
function setIobitmap(): number {
  return 0;
}
