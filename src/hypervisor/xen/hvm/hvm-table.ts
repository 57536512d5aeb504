/** The hypercalls of HVM and PVH domains, by number; `COMMON_HYPERCALLS` are PV's, too. */
import { HYPERCALL } from '../abi.ts';
import { eventChannelOp } from '../events/events.ts';
import { type Hypercall, multicall } from '../hypercalls.ts';
import { grantTable } from '../grants/hvm-grants.ts';
import { hvmOp } from './hvm-op.ts';
import { memoryOp } from '../memory/memory-op.ts';
import { consoleIo, domctl, physdevOp, platformOp, sysctl, vmAssist } from '../misc-ops.ts';
import { schedOp, setTimerOp } from '../sched-op.ts';
import { vcpuOp } from '../vcpu-op.ts';
import { xenVersion } from '../version.ts';

export const COMMON_HYPERCALLS: Readonly<Record<number, Hypercall>> = {
  [HYPERCALL.MULTICALL]: multicall,
  [HYPERCALL.SET_TIMER_OP]: setTimerOp,
  [HYPERCALL.XEN_VERSION]: xenVersion,
  [HYPERCALL.CONSOLE_IO]: consoleIo,
  [HYPERCALL.VM_ASSIST]: vmAssist,
  [HYPERCALL.VCPU_OP]: vcpuOp,
  [HYPERCALL.SCHED_OP]: schedOp,
  [HYPERCALL.EVENT_CHANNEL_OP]: eventChannelOp,
  [HYPERCALL.PHYSDEV_OP]: physdevOp,
  [HYPERCALL.PLATFORM_OP]: platformOp,
  [HYPERCALL.SYSCTL]: sysctl,
  [HYPERCALL.DOMCTL]: domctl,
};

export const HVM_HYPERCALLS: Readonly<Record<number, Hypercall>> = {
  ...COMMON_HYPERCALLS,
  [HYPERCALL.MEMORY_OP]: memoryOp,
  [HYPERCALL.HVM_OP]: hvmOp,
  [HYPERCALL.GRANT_TABLE_OP]: grantTable,
};
