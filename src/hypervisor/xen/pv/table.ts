/** The hypercalls of paravirtual domains, by number. */
import { XEN_VCPU } from '../../memory/layout.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM, HYPERCALL, VCPUOP } from '../abi.ts';
import { eventChannelOp } from '../events/events.ts';
import { COMMON_HYPERCALLS } from '../hvm/hvm-table.ts';
import type { Hypercall } from '../hypercalls.ts';
import { physdevOp } from '../misc-ops.ts';
import { schedOpCompat } from '../sched-op.ts';
import { vcpuOp } from '../vcpu-op.ts';
import { pvGrantTable } from './grants.ts';
import { pvMemoryOp } from './memory-op.ts';
import type { PvDomain } from './pv-domain.ts';

/** Of calls that only such domains have. */
const OWN = [
  HYPERCALL.SET_TRAP_TABLE,
  HYPERCALL.MMU_UPDATE,
  HYPERCALL.SET_GDT,
  HYPERCALL.STACK_SWITCH,
  HYPERCALL.SET_CALLBACKS,
  HYPERCALL.FPU_TASKSWITCH,
  HYPERCALL.SET_DEBUGREG,
  HYPERCALL.GET_DEBUGREG,
  HYPERCALL.UPDATE_DESCRIPTOR,
  HYPERCALL.UPDATE_VA_MAPPING,
  HYPERCALL.UPDATE_VA_MAPPING_OTHERDOMAIN,
  HYPERCALL.IRET,
  HYPERCALL.MMUEXT_OP,
  HYPERCALL.NMI_OP,
  HYPERCALL.CALLBACK_OP,
];

/** hvm_op of a domain that has nothing of what it is about: set_param, get_param, flush_tlbs, set_evtchn_upcall_vector. */
const HVM_OP_ERRORS: { readonly [command: number]: number } = { 0: -EINVAL, 1: -EINVAL, 5: -EPERM, 23: -EINVAL };

export function pvHypercalls(pv: PvDomain): Readonly<Record<number, Hypercall>> {
  const own: Record<number, Hypercall> = {};
  for (const number of OWN) own[number] = (_xen, [a, b, c, d]) => pv.hypercall(number, a, b, c, d) ?? -ENOSYS;
  return {
    ...COMMON_HYPERCALLS,
    ...own,
    [HYPERCALL.MEMORY_OP]: pvMemoryOp(pv),
    [HYPERCALL.GRANT_TABLE_OP]: pvGrantTable(pv),
    [HYPERCALL.SCHED_OP_COMPAT]: schedOpCompat,
    [HYPERCALL.HVM_OP]: (_xen, [command]) => HVM_OP_ERRORS[command] ?? -ENOSYS,
    [HYPERCALL.PHYSDEV_OP_COMPAT]: (xen, [arg]) => {
      const command = xen.access.readWord(arg);
      return command === undefined ? -EFAULT : physdevOp(xen, [command, arg + 4]);
    },
    // The operation's number is the structure's first word.
    [HYPERCALL.EVENT_CHANNEL_OP_COMPAT]: (xen, [arg]) => {
      const command = xen.access.readWord(arg);
      return command === undefined ? -EFAULT : eventChannelOp(xen, [command, arg + 4]);
    },
    [HYPERCALL.VCPU_OP]: (xen, args) => {
      const [command, id, arg] = args;
      if (command !== VCPUOP.INITIALISE || id >>> 0 >= xen.ports.vcpus) return vcpuOp(xen, args);
      const record = xen.ports.vcpu(id);
      const result = pv.initialise(id, arg >>> 0, xen.words[record + XEN_VCPU.INITIALISED] !== 0 || xen.parts.vcpus.isUp(id));
      if (result === 0) xen.words[record + XEN_VCPU.INITIALISED] = 1;
      return result;
    },
  };
}
