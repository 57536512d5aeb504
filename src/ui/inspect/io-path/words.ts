/** What stands around requests on their way, and their figures in words. */

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
  compare: 'Beside a request of',
  none: 'no other guest',
  waitsFor: (name: string) => `Nothing of ${name} yet: have it read, write or send something.`,
  twoWays: (kib: number, what: string) => `One ${what} of ${kib} KiB, two ways`,
  requestsOf: (names: readonly string[]) => `Requests of ${names.join(' and ')}`,
  ways: {
    ring: 'paravirtual: a ring',
    drive: 'emulated IDE drive',
    card: 'emulated network card',
    other: 'through the bridge',
  },
  of: (what: string, kib: number | undefined) => (kib ? `${what}, ${kib} KiB` : what),
  lanes: {
    guest: ['Guest driver', 'in the guest'],
    crossing: ['Crossing', 'VM exits, one a square'],
    xen: ['Xen', 'root mode'],
    dom0: ['Domain-0', 'serves it'],
    where: ['Host disk', 'as each layer calls it'],
    time: ['Time', 'until the answer'],
  } as const,
  slot: 'Fills a slot of the ring',
  registers: 'Commands a drive by its registers',
  cardSends: 'Commands a network card',
  gets: 'Gets a packet',
  slotSays: (n: string) =>
    `Slot ${n} names the sectors and the granted pages; then req_prod moves. No port is touched.`,
  toPorts: (ports: string, data: string) => `Sector, count and command go to ${ports}${data}.`,
  through: (size: string, port: string) => `; ${size} go through ${port}`,
  asks: (sectors: string, command: string) => `asks Domain-0’s own disk for ${sectors}: ${command}.`,
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
  model: 'The device model answers for a drive',
  back: 'The back end takes it from the ring',
  bridge: 'The bridge passes it on',
  controller: 'Domain-0’s own disk',
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
    `The last ${of.join(' and ')} requests took ${exits.join(' and ')} exits in the mean.`,
  decodes: 'Decodes each access, hands it to the device model',
  rings: 'Sets a pending bit, wakes Domain-0',
  asleep: 'Is not asked',
  decoded: 'The vCPU waits at each one until the device model has answered.',
  bell: (told: string) => `${told || 'EVTCHNOP_send'}. No data passes here.`,
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

export const timeText = (us: number): string =>
  us < 0.5 ? words.atOnce : us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`;
export const sizeText = (bytes: number): string =>
  bytes < 1 ? '0' : bytes < 1000 ? `${figure(bytes)} B` : `${figure(bytes / 1024)} KiB`;

/** A decimal where it says something. */
export const figure = (n: number): string =>
  (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)).replace(/\.0+$/, '');
