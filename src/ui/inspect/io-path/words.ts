/** What is said around requests on their way, and their figures in words. */

import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import type { Why } from '../inspector.ts';

/** The parties that handle a request on its way: the hypervisor, and the system and the process that serve it. */
interface HypervisorWords {
  hypervisorLane: readonly [name: string, what: string];
  hostLane: readonly [name: string, what: string];
  /** What the one write to a notify register does. */
  kick: string;
  /** After the party that asks. */
  asks(sectors: string, command: string): string;
  model: string;
  controller: string;
  decodes: string;
  decoded: string;
  /** Why a request through registers, and one through the bridge, goes as it does. */
  drive: Why;
  bridge: Why;
}
const OF_EACH: OfEach<HypervisorWords> = {
  xen: {
    hypervisorLane: ['Xen', 'root mode'],
    hostLane: ['Domain-0', 'serves it'],
    kick: 'One write to the device’s notify register announces all chains that are there. Linux with KVM ends it in the kernel, by an ioeventfd.',
    asks: (sectors, command) => `asks Domain-0’s own disk for ${sectors}: ${command}.`,
    model: 'The device model answers for a drive',
    controller: 'Domain-0’s own disk',
    decodes: 'Decodes each access, hands it to the device model',
    decoded: 'The vCPU waits at each one until the device model has answered.',
    drive: {
      question: 'Why so many exits?',
      answer:
        'An emulated drive is driven by registers: each access to a port leaves the guest, and the device model answers before the guest goes on.',
      source: 'Intel SDM vol. 3, table 28-5',
    },
    bridge: {
      question: 'Why through Domain-0?',
      answer:
        'A packet has no path of its own to the wire: Domain-0’s bridge takes it from one port and gives it to another, by the station’s address.',
      source: 'docs/network.md',
    },
  },
  kvm: {
    hypervisorLane: ['KVM', 'in Linux, root mode'],
    hostLane: ['QEMU and Linux', 'serve it'],
    kick: 'One write to the device’s notify register announces all chains that are there. KVM ends the exit in the kernel: an ioeventfd wakes QEMU’s thread.',
    asks: (sectors, command) => `asks the host’s own disk for ${sectors}: ${command}.`,
    model: 'QEMU answers for a drive',
    controller: 'Host’s own disk',
    decodes: 'Decodes each access, returns to QEMU',
    decoded: 'The vCPU waits at each one until QEMU has answered and has entered KVM_RUN again.',
    drive: {
      question: 'Why so many exits?',
      answer:
        'An emulated drive is driven by registers: each access to a port leaves the guest, KVM_RUN returns to QEMU with KVM_EXIT_IO, and QEMU answers before the guest goes on.',
      source: 'Intel SDM vol. 3, table 28-5; Documentation/virt/kvm/api.rst of Linux 6.1',
    },
    bridge: {
      question: 'Why through the bridge?',
      answer:
        'A packet has no path of its own to the wire: QEMU gives it to a TAP device, and Linux’s bridge passes it from one port to another, by the station’s address.',
      source: 'docs/network.md',
    },
  },
};
/** The words of the hypervisor that the host has. */
export const ioPathWords = (): HypervisorWords => ofHost(OF_EACH);

export const words = {
  nothing: 'The guest is gone.',
  title: 'No request yet',
  waits:
    'Requests are followed while this view is open: have the guest read, write or send something. These are the places that one passes.',
  make: 'Make one now',
  line: 'A line for the guest’s console',
  send: 'Send',
  sent: (line: string) => `Sent to its console: ${line}`,
  done: 'answered',
  open: 'under way',
  number: (n: number) => `request ${n}`,
  compare: 'Next to a request of',
  none: 'no other guest',
  waitsFor: (name: string) => `Nothing of ${name} yet: have it read, write or send something.`,
  twoWays: (kib: number, what: string) => `One ${what} of ${kib} KiB, two ways`,
  requestsOf: (names: readonly string[]) => `Requests of ${names.join(' and ')}`,
  ways: {
    ring: 'paravirtual: a ring',
    virtqueue: 'paravirtual: a virtqueue',
    drive: 'emulated IDE drive',
    card: 'emulated network card',
    other: 'through the bridge',
  },
  of: (what: string, kib: number | undefined) => (kib ? `${what}, ${kib} KiB` : what),
  lanes: {
    guest: ['Guest driver', 'in the guest'],
    crossing: ['Crossing', 'VM exits, one a square'],
    where: ['Host disk', 'as each layer calls it'],
    time: ['Time', 'until the answer'],
  } as const,
  slot: 'Fills a slot of the ring',
  registers: 'Commands a drive by its registers',
  cardSends: 'Commands a network card',
  gets: 'Gets a packet',
  slotSays: (n: string) =>
    `Slot ${n} names the sectors and the granted pages; then req_prod moves. No port is touched.`,
  chain: 'Offers a chain of descriptors',
  oneChain: '1 chain',
  chainSays: (n: string, head: string) =>
    `Place ${n} of the available ring names descriptor ${head}, the first of the chain; then avail.idx moves.`,
  kicked: 'Hands the write to the device',
  noKick: 'No write: the device was at work, and found the chain by itself.',
  takes: 'The device takes it from the queue',
  toPorts: (ports: string, data: string) => `Sector, count and command go to ${ports}${data}.`,
  through: (size: string, port: string) => `; ${size} go through ${port}`,
  modelAsks: 'It reads the drive’s registers as the guest has set them, and',
  backAsks: 'It takes the pages that the slot grants, and',
  noSlot: 'no exit',
  ports: (n: number) => `${n} port${n === 1 ? '' : 's'}`,
  oneSlot: '1 slot',
  missed: (n: number) => `${n} records were overwritten before they were read: some requests may be missing.`,
  uncounted: 'not counted: records were overwritten before they were read',
  exit: (n: number) => (n === 1 ? 'exit' : 'exits'),
  noExit: 'the back end was at work, and found the slot by itself',
  port: (port: number) => `port 0x${port.toString(16)}`,
  more: (n: number) => `${n} more squares`,
  back: 'The back end takes it from the ring',
  bridge: 'The bridge passes it on',
  atOnce: 'at once',
  largest: (place: string, part: number) => `${place} ${part.toFixed(0)} %`,
  perKib: 'VM exits per KiB',
  perRequest: 'VM exits per request',
  exits: 'VM exits',
  copied: 'Copied through ports',
  answered: 'Answered after (median)',
  earlier: (name: string) => `Earlier request of ${name}`,
  later: (name: string) => `Later request of ${name}`,
  against: 'against',
  mean: (of: readonly number[]) => `Means of the last ${of.join(' and ')} requests that were answered and counted.`,
  inMean: (exits: readonly string[], of: readonly number[]) =>
    `The last ${of.join(' and ')} requests took ${exits.join(' and ')} exits on average.`,
  rings: 'Sets a pending bit, wakes Domain-0',
  asleep: 'Is not asked',
  bell: (hypercall: string) => `${hypercall || 'EVTCHNOP_send'}. No data passes here.`,
  noBell: 'No event, no work: the guest and Domain-0 share the page.',
  accesses: (n: number) => `${n} access${n === 1 ? '' : 'es'}`,
  events: (n: number) => `${n} event${n === 1 ? '' : 's'}`,
  serves: (n: number) => `${figure(n)} requests an exit`,
  took: (times: readonly string[], shares: readonly number[]) =>
    `The two above were answered after ${[...new Set(times)].join(' and ')}, of which the host’s own disk took ${[...new Set(shares.map(share => `${share.toFixed(0)} %`))].join(' and ')}.`,
  table: 'Requests',
  columns: ['Domain', 'Request', 'Place', 'What', 'µs', 'Written by domain'],
  exitsTable: 'VM exits since the request before',
  exitColumns: ['Domain', 'Request', 'Reason', 'Port', 'Count'],
};

/** Less than this many microseconds is no time. */
const NO_TIME = 0.5;
export const timeText = (us: number): string =>
  us < NO_TIME ? words.atOnce : us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`;
/** How long after what came before. */
export const afterText = (us: number): string => `${us < NO_TIME ? '' : '+'}${timeText(us)}`;
export const sizeText = (bytes: number): string =>
  bytes < 1 ? '0' : bytes < 1000 ? `${figure(bytes)} B` : `${figure(bytes / 1024)} KiB`;

/** A decimal where it says something. */
export const figure = (n: number): string =>
  (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)).replace(/\.0+$/, '');
