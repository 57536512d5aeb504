/** Weight and cap: who gets how much of one processor, against what the scheduler promises. */
import { type Condition, type Experiment, numberOf } from './form.ts';
import { guestText, type LabGuest } from './lab.ts';
import { listed, short } from './words.ts';

const SLICE_MS = 5,
  WARM_MS = 60,
  MEASURED_MS = 600;
/** So near a share is the promised one: six slices in 600 ms. */
const NEAR = 5;

interface Share {
  name: string;
  weight: number;
  /** Per cent of a processor; 0: none. */
  cap: number;
  /** It does nothing. */
  isIdle?: boolean;
  predicted: number;
}

const share = (name: string, predicted: number, more: Partial<Share> = {}): Share => ({
  name,
  weight: 256,
  cap: 0,
  predicted,
  ...more,
});

const CASES: readonly { name: string; shares: readonly Share[] }[] = [
  { name: 'equal weights', shares: [share('alpha', 50), share('beta', 50)] },
  { name: 'weights 512 and 256', shares: [share('alpha', 200 / 3, { weight: 512 }), share('beta', 100 / 3)] },
  {
    name: 'weights 512 and 256, alpha idle',
    shares: [share('alpha', 0, { weight: 512, isIdle: true }), share('beta', 100)],
  },
  { name: 'cap 25 for alpha', shares: [share('alpha', 25, { cap: 25 }), share('beta', 75)] },
  { name: 'cap 25 for both', shares: [share('alpha', 25, { cap: 25 }), share('beta', 25, { cap: 25 })] },
  {
    name: 'weights 256, 512 and 1024',
    shares: [
      share('alpha', 100 / 7),
      share('beta', 200 / 7, { weight: 512 }),
      share('gamma', 400 / 7, { weight: 1024 }),
    ],
  },
];

const runUs = async (guest: LabGuest): Promise<number> => (await guest.facts()).counts.run_us ?? 0;

const conditionOf = ({ name, shares }: (typeof CASES)[number]): Condition => ({
  name,
  prepare: async lab => {
    const { host } = lab.machine;
    await host['sched-credit']({ tsliceUs: 1000 * SLICE_MS });
    const guests: LabGuest[] = [];
    for (const { name: guest, weight, cap } of shares) {
      const made = await lab.boot(guestText(guest, 'pv'));
      await host['sched-credit']({ domain: made.id, weight, cap });
      guests.push(made);
    }
    for (const [i, guest] of guests.entries()) if (!shares[i]!.isIdle) guest.type('hog 600000');
    await lab.run(WARM_MS);
    return async () => {
      const before = await Promise.all(guests.map(runUs)),
        began = lab.nowMs;
      await lab.run(MEASURED_MS);
      const us = (lab.nowMs - began) * 1000,
        after = await Promise.all(guests.map(runUs));
      return shares.map(({ name: guest, weight, cap, predicted }, i) => ({
        case: name,
        guest,
        weight,
        cap,
        share: (100 * (after[i]! - before[i]!)) / us,
        predicted,
      }));
    };
  },
});

export const weightAndCap: Experiment = {
  id: 'weight-and-cap',
  title: 'Weight and cap',
  claim:
    'Guests that compete for a processor share it by their weights; a cap limits a guest even where nobody else wants the time.',
  how: [
    `Two or three paravirtual guests compute without a pause on one processor under Xen’s credit scheduler, with slices of ${SLICE_MS} ms, for ${MEASURED_MS} ms after ${WARM_MS} that are not counted. The share is what each ran of the time of the host. Predicted is its weight over the weights of all that compute, or its cap.`,
  ],
  columns: [
    { id: 'case', name: 'settings' },
    { id: 'guest', name: 'guest' },
    { id: 'weight', name: 'weight' },
    { id: 'cap', name: 'cap', unit: '%' },
    { id: 'share', name: 'share of the processor', unit: '%' },
    { id: 'predicted', name: 'predicted', unit: '%' },
  ],
  untimed: 'Shares are those of one processor in the scheduler’s own time, and are equal everywhere.',
  drawing: { kind: 'bars', group: 'case', series: 'guest', value: 'share', theory: 'predicted' },
  conditions: () => CASES.map(conditionOf),
  verdict: rows => {
    const off = rows.map(row => ({ row, by: Math.abs(numberOf(row, 'share') - numberOf(row, 'predicted')) })),
      most = off.reduce((worst, each) => (each.by > worst.by ? each : worst)),
      wrong = off.filter(({ by }) => by > NEAR);
    const idle = rows
      .filter(({ case: name }) => name === 'cap 25 for both')
      .reduce((sum, row) => sum + numberOf(row, 'share'), 0);
    return {
      held: wrong.length === 0 ? 'yes' : wrong.length < rows.length / 2 ? 'partly' : 'no',
      text: `The largest distance from what was predicted is ${short(most.by)} per cent of the processor (${most.row.guest}, ${most.row.case})${
        wrong.length === 0
          ? ''
          : `; further from it than ${NEAR} per cent: ${listed(wrong.map(({ row }) => `${row.guest} (${row.case})`))}`
      }. What an idle guest leaves the others get; what caps leave nobody gets: with two caps of 25 the processor was idle for ${short(100 - idle)} per cent of the time. The guest with the largest weight stays some points below its share, however long it runs: this scheduler lets nobody save or owe more than a slice, here ${SLICE_MS} ms and 30 by default (Cherkasova, Gupta and Vahdat measured such errors of Xen’s in 2007). A real guest loses more than its share says, since it finds the caches cold after each slice.`,
    };
  },
};
