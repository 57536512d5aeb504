/** Where a domain stops, and why it stopped, in words. */
import { ExitReason, IO_IN } from '../../../cpu/architecture/index.ts';
import { type BreakHit, type BreakPoint, isAddress, type TracePoint } from '../../../hypervisor/domain/index.ts';
import { exitName } from '../../../hypervisor/index.ts';
import { hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import { addressText } from '../../../hypervisor/view/index.ts';

export const hex = (address: number): string => `0x${addressText(address)}`;
const VERBS = { execute: 'executes', write: 'writes', access: 'reads or writes' } as const;
/** What a point of the trace is about. */
function subject({ kind, number }: TracePoint): string {
  switch (kind) {
    case 'exit':
      return `an exit ${exitName(number)}`;
    case 'hypercall':
      return `the ${hypercallName(number).replace(/^(?!hypercall )/, 'hypercall ')}`;
    case 'port':
      return `an access to port 0x${number.toString(16)}`;
    case 'event':
      return `an event on port ${number}`;
  }
}
export const spelled = (point: BreakPoint): string =>
  !isAddress(point)
    ? subject(point)
    : point.kind === 'execute'
      ? `the instruction at ${hex(point.linear)}`
      : `anything that ${VERBS[point.kind]} ${point.bytes} ${point.bytes === 1 ? 'byte' : 'bytes'} at ${hex(point.linear)}`;

/** Why it stopped, as a sentence. */
export function reasonOf({ point, vcpu, instruction, access, record }: BreakHit): string {
  if (!isAddress(point)) return `vCPU ${vcpu} had ${subject(point)}${record ? ofRecord(point, record) : ''}.`;
  if (!access) return `vCPU ${vcpu} is about to execute ${spelled(point)}.`;
  const who =
    instruction === undefined
      ? 'The processor itself, as it delivered an event,'
      : `The instruction at ${hex(instruction)}`;
  return `${who} ${access.isWrite ? 'wrote' : 'read'} ${access.bytes} ${access.bytes === 1 ? 'byte' : 'bytes'} at ${hex(access.linear)}: 0x${access.value.toString(16)} (vCPU ${vcpu}).`;
}

/** Of an I/O instruction, by its qualification. */
const isRead = (qualification: number): boolean => (qualification & IO_IN) !== 0;

/** What the record says besides (hypervisor/tracing/trace.ts, TRACE_KIND). */
function ofRecord({ kind }: TracePoint, [a, b, c]: NonNullable<BreakHit['record']>): string {
  switch (kind) {
    case 'exit':
      return `${a === ExitReason.IO ? `, ${isRead(c) ? 'a read of' : 'a write to'} port 0x${(c >>> 16).toString(16)},` : ''} at ${hex(b)}`;
    case 'port':
      return `, a ${isRead(c) ? 'read' : 'write'}, at ${hex(b)}`;
    case 'hypercall':
      return `, first argument 0x${(b >>> 0).toString(16)}, result ${c}`;
    case 'event':
      return b < 0 ? ', to itself' : `, to domain ${b}`;
  }
}
