/** BOOST: how soon a guest that sleeps most of the time runs when it wakes, next to one that computes. */
import { type Condition, type Experiment, numberWhere } from './form.ts';
import { guestText, type LabGuest } from './lab.ts';
import { short, times } from './words.ts';

const WORK_US = 500,
  MANY = 1_000_000,
  WARM_MS = 60,
  MEASURED_MS = 600;

const CREDIT = 'credit, with BOOST',
  ROUND_ROBIN = 'round robin';

const look = async (guest: LabGuest) => {
  const { counts, values } = await guest.facts();
  return { waitUs: counts.wait_us ?? 0, runUs: counts.run_us ?? 0, answered: values['note.answered'] ?? 0 };
};

const condition = (scheduler: string, hogs: number): Condition => ({
  name: `${scheduler}, ${hogs} that compute`,
  ...(scheduler === ROUND_ROBIN ? { xen: 'sched=rr' } : {}),
  prepare: async lab => {
    const service = await lab.boot(guestText('service', 'pv', { kernel: 'service.asm' }));
    for (let i = 0; i < hogs; i++) (await lab.boot(guestText(`hog${i}`, 'pv'))).type('hog 600000');
    service.type(`serve ${MANY} ${WORK_US}`);
    await lab.run(WARM_MS);
    return async () => {
      const before = await look(service);
      await lab.run(MEASURED_MS);
      const after = await look(service),
        answered = after.answered - before.answered;
      return [
        {
          hogs: hogs === 0 ? 'alone' : hogs === 1 ? 'next to one that computes' : `next to ${hogs} that compute`,
          scheduler,
          wait: (after.waitUs - before.waitUs) / 1000 / Math.max(1, answered),
          answered,
          came: MEASURED_MS / 10,
          run: (after.runUs - before.runUs) / 1000,
        },
      ];
    };
  },
});

const HOGS = [0, 1, 3];

export const boost: Experiment = {
  id: 'boost',
  title: 'BOOST',
  claim:
    'A guest that wakes for a short piece of work is served at once, before those that compute, and takes no more from them than its share.',
  how: [
    `One guest (service) gets a request every 10 ms, and computes half a millisecond for it; none, one or three others compute without a pause on the same processor. Under Xen’s credit scheduler a vCPU that wakes with credits left is BOOSTed, and runs before all others. Under round robin it waits behind them, and each has its slice of 30 ms. The wait is what the hypervisor counts: the service could have run, and another did.`,
  ],
  columns: [
    { id: 'hogs', name: 'the service' },
    { id: 'scheduler', name: 'scheduler' },
    { id: 'wait', name: 'wait for the processor, each request', unit: 'ms' },
    { id: 'answered', name: 'requests answered' },
    { id: 'came', name: 'requests that came' },
    { id: 'run', name: 'the service ran', unit: 'ms' },
  ],
  untimed:
    'A wake is measured in the scheduler’s own time. By this computer’s clock the browser’s timers would be measured, which are longer.',
  drawing: { kind: 'bars', group: 'hogs', series: 'scheduler', value: 'wait' },
  conditions: () => HOGS.flatMap(hogs => [condition(CREDIT, hogs), condition(ROUND_ROBIN, hogs)]),
  verdict: rows => {
    const of = (scheduler: string, column: string): number =>
        numberWhere(rows, { hogs: 'next to 3 that compute', scheduler }, column),
      [boosted, without] = [of(CREDIT, 'wait'), of(ROUND_ROBIN, 'wait')],
      came = of(CREDIT, 'came');
    return {
      held:
        without > 5 * boosted && of(CREDIT, 'answered') >= 0.95 * came ? 'yes' : without > boosted ? 'partly' : 'no',
      text: `Next to three guests that compute, a request waits ${short(boosted)} ms with BOOST and ${short(without)} without, ${times(without, boosted)} as long; ${of(CREDIT, 'answered')} of ${came} requests were answered, against ${of(ROUND_ROBIN, 'answered')}. Real Xen interrupts a guest that computes when another wakes with BOOST, at the latest after the millisecond of its rate limit; here it computes to the end of its turn, which is two milliseconds at most and one on average, so that our wait is longer. BOOST could be abused: earlier versions charged only the guest that ran at a tick, so that one that slept at each tick kept its credits, and was served first with far more than its share (Zhou and others, 2011); today each pays for what it ran. Xen’s newer scheduler, credit2, has no BOOST.`,
    };
  },
};
