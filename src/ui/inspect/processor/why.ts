/** What a register is for, and why the processor is where it is. */

import { registers as R } from '../../../cpu/architecture/index.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import type { Shown, Why } from '../inspector.ts';
import { SEGMENTS } from '../vcpu-facts.ts';
import { type Data, isProtected } from './facts.ts';

/** What a register is for: the same on all hosts. */
const COMMON: Readonly<Record<'EIP' | 'EFLAGS' | 'CR2', Why>> = {
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
  CR2: {
    question: 'What is it for?',
    answer: 'The linear address of the last page fault, put there by the processor for the handler.',
    source: 'Intel SDM vol. 3, 4.7',
  },
};
/** What depends on the hypervisor; `halted`: why a vCPU that has executed HLT is where it is. */
const OF_EACH: OfEach<Readonly<Record<'CR3' | 'CR0' | 'CPL' | 'GDTR' | 'IDTR' | 'halted', Why>>> = {
  xen: {
    CR3: {
      question: 'What is it for?',
      answer:
        'It holds the guest-physical address of the topmost page table: each process has its own. A paravirtual guest loads it by a hypercall, for Xen checks every table that is used.',
      source: 'Intel SDM vol. 3, 4.3',
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
        'Linear address and limit of the table of interrupt gates. A paravirtual guest has none: it registers its handlers with Xen.',
      source: 'Intel SDM vol. 3, 6.10',
    },
    halted: {
      question: 'Why is it there?',
      answer: 'It has executed HLT and waits for an interrupt. Xen has given its processor to another vCPU.',
      source: 'Intel SDM vol. 3, 25.4.2',
    },
  },
  kvm: {
    CR3: {
      question: 'What is it for?',
      answer:
        'It holds the guest-physical address of the topmost page table: each process has its own. With EPT the guest loads it without an exit.',
      source: 'Intel SDM vol. 3, 4.3 and 25.6.7',
    },
    CR0: {
      question: 'Why does KVM care?',
      answer:
        'Under VT-x some bits are fixed, and some KVM keeps for itself: the guest reads what it wrote, and a write to those exits.',
      source: 'Intel SDM vol. 3, 25.6.6',
    },
    CPL: {
      question: 'Why this level?',
      answer:
        'The lowest two bits of CS as they were loaded. A kernel has 0, and programs have 3, as without a hypervisor.',
      source: 'Intel SDM vol. 3, 5.5',
    },
    GDTR: {
      question: 'What is it for?',
      answer:
        'Linear address and limit of the table that every selector indexes. The guest loads it with LGDT, without an exit.',
      source: 'Intel SDM vol. 3, 3.5.1',
    },
    IDTR: {
      question: 'What is it for?',
      answer:
        'Linear address and limit of the table of interrupt gates. It is the guest’s own: KVM injects an interrupt, and the processor finds the handler there.',
      source: 'Intel SDM vol. 3, 6.10 and 27.6',
    },
    halted: {
      question: 'Why is it there?',
      answer:
        'It has executed HLT and waits for an interrupt. Its thread sleeps in KVM, and Linux’s scheduler has given the processor to another one.',
      source: 'Intel SDM vol. 3, 25.4.2; virt/kvm/kvm_main.c of Linux 6.1, kvm_vcpu_halt',
    },
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
  const { halted, ...own } = ofHost(OF_EACH),
    // RIP and RFLAGS are explained as EIP and EFLAGS are.
    known = ({ ...COMMON, ...own } as Readonly<Record<string, Why>>)[chosen.replace(/^R(?=IP|FLAGS)/, 'E')];
  if (known) return known;
  if (state.regs[R.ACTIVITY] === 1) return halted;
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
