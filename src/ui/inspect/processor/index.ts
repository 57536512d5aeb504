/** A vCPU: registers, segments with their descriptors, code and stack where it is; single steps while the domain is paused. */

import { registers as R } from '../../../cpu/architecture/index.ts';
import { inspector } from '../frame.tsx';
import { addressText, flagsName, generalOf, ipName, registerText } from '../../../hypervisor/view/index.ts';
import { CONTROL, SEGMENTS, stackOf } from '../vcpu-facts.ts';
import { Detail } from './detail.tsx';
import { type Data, hex, segmentRow, STACK_WORDS } from './facts.ts';
import { Figure } from './figure.tsx';
import { open } from './source.ts';
import { why } from './why.ts';
import { words } from './words.ts';

const EVERY_MS = 250;

export const Processor = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ state }) => [
    {
      name: words.registers,
      columns: ['Register', 'Value'],
      rows: [...generalOf(state.regs), [ipName(state.regs), R.EIP] as const, ...CONTROL]
        .map(([name, at]) => [name, registerText(state.regs, at)])
        .concat([
          [flagsName(state.regs), hex(state.eflags)],
          ['CPL', String(state.regs[R.CPL]!)],
        ]),
    },
    { name: words.segments, columns: words.columns, rows: SEGMENTS.map(each => segmentRow(state, each)) },
    {
      name: words.stack,
      columns: ['Offset', 'Word'],
      rows: stackOf(state, STACK_WORDS).map(({ at, text }) => [addressText(at, state.isLong), text]),
    },
  ],
});
