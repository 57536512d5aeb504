/** Why a frame is as it is, or a walk ends where it does. */

import type { Shown, Why } from '../inspector.ts';
import { type Data, frameOf } from './facts.ts';
import { words } from './words.ts';

export function why(shown: Shown<Data>): Why {
  const frame = frameOf(shown),
    { walk } = shown.data,
    fault = walk?.steps.find(({ isFault }) => isFault);
  if (frame && frame.owner >= 0)
    return frame.type !== 'NONE' && frame.type !== 'WRITABLE' && frame.uses > 0
      ? {
          question: 'Why may its owner not write it?',
          answer: `The frame is in use as ${frame.type}, so Xen lets nobody write it directly: else a paravirtual guest could map a frame that is not its own.`,
          source: 'xen/include/asm-x86/mm.h, PGT_*',
        }
      : {
          question: 'Why do references count?',
          answer: `A frame goes back to the allocator when its last reference has gone; one is its owner’s, and each mapping by another domain holds one more. This one has ${frame.references}.`,
          source: 'xen/include/asm-x86/mm.h, PGC_count_mask',
        };
  if (fault)
    return {
      question: 'Why does it end there?',
      answer:
        fault.key === 'stage'
          ? 'The guest’s own tables lead to a guest frame behind which Xen has put no memory: an access exits, and a device or Xen answers.'
          : 'This entry is not present: an access there is a page fault, which the guest’s own kernel handles.',
      source: 'Intel SDM vol. 3, 4.7',
    };
  if (walk && walk.mode === words.paging.off)
    return {
      question: 'Why so few steps?',
      answer:
        'The guest has paging off, so a linear address is a guest-physical one. Xen’s second stage is there all the same: it alone knows the machine frame.',
      source: 'Intel SDM vol. 3, 28.3',
    };
  if (walk?.isPv)
    return {
      question: 'Why the same frame?',
      answer:
        'A paravirtual guest’s page tables name machine frames themselves: Xen has checked each entry before it was used. The last look only asks whether the guest may have the frame.',
      source: 'xen/include/public/xen.h, mmu_update',
    };
  return {
    question: 'Why two walks?',
    answer:
      'The guest’s own tables end in a guest frame. Only Xen’s second stage knows which machine frame is behind it, so each of the guest’s steps is looked up there, too.',
    source: 'Intel SDM vol. 3, 28.3',
  };
}
