/** What a register is for, and why the processor is where it is. */

import { registers as R } from '../../../cpu/architecture/index.ts';
import type { Shown, Why } from '../inspector.ts';
import { SEGMENTS } from '../vcpu-facts.ts';
import { type Data, isProtected } from './facts.ts';

/** RIP and RFLAGS are told of as EIP and EFLAGS are. */
const WHYS: Readonly<Record<string, Why>> = {
  EIP: {
    question: 'Why there?',
    answer:
      'The vCPU executes this instruction next, or waits in it for the hypervisor: an instruction that exits has not retired.',
    source: 'Intel SDM vol. 3, 28.2',
  },
  EFLAGS: {
    question: 'Why are some bits computed?',
    answer:
      'The arithmetic flags are worked out from the last operation and its result only when somebody asks, as this page does: most are overwritten unread.',
    source: 'Intel SDM vol. 1, 3.4.3',
  },
  CR3: {
    question: 'What is it for?',
    answer:
      'It holds the guest-physical address of the topmost page table: each process has its own. A paravirtual guest loads it by a hypercall, for Xen checks every table that is used.',
    source: 'Intel SDM vol. 3, 4.3',
  },
  CR2: {
    question: 'What is it for?',
    answer: 'The linear address of the last page fault, put there by the processor for the handler.',
    source: 'Intel SDM vol. 3, 4.7',
  },
  CR0: {
    question: 'Why does Xen care?',
    answer:
      'Under VT-x some bits are fixed, and some Xen keeps for itself: the guest reads what it wrote, and a write to those exits.',
    source: 'Intel SDM vol. 3, 25.6.6',
  },
  CPL: {
    question: 'Why this level?',
    answer:
      'The lowest two bits of CS as they were loaded. A kernel has 0; a 32-bit paravirtual kernel has 1, for ring 0 is Xen’s; programs have 3.',
    source: 'Intel SDM vol. 3, 5.5',
  },
  GDTR: {
    question: 'What is it for?',
    answer:
      'Linear address and limit of the table that every selector indexes. A paravirtual guest names its frames to Xen, which checks each descriptor.',
    source: 'Intel SDM vol. 3, 3.5.1',
  },
  IDTR: {
    question: 'What is it for?',
    answer:
      'Linear address and limit of the table of interrupt gates. A paravirtual guest has none: it tells Xen its handlers.',
    source: 'Intel SDM vol. 3, 6.10',
  },
};

export function why({ data, chosen }: Shown<Data>): Why {
  const { state, isStill } = data;
  if (SEGMENTS.some(([name]) => name === chosen))
    return isProtected(state)
      ? {
          question: 'Why a base and a limit here?',
          answer:
            'Loading a selector copies its descriptor into the processor. It goes on with the copy until the register is loaded again, whatever becomes of the table.',
          source: 'Intel SDM vol. 3, 3.4.3',
        }
      : {
          question: 'Why no descriptor?',
          answer:
            'In real mode a selector times 16 is the base. A limit that was loaded in protected mode stays, which old programs use.',
          source: 'Intel SDM vol. 3, 21.1',
        };
  const known = WHYS[chosen.replace(/^R(?=IP|FLAGS)/, 'E')];
  if (known) return known;
  if (state.regs[R.ACTIVITY] === 1)
    return {
      question: 'Why is it there?',
      answer: 'It has executed HLT and waits for an interrupt. Xen has given its processor to somebody else.',
      source: 'Intel SDM vol. 3, 25.4.2',
    };
  return isStill
    ? {
        question: 'Why does nothing move?',
        answer:
          'The domain is paused: no instruction retires, and its time does not advance. A step lets it run that far and pauses it again.',
      }
    : {
        question: 'Why do the registers jump?',
        answer:
          'The engine works on these very words in shared memory; this page reads them a few times a second, between millions of instructions.',
      };
}
