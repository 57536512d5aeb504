/** “All I/O traverses two layers”: what one request to a disk crosses, and how often its data are copied. */
import type { Crossings } from '../../dom0/toolstack/tracing/index.ts';
import { type Condition, type Experiment, numberWhere, type Row } from './form.ts';
import { guestText, type Lab, type LabGuest } from './lab.ts';
import { listed, short } from './words.ts';

const READ_KIB = 4,
  SECTORS = 2 * READ_KIB,
  /** Reads are of sectors that nobody has read yet. */
  APART = 256,
  SETTLE_MS = 5;

interface Way {
  name: string;
  type: 'pv' | 'hvm';
  vdev: string;
  driver: string;
  more: readonly string[];
}
const RING = 'a ring to Domain 0',
  DOMAIN0 = 'emulated in Domain 0',
  BESIDE = 'emulated with the guest';
const WAYS: readonly Way[] = [
  { name: RING, type: 'pv', vdev: 'xvda', driver: 'xvda', more: [] },
  { name: DOMAIN0, type: 'hvm', vdev: 'hda', driver: 'dma', more: ['device_model_stubdomain_override = 0'] },
  { name: BESIDE, type: 'hvm', vdev: 'hda', driver: 'dma', more: [] },
];

const TO_XEN = 'ways into Xen and back',
  MODEL = 'of them, to the device model',
  EVENTS = 'events between guest and Domain 0',
  SWITCHES = 'switches of the processor',
  COPIES = 'copies of the data by a processor';

/** What the second of two reads takes: at the first the back end maps the guest's pages. @throws Error with a sentence */
async function secondRead(lab: Lab, guest: LabGuest, { driver, vdev }: Way): Promise<Crossings & { answers: number }> {
  const { CrossingsWatch } = await import('../../dom0/toolstack/tracing/index.ts'),
    { view } = lab.machine.host.toolstack;
  const read = async (sector: number): Promise<void> => {
    await guest.command(`sum ${driver} ${sector} ${SECTORS}`);
    await lab.run(SETTLE_MS);
  };
  await read(APART);
  const watch = new CrossingsWatch(view, guest.id);
  const counted = await guest.counted(() => read(2 * APART));
  watch.read();
  const crossings = watch.first();
  watch.close();
  if (!crossings || watch.missed > 0)
    throw new Error(`${guest.name} read its disk, and its trace does not hold the whole request. Run it again.`);
  return { ...crossings, answers: counted.of(`ring.${vdev}.events_out`) };
}

const condition = (way: Way): Condition => ({
  name: way.name,
  prepare: async lab => {
    const guest = await lab.boot(
      guestText('reader', way.type, { more: [`disk = [ 'blank.img,raw,${way.vdev},w' ]`, ...way.more] }),
    );
    return async () => {
      const { exits, modelRequests, events, answers, switches, copies } = await secondRead(lab, guest, way),
        row = (what: string, count: number): Row => ({ what, way: way.name, count });
      return [
        row(
          TO_XEN,
          exits.reduce((sum, { count }) => sum + count, 0),
        ),
        row(MODEL, modelRequests),
        row(EVENTS, events + answers),
        row(SWITCHES, switches),
        row(COPIES, copies.length),
      ];
    };
  },
});

export const layers: Experiment = {
  id: 'layers',
  title: 'Two layers under each request',
  claim: 'With a privileged domain for the drivers, all I/O traverses two layers: the guest’s and Domain 0’s.',
  how: [
    `A guest (minipv) reads ${READ_KIB} KiB of its disk: by a ring as a paravirtual guest, and as a fully virtual one by the DMA of an IDE disk, whose device model is in Domain 0 or in the guest’s own thread (as KVM has its devices; a real stub domain is a domain of its own, and the processor would be switched to it, too). The second read is looked at, since at the first one the back end maps the guest’s pages.`,
    'What is counted the hypervisor, the back end and the device model wrote into their traces during that very read (the inspector I/O path draws the same): ways of the guest into Xen, events between the domains, switches of the processor away from the guest and back to it, and copies of the data that a processor made. Nothing is added that did not happen.',
  ],
  columns: [
    { id: 'what', name: 'of one request' },
    { id: 'way', name: 'the disk' },
    { id: 'count', name: 'how many' },
  ],
  untimed:
    'It counts what one request crosses, which no clock changes. What requests take here is in “Paravirtual drivers in a fully virtual guest”.',
  drawing: { kind: 'bars', group: 'what', series: 'way', value: 'count' },
  conditions: () => WAYS.map(condition),
  verdict: rows => {
    const of = (way: string, what: string): number => numberWhere(rows, { way, what }, 'count'),
      through = [RING, DOMAIN0, BESIDE].filter(
        way => of(way, EVENTS) > 0 || (of(way, MODEL) > 0 && of(way, SWITCHES) > 0),
      ),
      past = [RING, DOMAIN0, BESIDE].filter(way => !through.includes(way));
    return {
      held: past.length === 0 ? 'yes' : through.length > 0 ? 'partly' : 'no',
      text: `Through a second domain went: ${listed(through)}. The ring’s request crossed it once each way: ${short(of(RING, TO_XEN))} ways into Xen, ${short(of(RING, EVENTS))} events, ${short(of(RING, SWITCHES))} switches. The emulated disk in Domain 0 crossed it at every register, ${short(of(DOMAIN0, MODEL))} times, with ${short(of(DOMAIN0, SWITCHES))} switches.${past.length > 0 ? ` Without one: ${listed(past)}; the registers are the same, but the device model runs with the guest.` : ''} The data were copied ${short(of(RING, COPIES))}, ${short(of(DOMAIN0, COPIES))} and ${short(of(BESIDE, COPIES))} times (in this order)${of(RING, COPIES) <= of(BESIDE, COPIES) ? ': a layer more is no copy more, since Domain 0 maps the guest’s page and fills it, while an emulated drive has a buffer of its own' : ''}. On a real host Domain 0’s own kernel, its file system and its disk driver come below the back end; a device that is passed through to the guest leaves this layer out.`,
    };
  },
};
