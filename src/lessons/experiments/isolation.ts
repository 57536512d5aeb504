/** Isolation: a guest crashes, hogs, storms, writes its disk full, floods the network; what do the others notice? */
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import { guestText, type Lab, type LabGuest } from './lab.ts';
import { listed, percent, short } from './words.ts';

/** The service: a request every 10 ms. */
const WORK_US = 1000,
  MANY = 1_000_000;
const BIN_MS = 30,
  BINS = 6,
  /** The neighbour begins after this many. */
  QUIET_BINS = 2;
/** From this factor of the quiet response on it is noticed, and from the other on it is no isolation. */
const NOTICED = 1.5,
  BROKEN = 10;

const QUIET = 'nothing';

interface Deed {
  name: string;
  /** What the neighbour is typed; it has a disk of 1 MiB and a card. */
  line: string;
  /** It is the small guest hostile, and does so again and again. */
  isHostile?: boolean;
}
const DEEDS: readonly Deed[] = [
  { name: QUIET, line: '' },
  { name: 'it crashes', line: 'crash' },
  { name: 'it tries every door of its domain', line: 'doors', isHostile: true },
  { name: 'it computes without a pause', line: 'hog 600000' },
  { name: 'a storm of hypercalls', line: 'calls 4000000000' },
  { name: 'it overwrites its disk without end', line: 'writer xvda 2048 4000000000' },
  { name: 'a flood of packets', line: 'stream 10.0.2.101 4000000' },
];

const look = async (guest: LabGuest) => {
  const { counts, values } = await guest.facts();
  return {
    answered: values['note.answered'] ?? 0,
    us: (counts.run_us ?? 0) + (counts.wait_us ?? 0),
  };
};

async function neighbours(lab: Lab, isHostile: boolean): Promise<{ service: LabGuest; other: LabGuest }> {
  const target = await lab.boot(guestText('target', 'pv', { more: ['vif = [ "" ]'] })),
    // hostile's victim is the guest with the number before its own.
    service = await lab.boot(guestText('service', 'pv', { kernel: 'service.asm' }));
  // Who the flood goes to: it takes the stream, and has nothing else to do.
  await target.command('ip 10.0.2.101');
  target.type('serve');
  if (isHostile) {
    const more = ["disk = [ 'blank.img,raw,hda,w' ]"];
    return { service, other: await lab.boot(guestText('neighbour', 'hvm', { kernel: 'hostile.asm', more })) };
  }
  const other = await lab.boot(
    guestText('neighbour', 'pv', { more: ["disk = [ 'blank.img,raw,xvda,w' ]", 'vif = [ "" ]'] }),
  );
  await other.command('ip 10.0.2.102');
  return { service, other };
}

/** What the small guest hostile noted of its attempts, so far. */
async function attempts(other: LabGuest): Promise<Row> {
  const { values } = await other.facts();
  return { tries: values['note.tries'] ?? 0, refused: values['note.refused'] ?? 0 };
}

const condition = ({ name, line, isHostile = false }: Deed): Condition => ({
  name,
  prepare: async lab => {
    const { service, other } = await neighbours(lab, isHostile);
    service.type(`serve ${MANY} ${WORK_US}`);
    await lab.run(BIN_MS);
    return async () => {
      const rows: Row[] = [],
        began = lab.nowMs;
      for (let bin = 0; bin < BINS; bin++) {
        if (line && (bin === QUIET_BINS || (bin > QUIET_BINS && isHostile))) other.type(line);
        const before = await look(service);
        await lab.run(began + (bin + 1) * BIN_MS - lab.nowMs);
        const after = await look(service),
          answered = after.answered - before.answered;
        rows.push({
          neighbour: name,
          ms: (bin + 1) * BIN_MS,
          response: (after.us - before.us) / 1000 / Math.max(1, answered),
          answered,
          ...(isHostile ? await attempts(other) : {}),
        });
      }
      return rows;
    };
  },
});

/** The mean of the rows of one neighbour since it has begun. */
function since(rows: readonly Row[], neighbour: string, column: string): number {
  const of = rows.filter(row => row.neighbour === neighbour && numberOf(row, 'ms') > QUIET_BINS * BIN_MS);
  return of.reduce((sum, row) => sum + numberOf(row, column), 0) / Math.max(1, of.length);
}

export const isolation: Experiment = {
  id: 'isolation',
  title: 'Isolation',
  claim: 'What one guest does, the others do not notice: a crash, a load, an attack or a flood stays inside it.',
  how: [
    `A guest (service) gets a request every 10 ms and computes a millisecond for it. A neighbour on the same processor, with the same weight, does nothing for ${QUIET_BINS * BIN_MS} ms and then what the line says, until ${BINS * BIN_MS} ms; each line is a host of its own. The flood is a stream of TCP to a third guest.`,
    `The response is what the service ran and what it could have run but waited, for each answered request, in steps of ${BIN_MS} ms.`,
  ],
  columns: [
    { id: 'neighbour', name: 'the neighbour' },
    { id: 'ms', name: 'since the beginning', unit: 'ms' },
    { id: 'response', name: 'response of the service', unit: 'ms' },
    { id: 'answered', name: 'requests answered' },
    { id: 'tries', name: 'attempts to leave' },
    { id: 'refused', name: 'of them refused' },
  ],
  untimed:
    'What a neighbour may take is decided by the scheduler in its own time. By this computer’s clock other programs would be neighbours, too.',
  drawing: { kind: 'lines', x: 'ms', series: 'neighbour', value: 'response' },
  conditions: () => DEEDS.map(condition),
  verdict: rows => {
    const quiet = since(rows, QUIET, 'response'),
      all = DEEDS.filter(({ name }) => name !== QUIET).map(({ name }) => ({
        name,
        factor: since(rows, name, 'response') / quiet,
        lost: 1 - since(rows, name, 'answered') / since(rows, QUIET, 'answered'),
      })),
      noticed = all.filter(({ factor }) => factor >= NOTICED),
      unnoticed = all.filter(({ factor }) => factor < NOTICED),
      lost = Math.max(...all.map(each => each.lost)),
      attack = rows.findLast(row => row.tries !== undefined),
      [tries, refused] = [numberOf(attack, 'tries'), numberOf(attack, 'refused')];
    return {
      held:
        all.some(({ factor }) => factor >= BROKEN) || lost > 0.1 || refused < tries
          ? 'no'
          : noticed.length > 0
            ? 'partly'
            : 'yes',
      text: `Not noticed: ${listed(unnoticed.map(({ name }) => name))}. Noticed, by a longer response: ${listed(
        noticed.map(({ name, factor }) => `${name} (${short(factor)} times)`),
      )}. ${
        lost > 0.01 ? `${percent(lost)} of the requests were lost at most` : 'Every request was answered'
      }; of ${tries} attempts to leave its domain, by hypercalls, grants, ports and DMA, ${refused === tries ? 'all' : refused} were refused: memory, devices and the share of the processor are the guest’s own, and it waits until a neighbour’s slice ends, and no longer. That is isolation of faults, and not of performance. On a real host more is shared than the processor: caches, the memory’s bandwidth, and Domain 0, which serves everybody’s disks and packets and whose time costs none here. There a flood or a writer is noticed as well.`,
    };
  },
};
