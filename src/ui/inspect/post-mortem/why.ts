/** Why a guest that has ended is still there, or what was wrong with the gate that blocked delivery. */

import { ExitReason, registers as R } from '../../../cpu/architecture/index.ts';
import type { Shown, Why } from '../inspector.ts';
import { type Data, hex, vectorOf } from './facts.ts';
import { gateFields, gateOf, tableOf } from './last-moments.ts';
import { hypervisorWords } from './words.ts';

/** What the rest of the table says of one that is not present. */
const alike = ({ gates, present, isAlike }: ReturnType<typeof tableOf>): string =>
  isAlike
    ? `The guest built all ${gates} entries so, without bit 47.`
    : `${present} of the table’s ${gates} entries have bit 47 set.`;

export function reasonOf(shown: Shown<Data>): Why {
  const {
      data: {
        state,
        lasts: [last],
      },
    } = shown,
    vector = vectorOf(shown);
  if (last?.reason !== ExitReason.TRIPLE_FAULT) return hypervisorWords().stillHere;
  const gate = vector === undefined ? undefined : gateOf(state, vector);
  if (gate?.isBeyond)
    return {
      question: 'Why no handler?',
      answer: `The table ends at byte 0x${hex(state.regs[R.IDTR_LIMIT]!, 4)}, and entry ${gate.vector} begins at 0x${hex(gate.vector * gate.size, 4)}: LIDT loaded a smaller one, or none was loaded.`,
      source: 'Intel SDM vol. 3, 6.10',
    };
  const bad = gate && gateFields(gate).find(({ isBad }) => isBad),
    table = bad && tableOf(state, gate);
  if (gate && table && bad.bits === '47')
    return {
      question: 'Why not present?',
      answer: `Byte 5 is ${hex(gate.bytes[5]!, 2)}. A present gate of this type has ${hex(gate.bytes[5]! | 0x80, 2)} there. ${alike(table)}`,
      source: 'Intel SDM vol. 3, 6.11',
    };
  if (gate && bad)
    return {
      question: 'Why no gate?',
      answer: `Byte 5 is ${hex(gate.bytes[5]!, 2)}: no type of gate. ${table?.isAlike && gate.bytes[5] === 0 ? `So is that of all ${table.gates} entries: the guest built no table there.` : 'The guest put nothing there, or something else over it.'}`,
      source: 'Intel SDM vol. 3, 6.11',
    };
  return {
    question: 'Why three faults?',
    answer:
      'A fault while another is delivered is a double fault. One while that is delivered has no handler left, and the processor shuts down.',
    source: 'Intel SDM vol. 3, 6.15, interrupt 8',
  };
}
