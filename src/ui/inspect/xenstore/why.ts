/** What a node is for, or why its permissions are as they are. */

import type { Shown, Why } from '../inspector.ts';
import { nameOf } from '../../host.ts';
import { chosenPath, type Data } from './facts.ts';

/** What a node is for, by its name. Sources: docs/misc/xenstore-paths.pandoc, io/blkif.h, io/netif.h. */
const WHY: readonly (readonly [name: RegExp, why: Why])[] = [
  [
    /\/(device|backend)\/.*\/state$/,
    {
      question: 'Why two state nodes?',
      answer:
        'Neither side may write the other’s directory. Each writes its own state and watches the other’s, so xenstored wakes it and nobody polls.',
      source: 'xen/include/public/io/xenbus.h',
    },
  ],
  [
    /ring-(ref|page-order)\d*$/,
    {
      question: 'Why a number?',
      answer:
        'It is a grant reference: the front end has let Domain-0 map the page of the ring, and tells it here by which entry of its grant table.',
      source: 'xen/include/public/io/blkif.h',
    },
  ],
  [
    /event-channel(-tx|-rx)?$/,
    {
      question: 'Why a port?',
      answer:
        'The front end has opened an event channel for Domain-0. The back end binds to this port; from then on an event is a bit and no node of the store.',
      source: 'xen/include/public/event_channel.h',
    },
  ],
  [
    /\/memory\/target$/,
    {
      question: 'Who acts on it?',
      answer:
        'The guest’s balloon driver watches this node: xl mem-set writes it, and the driver gives pages back, or takes some, until it is there. In KiB.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/cpu\/\d+\/availability$/,
    {
      question: 'Who acts on it?',
      answer:
        'The guest’s driver for processors watches this node and takes the vCPU on or off: xl vcpu-set only writes it.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/control\/shutdown$/,
    {
      question: 'Who acts on it?',
      answer:
        'A driver in the guest watches this node. It empties it to say that it has read it, and shuts the guest down.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/(backend|frontend)$/,
    {
      question: 'Why a path as a value?',
      answer:
        'Each half of a device names the other one here, so that either finds it, and removing the device removes both.',
      source: 'xen/include/public/io/xenbus.h',
    },
  ],
  [
    /\/feature-/,
    {
      question: 'What is it for?',
      answer:
        'The two drivers may be of different years. Each writes what it can, and neither uses what the other has not offered.',
      source: 'xen/include/public/io',
    },
  ],
];

export function why(shown: Shown<Data>): Why | undefined {
  const { data } = shown,
    chosen = chosenPath(shown);
  const node = data.nodes.find(({ path }) => path === chosen);
  if (!node) return undefined;
  const known = WHY.find(([name]) => name.test(node.path));
  if (known) return known[1];
  const owner = Number(node.permissions.split(',')[0]!.slice(1));
  return {
    question: `Why ${node.permissions}?`,
    answer: `The first entry names the owner, ${nameOf(owner)}, and what everybody else may do. Those that follow are exceptions for single domains; Domain-0 may do everything.`,
    source: 'docs/misc/xenstore.txt',
  };
}
