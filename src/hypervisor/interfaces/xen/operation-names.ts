/** What a hypercall does, for those whose first argument says which of several operations it is. */
import { EVTCHNOP, HVMOP, HYPERCALL, MEMORY_OP_BITS, SCHEDOP, VCPUOP, XENMEM, XENVER } from './abi.ts';

interface Operations {
  prefix: string;
  numbers: Readonly<Record<string, number>>;
  bits?: number;
}
/** As the public headers spell them (event_channel.h, sched.h, vcpu.h, memory.h, version.h, hvm/hvm_op.h). */
const OPERATIONS: Readonly<Record<number, Operations>> = {
  [HYPERCALL.EVENT_CHANNEL_OP]: { prefix: 'EVTCHNOP_', numbers: EVTCHNOP },
  [HYPERCALL.SCHED_OP]: { prefix: 'SCHEDOP_', numbers: SCHEDOP },
  [HYPERCALL.VCPU_OP]: { prefix: 'VCPUOP_', numbers: VCPUOP },
  [HYPERCALL.MEMORY_OP]: { prefix: 'XENMEM_', numbers: XENMEM, bits: MEMORY_OP_BITS },
  [HYPERCALL.XEN_VERSION]: { prefix: 'XENVER_', numbers: XENVER },
  [HYPERCALL.HVM_OP]: { prefix: 'HVMOP_', numbers: HVMOP },
};

/** Of hypercall `number` with its first argument; undefined: it has no operations, or not this one. */
export function operationName(number: number, first: number): string | undefined {
  const of = OPERATIONS[number];
  if (!of) return undefined;
  const operation = of.bits === undefined ? first : first & ((1 << of.bits) - 1),
    name = Object.keys(of.numbers).find(key => of.numbers[key] === operation);
  return name && `${of.prefix}${name.toLowerCase()}`;
}
