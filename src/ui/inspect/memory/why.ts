/** Why a frame is as it is, or a walk ends where it does. */

import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import type { Shown, Why } from '../inspector.ts';
import { type Data, frameOf } from './facts.ts';
import { words } from './words.ts';

interface Whys {
  /** Of a frame that may not be written, for it has this type. */
  typed(type: string): Why;
  counted(references: number): Why;
  /** The walk ends in the second stage. */
  noMemory: string;
  pagingOff: Why;
  /** Of a guest whose tables name machine frames. */
  machineFrames: Why;
  twoWalks: Why;
}

const OF_EACH: OfEach<Whys> = {
  xen: {
    typed: type => ({
      question: 'Why may its owner not write it?',
      answer: `The frame is in use as ${type}, so Xen lets nobody write it directly: else a paravirtual guest could map a frame that is not its own.`,
      source: 'xen/include/asm-x86/mm.h, PGT_*',
    }),
    counted: references => ({
      question: 'Why do references count?',
      answer: `A frame goes back to the allocator when its last reference has gone; one is its owner’s, and each mapping by another domain holds one more. This one has ${references}.`,
      source: 'xen/include/asm-x86/mm.h, PGC_count_mask',
    }),
    noMemory:
      'The guest’s own tables lead to a guest frame behind which Xen has put no memory: an access exits, and a device or Xen answers.',
    pagingOff: {
      question: 'Why so few steps?',
      answer:
        'The guest has paging off, so a linear address is a guest-physical one. Xen’s second stage is there all the same: it alone knows the machine frame.',
      source: 'Intel SDM vol. 3, 28.3',
    },
    machineFrames: {
      question: 'Why the same frame?',
      answer:
        'A paravirtual guest’s page tables name machine frames themselves: Xen has checked each entry before it was used. The last look only asks whether the guest may have the frame.',
      source: 'xen/include/public/xen.h, mmu_update',
    },
    twoWalks: {
      question: 'Why two walks?',
      answer:
        'The guest’s own tables end in a guest frame. Only Xen’s second stage knows which machine frame is behind it, so each of the guest’s steps is looked up there, too.',
      source: 'Intel SDM vol. 3, 28.3',
    },
  },
  kvm: {
    typed: type => ({
      question: 'Why may its owner not write it?',
      answer: `The frame is in use as ${type}: with shadow page tables a write to a guest’s page table exits, so that KVM can bring its shadow up to date.`,
      source: 'Documentation/virt/kvm/x86/mmu.rst of Linux 6.1',
    }),
    counted: references => ({
      question: 'Why do references count?',
      answer: `A guest’s memory is memory of its QEMU process. Linux frees a page when its last reference has gone: one is that process’s, and each other mapping holds one more. This one has ${references}.`,
      source: 'Documentation/virt/kvm/x86/mmu.rst; include/linux/mm.h of Linux 6.1, put_page',
    }),
    noMemory:
      'The guest’s own tables lead to a guest frame that is in no memory slot of QEMU’s, or whose page KVM has not mapped yet: an access exits, and QEMU or KVM answers.',
    pagingOff: {
      question: 'Why so few steps?',
      answer:
        'The guest has paging off, so a linear address is a guest-physical one. KVM’s second stage is there all the same: it alone knows the machine frame.',
      source: 'Intel SDM vol. 3, 28.3',
    },
    machineFrames: {
      question: 'Why the same frame?',
      answer: 'No guest of KVM has page tables that name machine frames: all have a second stage, or a shadow.',
      source: 'Documentation/virt/kvm/x86/mmu.rst of Linux 6.1',
    },
    twoWalks: {
      question: 'Why two walks?',
      answer:
        'The guest’s own tables end in a guest frame. Only KVM’s second stage knows which machine frame is behind it, so each of the guest’s steps is looked up there, too.',
      source: 'Intel SDM vol. 3, 28.3; Documentation/virt/kvm/x86/mmu.rst of Linux 6.1',
    },
  },
};

export function why(shown: Shown<Data>): Why {
  const frame = frameOf(shown),
    { walk } = shown.data,
    whys = ofHost(OF_EACH),
    fault = walk?.steps.find(({ isFault }) => isFault);
  if (frame && frame.owner >= 0)
    return frame.type !== 'NONE' && frame.type !== 'WRITABLE' && frame.uses > 0
      ? whys.typed(frame.type)
      : whys.counted(frame.references);
  if (fault)
    return {
      question: 'Why does it end there?',
      answer:
        fault.key === 'stage'
          ? whys.noMemory
          : 'This entry is not present: an access there is a page fault, which the guest’s own kernel handles.',
      source: 'Intel SDM vol. 3, 4.7',
    };
  if (walk && walk.mode === words.paging.off) return whys.pagingOff;
  return walk?.namesFrames ? whys.machineFrames : whys.twoWalks;
}
