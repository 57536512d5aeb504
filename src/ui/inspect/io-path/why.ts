/** Why a request took this many exits, or so few. */

import type { Shown, Why } from '../inspector.ts';
import { chosenOf, type Data, wayOf } from './facts.ts';
import { ioPathWords } from './words.ts';

export function why({ data: { own, other }, chosen }: Shown<Data>): Why | undefined {
  const [first, second] = chosen.split(' '),
    picked = chosenOf(own, first ?? ''),
    ways = [picked, other && chosenOf(other, second ?? '')].flatMap(each => (each ? [wayOf(each)] : []));
  if (!picked)
    return {
      question: 'Why nothing from before?',
      answer:
        'Each place that a request passes writes a record of it, and that takes time. So the workers write them only while somebody looks.',
      source: 'docs/disks.md',
    };
  if (ways.includes('ring') && ways.includes('drive'))
    return {
      question: 'Why so many?',
      answer:
        'Each access to a port traps, and the device model answers before the guest goes on. A slot of the ring describes a whole request, and one event announces many.',
      source: 'xen/include/public/io/ring.h; Intel SDM vol. 3, table 28-5',
    };
  if (ways.includes('virtqueue') && ways.includes('drive'))
    return {
      question: 'Why so many?',
      answer:
        'Each access to a register traps. A chain of a virtqueue describes a whole request, and one write to the notify register announces many.',
      source: 'VIRTIO 1.2, 2.7; Intel SDM vol. 3, table 28-5',
    };
  if (ways[0] === 'virtqueue')
    return {
      question: 'Why so few?',
      answer:
        'The driver describes the request in its own memory, which the device reads. Only the write that announces it leaves the guest, and one may announce many.',
      source: 'VIRTIO 1.2, 2.7.10 and 4.1.5.2',
    };
  if (ways[0] === 'ring')
    return {
      question: 'Why so few?',
      answer:
        'The driver writes the request into a ring that Domain-0 has mapped. Only the event that announces it needs Xen, and one event may announce many.',
      source: 'xen/include/public/io/ring.h',
    };
  return ways[0] === 'drive' ? ioPathWords().drive : ioPathWords().bridge;
}
