/** Paravirtual drivers in a fully virtual guest: by how much, and where not. */
import { type Condition, type Experiment, numberWhere, type Row } from './form.ts';
import type { Counted, Lab } from './lab.ts';
import { guestBy, pairBy, pings, readDisk, stream, type Way } from './works.ts';
import { listed, short } from './words.ts';

const EMULATED = 'emulated',
  PARAVIRTUAL = 'paravirtual',
  VIRTIO = 'virtio, under KVM';
const READ_KIB = 512,
  PINGS = 20,
  STREAM_KIB = 2048,
  DIRTIED = 100;
/** From this factor on we call it dramatic, and below the other we call it none. */
const DRAMATIC = 5,
  LITTLE = 1.2;

/** Of one unit: a request, a packet, a KiB. */
const rowOf = (work: string, driver: string, counted: readonly Counted[], units: number): Row => {
  const each = (of: (one: Counted) => number): number => counted.reduce((sum, one) => sum + of(one), 0) / units;
  return {
    work,
    driver,
    crossings: each(one => one.exits + one.of('dispatches')),
    exits: each(one => one.exits),
    switches: each(one => one.of('dispatches')),
    instructions: each(one => one.of('retired')),
  };
};

interface Work {
  name: string;
  units: number;
  /** Does it on a guest of this way. */
  prepare(lab: Lab, way: Way): Promise<() => Promise<readonly Counted[]>>;
}

const disk = (name: string, requestKib: number, depth: number): Work => ({
  name,
  units: READ_KIB,
  prepare: async (lab, way) => {
    const guest = await guestBy(lab, 'pc', way);
    return async () => [await readDisk(guest, way, READ_KIB, requestKib, way === 'emulated' ? 1 : depth)];
  },
});

const WORKS: readonly Work[] = [
  disk('disk, a KiB in requests of 4', 4, 1),
  disk('disk, a KiB in requests of 64, eight at a time', 64, 8),
  {
    name: 'network, a KiB in bulk',
    units: STREAM_KIB,
    prepare: async (lab, way) => {
      const pair = await pairBy(lab, way);
      return () => stream(lab, pair, STREAM_KIB);
    },
  },
  {
    name: 'network, one ping at a time',
    units: PINGS,
    prepare: async (lab, way) => {
      const guest = await guestBy(lab, 'pc', way);
      await guest.command('dhcp');
      return async () => [await pings(guest, PINGS, 1400)];
    },
  },
  {
    name: 'computing, 128 pages written',
    units: DIRTIED,
    prepare: async (lab, way) => {
      const guest = await guestBy(lab, 'pc', way);
      return async () => [await guest.cost(`dirty 128 ${DIRTIED}`, 'dirty 000 100')];
    },
  },
];

const conditionOf = (work: Work, driver: string, way: Way): Condition => ({
  name: `${work.name}, ${driver}`,
  prepare: async lab => {
    const run = await work.prepare(lab, way);
    return async () => [rowOf(work.name, driver, await run(), work.units)];
  },
});

/** How many times as many crossings the emulated device has; equal where neither has any. */
function factorOf(rows: readonly Row[], work: string): number {
  const of = (driver: string): number => numberWhere(rows, { work, driver }, 'crossings'),
    [emulated, paravirtual] = [of(EMULATED), of(PARAVIRTUAL)];
  return emulated === paravirtual ? 1 : emulated / paravirtual;
}

export const drivers: Experiment = {
  id: 'drivers',
  title: 'Paravirtual drivers in a fully virtual guest',
  claim: 'A fully virtual guest with paravirtual drivers improves its performance dramatically.',
  how: [
    'One fully virtual guest (minipv, HVM) does five pieces of work twice: by its emulated devices, an IDE disk read by DMA and a PCnet card, and after it has unplugged them and connected blkfront and netfront in their place. Disk and card are the same behind either. The device model is in Domain 0, where Xen has it by default.',
    'A third time a guest of KVM does them, whose disk and card are virtio’s. Its devices work in the thread of the vCPU that asks (ioeventfd and vhost are not here): a kick is an exit, and nobody else gets the processor for it. Its console is a serial port, so that a digit more in what it prints is an exit more.',
    'Counted are the VM exits, and how often the guest got the processor back after somebody else had it: Domain 0, for a request to the device model or for a ring, or the other guest. Both together are its crossings. An empty run of the same command, which is typed and answered like it, is taken off.',
  ],
  columns: [
    { id: 'work', name: 'what is done, once' },
    { id: 'driver', name: 'drivers' },
    { id: 'crossings', name: 'crossings' },
    { id: 'exits', name: 'VM exits', cost: 'exit' },
    { id: 'switches', name: 'switches to others and back', cost: 'switch' },
    { id: 'instructions', name: 'guest instructions', cost: 'instruction' },
  ],
  drawing: { kind: 'bars', group: 'work', series: 'driver', value: 'crossings', isLog: true },
  mayBeTimed: true,
  conditions: () =>
    WORKS.flatMap(work => [
      conditionOf(work, EMULATED, 'emulated'),
      conditionOf(work, PARAVIRTUAL, 'unplugged'),
      conditionOf(work, VIRTIO, 'virtio'),
    ]),
  verdict: rows => {
    const factors = WORKS.map(({ name }) => ({ name, factor: factorOf(rows, name) })),
      dramatic = factors.filter(({ factor }) => factor >= DRAMATIC),
      none = factors.filter(({ factor }) => factor < LITTLE);
    const virtio = (work: string): string => short(numberWhere(rows, { work, driver: VIRTIO }, 'crossings'));
    const named = (of: typeof factors): string => listed(of.map(({ name, factor }) => `${name} (${short(factor)})`));
    return {
      held: none.length === 0 && dramatic.length > 0 ? 'yes' : dramatic.length > 0 ? 'partly' : 'no',
      text: `The factor by which crossings became fewer: ${named(dramatic)}${
        dramatic.length > 0 ? ' is dramatic' : ' reached no factor of 5'
      }; ${named(none)} is not. A ring saves what a request costs at the registers of an emulated device, and several requests at a time share one event. Where each request waits for its answer there is nothing to share, and what only computes never left the guest. The PCnet driver of minipv asks no register for what has come, since it looks at the card’s descriptors in memory; a real one takes an interrupt for each packet and reads and acknowledges it by ports, which costs several exits more. Virtio is the same idea under KVM: ${virtio(WORKS[0]!.name)} crossings for a KiB in requests of 4, and ${virtio(WORKS[1]!.name)} in requests of 64. Where nothing else is to be done its driver waits in HLT and is interrupted for the answer, and reads a port to take the request back: a ping has an exit for each of these. With messages (MSI-X) a real one reads no port.`,
    };
  },
};
