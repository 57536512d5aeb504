/** A stop as the line that one types. The page has these words without the rest of the toolstack. */
import { type BreakPoint, isAddress } from '../../../hypervisor/domain/index.ts';
import { hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import { addressText, exitName } from '../../../hypervisor/view/index.ts';

export const BREAK_FLAGS: Readonly<Record<BreakPoint['kind'], string>> = {
  execute: '',
  write: '-w ',
  access: '-a ',
  exit: '-x ',
  hypercall: '-c ',
  port: '-p ',
  event: '-e ',
};
/** A point as it is written behind the domain's name. */
export const pointWords = (point: BreakPoint): string =>
  isAddress(point)
    ? `0x${addressText(point.linear)}${point.kind === 'execute' ? '' : ` ${point.bytes}`}`
    : point.kind === 'exit'
      ? exitName(point.number)
      : point.kind === 'hypercall'
        ? hypercallName(point.number).replace('hypercall ', '')
        : point.kind === 'port'
          ? `0x${point.number.toString(16)}`
          : String(point.number);

export const breakCommand = (name: string, point: BreakPoint, isOff: boolean): string =>
  `xl break ${isOff ? '-d ' : ''}${BREAK_FLAGS[point.kind]}${name} ${pointWords(point)}`;
