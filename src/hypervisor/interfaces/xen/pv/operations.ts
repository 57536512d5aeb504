/** The hypercalls that only paravirtual domains have: from registers to the parts that do the work. Source: xen/include/public/xen.h, callback.h, nmi.h. */
import { CR0_TS, registers as R } from '../../../../cpu/architecture/index.ts';
import { EINVAL, ENODEV, EPERM } from '../abi.ts';
import type { HypercallContext } from '../hypercalls.ts';
import type { PvDomain } from './pv-domain.ts';

type Registers = readonly number[];
/** The table gives these calls to no other kind of domain. */
const of = ({ pv }: HypercallContext): PvDomain => pv!;

/**
 * set_trap_table: handlers of exceptions, as a list that ends with address 0; 0 as list takes all away.
 * IN: traps.
 * Errors: EFAULT an entry cannot be read; those before it stay.
 */
export function setTrapTable(caller: HypercallContext, [list]: Registers): number {
  return of(caller).traps.setTrapTable(list >>> 0);
}

/**
 * mmu_update: changes entries of page tables, or of the M2P table, to the first that cannot be. The count of those done goes to pdone, where it can.
 * IN: ureqs, count, pdone, foreigndom.
 * Errors: EPERM another domain's tables or memory; ESRCH no such domain; EFAULT a request cannot be read; ENOSYS no such command; EINVAL no frame of the
 * caller's, or an entry that would let it reach what is not its own, or write a table.
 */
export function mmuUpdate(caller: HypercallContext, [list, count, doneAt, foreign]: Registers): number {
  return of(caller).mmu.update(list >>> 0, count, doneAt >>> 0, foreign);
}

/**
 * set_gdt: frames of descriptors, as a list of machine frame numbers.
 * IN: frames, entries.
 * Errors: EINVAL more than 14 frames; EFAULT the list cannot be read; EINVAL a frame that cannot hold descriptors, and then the old table stays.
 */
export function setGdt(caller: HypercallContext, [list, entries]: Registers): number {
  return of(caller).setGdt(caller.current, list >>> 0, entries >>> 0);
}

/**
 * stack_switch: the kernel's stack, which entries from programs use.
 * IN: ss, esp.
 */
export function stackSwitch(caller: HypercallContext, [ss, esp]: Registers): number {
  return of(caller).traps.stackSwitch(ss, esp);
}

/**
 * set_callbacks: handlers of events and of a failed return.
 * IN: event_selector, event_address, failsafe_selector, failsafe_address.
 */
export function setCallbacks(
  caller: HypercallContext,
  [eventCs, eventEip, failsafeCs, failsafeEip]: Registers,
): number {
  return of(caller).traps.setCallbacks(eventCs, eventEip, failsafeCs, failsafeEip);
}

/**
 * fpu_taskswitch: sets CR0.TS, or clears it (0).
 * IN: set.
 */
export function fpuTaskswitch(caller: HypercallContext, [set]: Registers): number {
  const { processor } = caller.parts;
  if (set) processor.regs[R.CR0] |= CR0_TS;
  else processor.regs[R.CR0] &= ~CR0_TS;
  processor.reload();
  return 0;
}

/**
 * set_debugreg: DR0 to DR7 of the vCPU that calls.
 * IN: reg, value.
 * Errors: ENODEV no such register; EPERM a breakpoint in the hypervisor's memory, one for ports without CR4.DE, or general detection.
 */
export function setDebugreg(caller: HypercallContext, [register, value]: Registers): number {
  return of(caller).setDebug(register >>> 0, value);
}

/**
 * get_debugreg: returns one.
 * IN: reg.
 * Errors: ENODEV no such register.
 */
export function getDebugreg(caller: HypercallContext, [register]: Registers): number {
  return of(caller).getDebug(register >>> 0) ?? -ENODEV;
}

/**
 * update_descriptor: a segment descriptor at a machine address.
 * IN: ma_low, ma_high, desc_low, desc_high.
 * Errors: EINVAL no memory of the caller's is there, or a descriptor that would let it reach the hypervisor.
 */
export function updateDescriptor(
  caller: HypercallContext,
  [low, high, descriptorLow, descriptorHigh]: Registers,
): number {
  return high === 0 ? of(caller).descriptors.update(low >>> 0, descriptorLow, descriptorHigh) : -EINVAL;
}

/**
 * update_va_mapping: changes the entry that maps a linear address in the tables in use, and forgets its translation, or all, where the flags say so.
 * IN: va, new_val_low, new_val_high, flags.
 * Errors: EINVAL an address of the hypervisor's, one without a table, or an entry that is refused.
 */
export function updateVaMapping(caller: HypercallContext, [linear, low, high, flags]: Registers): number {
  return of(caller).mmu.updateVaMapping(linear >>> 0, low, high, flags);
}

/**
 * update_va_mapping_otherdomain: the same with a frame of another domain.
 * IN: va, new_val_low, new_val_high, flags, domid.
 * Refused: it takes a privileged domain.
 * Errors: EPERM always.
 */
export function updateVaMappingOtherdomain(): number {
  return -EPERM;
}

/** iret: back to where the frame behind EAX on the stack says. It has no result: EAX is what the frame says, too. What cannot be returned to goes to the failsafe callback. */
export function iret(caller: HypercallContext): number {
  of(caller).traps.iret();
  return caller.parts.processor.regs[R.EAX];
}

/**
 * mmuext_op: other operations on page tables, to the first that fails: pinning, another base, flushes, the LDT, pages cleared and copied. The count of those
 * done goes to pdone, where it can.
 * IN: op, count, pdone, foreigndom.
 * Errors: EPERM another domain's; ESRCH no such domain; EFAULT an operation cannot be read; EINVAL no frame of the caller's, one that cannot be what is
 * wanted, four levels or two sets of tables, which a 32-bit guest does not have, or caches of others; EACCES caches, without a device; EOPNOTSUPP
 * superpages; ENOSYS no such operation.
 */
export function mmuextOp(caller: HypercallContext, [list, count, doneAt, foreign]: Registers): number {
  return of(caller).mmu.extended(list >>> 0, count, doneAt >>> 0, foreign);
}

/**
 * nmi_op: the handler of non-maskable interrupts, of vCPU 0 alone.
 * IN: cmd, arg.
 * Errors: ENOSYS neither register nor unregister; EFAULT the address cannot be read; EINVAL from another vCPU.
 */
export function nmiOp(caller: HypercallContext, [command, arg]: Registers): number {
  return of(caller).traps.nmiOp(command, arg >>> 0);
}

/**
 * callback_op: one handler: of events, of a failed return, of SYSENTER, of NMIs. Only that of NMIs can be taken away again.
 * IN: cmd, arg.
 * Errors: EINVAL neither register nor unregister; EFAULT the structure cannot be read; ENOSYS no such callback; EINVAL one that cannot be taken away, or
 * that of NMIs from another vCPU than 0.
 */
export function callbackOp(caller: HypercallContext, [command, arg]: Registers): number {
  return of(caller).traps.callbackOp(command, arg >>> 0);
}
