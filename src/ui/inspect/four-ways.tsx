/** The same guest, five ways: exits, bytes through ports, events and time of each MiB, side by side. What is drawn was measured by the run that is named. */

import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { info } from '../host.ts';
import { ModeBadge, ownerClass } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import type { Shown, Table, Why } from './inspector.ts';
import { MeasuredRun } from './measured-run.tsx';
import { RunProgress } from './run-progress.tsx';
import {
  DEPTH,
  type Direction,
  figure,
  type Measured,
  ofTimes,
  type Progress,
  REQUEST_KIB,
  ROUNDS,
  SHORT as short,
  times,
  type WayId,
  waysOf,
} from './ways.ts';
import { cancel, choose, MIB, type Run, run, start } from './ways-run.ts';
import { hypervisorOfHost, ofHost, type OfEach } from '../hypervisors/of-host.ts';
import { spelled } from '../hypervisors/spelled.ts';

export { start };

const words = {
  lede: (direction: Direction) =>
    `minipv ${direction === 'read' ? 'reads' : 'writes'} ${MIB} MiB in requests of ${REQUEST_KIB} KiB, ${DEPTH} at a time. It is booted once for each way. Each does it ${ROUNDS.warm} times to warm up; then they take turns, ${ROUNDS.timed} runs each.`,
  again: 'Run again',
  cancel: 'Cancel',
  direction: 'Direction',
  directions: { read: 'Read', write: 'Write' } as const,
  doing: {
    creates: (name: string) => spelled(commandOf('create', undefined, { file: `${name}.cfg` })),
    boots: (name: string) => `${name} boots`,
    warms: (name: string, round: string) => `${name} warms up, ${round}`,
    measures: (name: string, round: string) => `${name} is measured, ${round}`,
  },
  round: (n: number, of: number) => `run ${n} of ${of}`,
  spread: (least: string, most: string, runs: number) => `median of ${runs}, from ${least} to ${most}`,
  progress: 'Progress of the run',
  cancelled: 'Cancelled: its guests are gone, and nothing else has changed.',
  next: 'Fix what it names, then run it again.',
  notYet: 'not measured yet',
  commands:
    'The task log has what this does: each guest is created and destroyed; in between it types at their consoles.',
  measures: { exits: 'VM exits', port: 'Copied through ports', events: 'Events, there and back', time: 'Time' },
  units: { exits: 'a MiB', port: 'KiB a MiB', events: 'a MiB', time: 'ms a MiB' },
  less: (from: WayId, to: WayId) => `${short[from]} against ${short[to]}`,
  table: 'Ways to the disk',
  exitsTable: 'Exits by reason, of the whole run',
  columns: [
    'Way',
    'Domain',
    'Direction',
    'MiB',
    'Exits',
    'Bytes through ports',
    'Requests to the device model',
    'Events',
    'Time on the guest’s clock, µs',
    'Time of its thread, µs',
    'Instructions',
    'Runs',
    'Fastest, µs',
    'Slowest, µs',
  ],
};
/** How many there are, and what is said of them. */
const RUN_WORDS: OfEach<{ title: string; run: string; single: string; virtual: string }> = {
  xen: {
    title: 'One guest, five ways to its disk',
    run: 'Run all five',
    single:
      'All domains share one worker here. Counts are the same as with a worker each; times are longer where Domain-0 serves the ring, for it and the guest take turns on one thread.',
    virtual:
      'This host runs in virtual time: a processor executes a fixed number of instructions per second, however fast this computer is, and Domain-0’s work takes none. Times are those of the model; counts are the same everywhere.',
  },
  kvm: {
    title: 'One guest, three ways to its disk',
    run: 'Run all three',
    single:
      'All guests share one worker here. Counts are the same as with a worker each; times are longer, for QEMU and the guest take turns on one thread.',
    virtual:
      'This host runs in virtual time: a processor executes a fixed number of instructions per second, however fast this computer is, and QEMU’s work takes none. Times are those of the model; counts are the same everywhere.',
  },
};
const WAYS: readonly { id: WayId; type: 'hvm' | 'pvh'; title: string; how: string }[] = [
  {
    id: 'pio',
    type: 'hvm',
    title: 'IDE by PIO',
    how: 'The driver writes the drive’s registers, and REP INSW or OUTSW moves each sector through the data port.',
  },
  {
    id: 'dma',
    type: 'hvm',
    title: 'IDE by DMA',
    how: 'The same registers, but the bus master finds the pages in a table and fills them itself.',
  },
  {
    id: 'pvhvm',
    type: 'hvm',
    title: 'Ring, after unplug',
    how: 'The same PC has asked its IDE drive away. blkfront puts requests into a page that Domain-0 has mapped.',
  },
  {
    id: 'pvh',
    type: 'pvh',
    title: 'Ring, no PC at all',
    how: 'The same ring, in a guest that never had emulated devices, firmware or a bus.',
  },
  {
    id: 'virtio',
    type: 'hvm',
    title: 'Virtqueue, under KVM',
    how: 'A guest of KVM with a disk of virtio: descriptors in its memory name the pages, and a write to one port announces them.',
  },
];

interface Measure {
  id: keyof typeof words.measures;
  of(way: Measured): number;
}
const MEASURES: readonly Measure[] = [
  { id: 'exits', of: ({ exits, work }) => exits / work.mib },
  { id: 'port', of: ({ portBytes, work }) => portBytes / 1024 / work.mib },
  { id: 'events', of: ({ events, work }) => events / work.mib },
  { id: 'time', of: ({ us, work }) => us / 1000 / work.mib },
];

/** Milliseconds a MiB. */
const msOf = ({ work }: Measured, us: number): string => figure(us / 1000 / work.mib);
const domainName = (way: WayId): string => `ways-${way}`;

function Figure() {
  const { progress, direction, measured, problem, cancelled } = run.value;
  const ran = ofHost(RUN_WORDS),
    tops = MEASURES.map(({ of }) => Math.max(...measured.map(of), 1e-9));
  return (
    <div class="col wys">
      <MeasuredRun
        words={{ ...words, title: ran.title, run: ran.run }}
        lede={words.lede(direction)}
        choice={
          <div class="seg" role="group" aria-label={words.direction}>
            {(['read', 'write'] as const).map(each => (
              <button
                key={each}
                disabled={progress !== undefined}
                aria-pressed={each === direction}
                onClick={() => choose(each)}
              >
                {words.directions[each]}
              </button>
            ))}
          </div>
        }
        progress={progress && <Going {...progress} />}
        isAgain={measured.length > 0}
        problem={problem}
        isCancelled={cancelled}
        start={() => void start()}
        cancel={cancel}
      >
        <ul class="wyg">
          {WAYS.filter(({ id }) => waysOf({ hypervisor: hypervisorOfHost() }).some(way => way.id === id)).map(way => (
            <WayRow key={way.id} way={way} found={measured.find(each => each.way === way.id)} tops={tops} />
          ))}
        </ul>
        <p class="cap-t">{words.commands}</p>
        {info.value?.time === 'virtual' ? (
          <p class="cap-t">{ran.virtual}</p>
        ) : (
          info.value?.mode === 'single' && <p class="cap-t">{ran.single}</p>
        )}
      </MeasuredRun>
    </div>
  );
}

/** A way with what was measured of it, each measure next to the most of all. */
const WayRow = ({
  way: { type, title, how },
  found,
  tops,
}: {
  way: (typeof WAYS)[number];
  found: Measured | undefined;
  tops: readonly number[];
}) => (
  <li class={found ? ownerClass(found.domain.id) : 'c-free'}>
    <div class="wyt">
      <h3>
        <i class="chip" /> {title} <ModeBadge type={type} />
      </h3>
      <p class="sec">{how}</p>
    </div>
    {MEASURES.map(({ id: name, of }, i) => (
      <div key={name} class="wym">
        <span class="sec">{words.measures[name]}</span>
        {found ? (
          <>
            <b class="m">{figure(of(found))}</b>
            <span class="sec u">{words.units[name]}</span>
            {name === 'time' && found.runs > 1 && (
              <span class="sec spread">
                {words.spread(msOf(found, found.leastUs), msOf(found, found.mostUs), found.runs)}
              </span>
            )}
            <div class="bar">{of(found) > 0 && <i style={`width:${(100 * of(found)) / tops[i]!}%`} />}</div>
          </>
        ) : (
          <b class="m dim">
            –<span class="hidden"> {words.notYet}</span>
          </b>
        )}
      </div>
    ))}
  </li>
);

const Going = ({ way, doing, part, round = 0, of = 0 }: Progress) => (
  <RunProgress label={words.progress} part={part}>
    {words.doing[doing](domainName(way), words.round(round, of))}
  </RunProgress>
);

/** What the numbers of this run say. */
function why({ data: { measured } }: Shown<Run>): Why | undefined {
  const of = (way: WayId): Measured | undefined => measured.find(each => each.way === way);
  const pio = of('pio'),
    dma = of('dma'),
    pvhvm = of('pvhvm'),
    ring = of('pvh'),
    virtio = of('virtio');
  if (!pio || !dma || !virtio) return undefined;
  const queue = `A virtqueue is a ring, too, of descriptors in the guest’s own memory; its driver announces ${DEPTH} requests by one write to a port, which is an exit, and finds the answers in the ring: ${figure(virtio.exits / virtio.work.mib)} exits for each MiB.`;
  if (!pvhvm || !ring)
    return {
      question: 'Why do the same bytes cost so differently?',
      answer: `A string instruction moves one sector through a port, and each use of a port leaves the guest for the device model: PIO took ${figure(pio.exits / pio.work.mib)} exits for each MiB. DMA names whole pages in a table and needs registers only to start and to look, ${times(pio.exits, dma.exits)} times fewer. ${queue}`,
      source: 'VIRTIO 1.2, 2.7; Intel SDM vol. 3, table 28-5',
    };
  return {
    question: 'Why do the same bytes cost so differently?',
    answer: `A string instruction moves one sector through a port, and each use of a port leaves the guest and goes to the device model in Domain-0 and back: PIO took ${figure(pio.exits / pio.work.mib)} exits for each MiB. DMA names whole pages in a table and needs registers only to start and to look, ${times(pio.exits, dma.exits)} times fewer. A ring needs no register at all: ${DEPTH} requests wait in a page that both sides see, one event announces all of them, ${times(dma.exits, ring.exits)} times fewer exits again. ${queue} ${ofTimes(pio, pvhvm, ring)}`,
    source: 'xen/include/public/io/blkif.h; VIRTIO 1.2, 2.7; Intel SDM vol. 3, table 28-5',
  };
}

function tables({ measured }: Run): Table[] {
  const reasons = [...new Set(measured.flatMap(({ exitsByName }) => Object.keys(exitsByName)))].sort();
  return [
    {
      name: words.table,
      columns: words.columns,
      rows: measured.map(
        ({ way, domain, work, exits, portBytes, requests, events, us, runUs, instructions, runs, leastUs, mostUs }) => [
          short[way],
          domain.name,
          work.direction,
          work.mib,
          exits,
          portBytes,
          requests,
          events,
          us,
          Math.round(runUs),
          instructions,
          runs,
          leastUs,
          mostUs,
        ],
      ),
    },
    {
      name: words.exitsTable,
      columns: ['Exit', ...measured.map(({ way }) => short[way])],
      rows: reasons.map(reason => [reason, ...measured.map(({ exitsByName }) => exitsByName[reason] ?? 0)]),
    },
  ];
}

export const FourWays = inspector<Run>({
  everyMs: 250,
  nothing: '',
  open: () => ({ look: () => run.value }),
  Figure,
  why,
  tables,
});
