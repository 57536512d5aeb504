/**
 * The hypercalls: number, who may make it, what it does. One that is not here answers -ENOSYS. docs/hypercalls.md is made from this table, from those of the
 * operations, and from the comments of their functions.
 */
import { HYPERCALL } from './abi.ts';
import { EVENT_CHANNEL_OPERATIONS, eventChannelOp, eventChannelOpCompat } from './events/events.ts';
import { grantTable } from './grants/callers.ts';
import { GRANT_OPERATIONS } from './grants/grant-op.ts';
import { HVM_OPERATIONS, hvmOp } from './hvm/hvm-op.ts';
import { ALL, type Hypercall, multicall, PV } from './hypercalls.ts';
import { MEMORY_OPERATIONS, memoryOp } from './memory/memory-op.ts';
import {
  consoleIo,
  domctl,
  PHYSDEV_OPERATIONS,
  physdevOp,
  physdevOpCompat,
  platformOp,
  sysctl,
  vmAssist,
} from './misc-ops.ts';
import {
  callbackOp,
  fpuTaskswitch,
  getDebugreg,
  iret,
  mmuextOp,
  mmuUpdate,
  nmiOp,
  setCallbacks,
  setDebugreg,
  setGdt,
  setTrapTable,
  stackSwitch,
  updateDescriptor,
  updateVaMapping,
  updateVaMappingOtherdomain,
} from './pv/operations.ts';
import { SCHED_OPERATIONS, schedOp, schedOpCompat, setTimerOp } from './sched-op.ts';
import { VCPU_OPERATIONS, vcpuOp } from './vcpu-op.ts';
import { VERSION_OPERATIONS, xenVersion } from './version.ts';

export interface HypercallRow {
  /** Kinds of guests, a bit for each XEN_TYPE. */
  guests: number;
  call: Hypercall;
  /** What its first argument may ask for. */
  operations?: {
    prefix: string;
    numbers: Readonly<Record<string, number>>;
    rows: readonly (
      | { guests: number; run(...args: never[]): unknown; args?: { fields: object }; out?: readonly string[] }
      | undefined
    )[];
  };
}

const ROWS: { readonly [Name in keyof typeof HYPERCALL]?: HypercallRow } = {
  SET_TRAP_TABLE: { guests: PV, call: setTrapTable },
  MMU_UPDATE: { guests: PV, call: mmuUpdate },
  SET_GDT: { guests: PV, call: setGdt },
  STACK_SWITCH: { guests: PV, call: stackSwitch },
  SET_CALLBACKS: { guests: PV, call: setCallbacks },
  FPU_TASKSWITCH: { guests: PV, call: fpuTaskswitch },
  SCHED_OP_COMPAT: { guests: PV, call: schedOpCompat },
  PLATFORM_OP: { guests: ALL, call: platformOp },
  SET_DEBUGREG: { guests: PV, call: setDebugreg },
  GET_DEBUGREG: { guests: PV, call: getDebugreg },
  UPDATE_DESCRIPTOR: { guests: PV, call: updateDescriptor },
  MEMORY_OP: { guests: ALL, call: memoryOp, operations: MEMORY_OPERATIONS },
  MULTICALL: { guests: ALL, call: multicall },
  UPDATE_VA_MAPPING: { guests: PV, call: updateVaMapping },
  SET_TIMER_OP: { guests: ALL, call: setTimerOp },
  EVENT_CHANNEL_OP_COMPAT: { guests: PV, call: eventChannelOpCompat },
  XEN_VERSION: { guests: ALL, call: xenVersion, operations: VERSION_OPERATIONS },
  CONSOLE_IO: { guests: ALL, call: consoleIo },
  PHYSDEV_OP_COMPAT: { guests: PV, call: physdevOpCompat },
  GRANT_TABLE_OP: { guests: ALL, call: grantTable, operations: GRANT_OPERATIONS },
  VM_ASSIST: { guests: ALL, call: vmAssist },
  UPDATE_VA_MAPPING_OTHERDOMAIN: { guests: PV, call: updateVaMappingOtherdomain },
  IRET: { guests: PV, call: iret },
  VCPU_OP: { guests: ALL, call: vcpuOp, operations: VCPU_OPERATIONS },
  MMUEXT_OP: { guests: PV, call: mmuextOp },
  NMI_OP: { guests: PV, call: nmiOp },
  SCHED_OP: { guests: ALL, call: schedOp, operations: SCHED_OPERATIONS },
  CALLBACK_OP: { guests: PV, call: callbackOp },
  EVENT_CHANNEL_OP: { guests: ALL, call: eventChannelOp, operations: EVENT_CHANNEL_OPERATIONS },
  PHYSDEV_OP: { guests: ALL, call: physdevOp, operations: PHYSDEV_OPERATIONS },
  HVM_OP: { guests: ALL, call: hvmOp, operations: HVM_OPERATIONS },
  SYSCTL: { guests: ALL, call: sysctl },
  DOMCTL: { guests: ALL, call: domctl },
};

export const HYPERCALL_TABLE: (HypercallRow | undefined)[] = [];
for (const [name, row] of Object.entries(ROWS)) HYPERCALL_TABLE[HYPERCALL[name as keyof typeof HYPERCALL]] = row;

/** The calls of a kind of domain (XEN_TYPE), by number. */
export function hypercallsOf(type: number): (Hypercall | undefined)[] {
  const calls: (Hypercall | undefined)[] = [];
  HYPERCALL_TABLE.forEach((row, number) => {
    if (row && (row.guests >>> type) & 1) calls[number] = row.call;
  });
  return calls;
}
