/** Snapshot and disaster recovery: a host ends at a random moment; what of a guest's work is lost? */
import { type Condition, type Experiment, numberOf } from './form.ts';
import { guestText, type Lab, type LabGuest } from './lab.ts';
import { randomFrom } from './random.ts';
import { short } from './words.ts';

/** Between two snapshots. */
const INTERVALS_MS = [10, 20, 40];
/** This many hosts end at a moment of their own. */
const ENDS = 30,
  SPAN_MS = 200;
const GOES_ON_MS = 5;
const MEAN = 'on average',
  MOST = 'at most';

/** How far a guest is with its work: it counts what it has done in its own memory. */
const touches = async (guest: LabGuest): Promise<number> => (await guest.facts()).values['note.touches'] ?? 0;

/** What the state in a file has done, where it is restored on another host; and whether it goes on there. */
async function restored(lab: Lab, state: Blob): Promise<{ count: number; goesOn: boolean }> {
  const elsewhere = await lab.another(),
    worker = await elsewhere.restore({ name: 'worker.save', data: state }),
    count = await touches(worker);
  await elsewhere.run(GOES_ON_MS);
  return { count, goesOn: (await touches(worker)) > count };
}

const condition = (intervalMs: number): Condition => ({
  name: `a snapshot every ${intervalMs} ms`,
  prepare: async lab => {
    const { host, standing } = lab.machine,
      worker = await lab.boot(guestText('worker', 'hvm', { kernel: 'paging.asm' }));
    worker.type('scan 4000000000');
    await lab.run(10);
    return async () => {
      const random = randomFrom(lab.seed + intervalMs),
        beganMs = lab.nowMs,
        ends = Array.from({ length: ENDS }, () => random() * SPAN_MS).sort((a, b) => a - b);
      const until = (ms: number): Promise<void> => lab.run(beganMs + ms - lab.nowMs);
      const lost: number[] = [],
        rate = { touches: await touches(worker), ms: 0 };
      let saved = { state: new Blob(), touches: 0 },
        next = 0;
      for (const end of ends) {
        for (; next <= end; next += intervalMs) {
          await until(next);
          saved = { state: await standing(() => host.save(worker.id)), touches: await touches(worker) };
        }
        await until(end);
        lost.push((await touches(worker)) - saved.touches);
      }
      rate.touches = (await touches(worker)) - rate.touches;
      rate.ms = lab.nowMs - beganMs;
      const ms = (count: number): number => (count * rate.ms) / rate.touches,
        again = await restored(lab, saved.state);
      const row = (measure: string, count: number, predicted: number) => ({
        interval: intervalMs,
        measure,
        lost: ms(count),
        predicted,
        mib: saved.state.size / 2 ** 20,
        differs: again.count - saved.touches,
        goesOn: again.goesOn ? 'yes' : 'no',
      });
      return [
        row(MEAN, lost.reduce((sum, each) => sum + each, 0) / lost.length, intervalMs / 2),
        row(MOST, Math.max(...lost), intervalMs),
      ];
    };
  },
});

export const recovery: Experiment = {
  id: 'recovery',
  title: 'Snapshot and disaster recovery',
  claim:
    'A host that fails is no disaster: the guest goes on elsewhere from its last snapshot, and only what it did since then is lost.',
  how: [
    `A fully virtual guest (paging) works without a pause, and counts what it has done in its own memory. It is saved every ${INTERVALS_MS.join(', ')} ms while it goes on (xl save -c). ${ENDS} moments within ${SPAN_MS} ms, drawn from the seed, are those at which the host ends: lost is what the guest has counted then beyond what it had counted when it was last saved, in milliseconds of its work.`,
    'After the last of them the saved state is restored on a host of its own that shares nothing with the first, and its count is compared with that at the snapshot.',
    'Predicted: a moment drawn at random lies half an interval behind the last snapshot on average, and a whole one at most.',
  ],
  columns: [
    { id: 'interval', name: 'between two snapshots', unit: 'ms' },
    { id: 'measure', name: 'lost' },
    { id: 'lost', name: 'work that is lost', unit: 'ms' },
    { id: 'predicted', name: 'predicted', unit: 'ms' },
    { id: 'mib', name: 'a snapshot', unit: 'MiB' },
    { id: 'differs', name: 'restored guest differs by' },
    { id: 'goesOn', name: 'and goes on' },
  ],
  untimed: 'What is lost is work of the guest, in the guest’s time, whatever the host’s clock shows.',
  drawing: { kind: 'lines', x: 'interval', series: 'measure', value: 'lost', theory: 'predicted' },
  isDrawn: true,
  conditions: () => INTERVALS_MS.map(condition),
  verdict: rows => {
    const means = rows.filter(({ measure }) => measure === MEAN),
      isSame = rows.every(row => row.differs === 0 && row.goesOn === 'yes'),
      isBound = rows.every(row => numberOf(row, 'lost') <= numberOf(row, 'interval') * 1.05),
      [first, last] = [means[0]!, means.at(-1)!];
    const mibs = numberOf(first, 'mib') * (1000 / numberOf(first, 'interval'));
    return {
      held: isSame && isBound ? 'yes' : isSame ? 'partly' : 'no',
      text: `${isSame ? 'Each restored guest had counted exactly what it had at its snapshot, and went on from there' : 'Not every restored guest was as it had been at its snapshot'}. Lost were ${short(numberOf(first, 'lost'))} ms of work on average with a snapshot every ${numberOf(first, 'interval')} ms, and ${short(numberOf(last, 'lost'))} with one every ${numberOf(last, 'interval')}${isBound ? '; never more than the interval' : '; in one case more than the interval'}. Without a snapshot everything is lost that is in memory alone. The price: a snapshot every ${numberOf(first, 'interval')} ms of this guest, which has ${short(numberOf(first, 'mib'))} MiB to save, is ${short(mibs)} MiB each second to another host, so that real products send the pages written since the last one (Remus, 2008). The guest no longer knows what it sent since its snapshot: a disk that is used elsewhere, or a client with an answer, is ahead of it. Remus holds back what the guest sends until the snapshot is safe.`,
    };
  },
};
