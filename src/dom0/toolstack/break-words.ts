/** Where a domain stops, and why it stopped, in words. */
import type { BreakHit, BreakPoint } from '../../hypervisor/domain/index.ts';
import { addressText } from '../../hypervisor/view/index.ts';

export const hex = (address: number): string => `0x${addressText(address)}`;
const KINDS: Readonly<Record<BreakPoint['kind'], string>> = {
  execute: 'executes',
  write: 'writes',
  access: 'reads or writes',
};
export const spelled = ({ kind, linear, bytes }: BreakPoint): string =>
  kind === 'execute'
    ? `the instruction at ${hex(linear)}`
    : `whoever ${KINDS[kind]} ${bytes} ${bytes === 1 ? 'byte' : 'bytes'} at ${hex(linear)}`;

/** Why it stopped, as a sentence. */
export function reasonOf({ point, vcpu, instruction, access }: BreakHit): string {
  if (!access) return `vCPU ${vcpu} is about to execute ${spelled(point)}.`;
  const who =
    instruction === undefined
      ? 'The processor itself, as it delivered an event,'
      : `The instruction at ${hex(instruction)}`;
  return `${who} ${access.isWrite ? 'wrote' : 'read'} ${access.bytes} ${access.bytes === 1 ? 'byte' : 'bytes'} at ${hex(access.linear)}: 0x${access.value.toString(16)} (vCPU ${vcpu}).`;
}
