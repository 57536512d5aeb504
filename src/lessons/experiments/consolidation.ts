/** Consolidation: how many guests with a service each one host carries until the service slows, and what that saves. */
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import { guestText, type LabGuest } from './lab.ts';
import { percent, short } from './words.ts';

/** A request comes every 10 ms, and needs one of computing: what many servers do for most of the day. */
const WORK_US = 1000,
  DEMAND = 0.1;
const MANY = 1_000_000,
  WARM_MS = 40,
  MEASURED_MS = 100;
const COUNTS = [1, 2, 4, 6, 8, 10, 11, 12];
/** Of the requests that came this many must be answered. */
const WELL = 0.95;
/**
 * A host of the model: what it draws idle and at full load, and a straight line between (Fan, Weber and Barroso, “Power Provisioning for a Warehouse-sized
 * Computer”, ISCA 2007). That idle is half of full is Barroso and Hölzle's (“The Case for Energy-Proportional Computing”, Computer, December 2007).
 */
const IDLE_W = 100,
  FULL_W = 200;
const wattsAt = (use: number): number => IDLE_W + (FULL_W - IDLE_W) * Math.min(1, use);
/** Of as many hosts as guests: each guest gets what it asks for there, also where one host has not enough for all. */
export const wattsApart = (count: number): number => count * wattsAt(DEMAND);

interface Seen {
  answered: number;
  run: number;
  wait: number;
}

const look = async (guest: LabGuest): Promise<Seen> => {
  const { counts, values } = await guest.facts();
  return { answered: values['note.answered'] ?? 0, run: counts.run_us ?? 0, wait: counts.wait_us ?? 0 };
};

async function measured(guests: readonly LabGuest[], run: () => Promise<void>): Promise<Seen[]> {
  const before = await Promise.all(guests.map(look));
  await run();
  const after = await Promise.all(guests.map(look));
  return after.map((now, i) => ({
    answered: now.answered - before[i]!.answered,
    run: now.run - before[i]!.run,
    wait: now.wait - before[i]!.wait,
  }));
}

const condition = (count: number): Condition => ({
  name: `${count} ${count === 1 ? 'guest' : 'guests'}`,
  prepare: async lab => {
    const guests: LabGuest[] = [];
    for (let i = 0; i < count; i++) guests.push(await lab.boot(guestText(`web${i}`, 'pv', { kernel: 'service.asm' })));
    for (const guest of guests) guest.type(`serve ${MANY} ${WORK_US}`);
    await lab.run(WARM_MS);
    return async () => {
      const began = lab.nowMs,
        seen = await measured(guests, () => lab.run(MEASURED_MS)),
        ms = lab.nowMs - began;
      const sum = (of: (each: Seen) => number): number => seen.reduce((all, each) => all + of(each), 0),
        use = sum(({ run }) => run) / 1000 / ms;
      return [
        {
          guests: count,
          measure: 'the service',
          response:
            (sum(({ run }) => run) + sum(({ wait }) => wait)) /
            1000 /
            Math.max(
              1,
              sum(({ answered }) => answered),
            ),
          answered: (100 * sum(({ answered }) => answered)) / ((count * ms) / 10),
          use: 100 * use,
          apart: wattsApart(count),
          together: wattsAt(use),
        },
      ];
    };
  },
});

/** As many as still answer well. */
const carried = (rows: readonly Row[]): Row | undefined =>
  rows.findLast(row => numberOf(row, 'answered') >= 100 * WELL);

export const consolidation: Experiment = {
  id: 'consolidation',
  title: 'Consolidation',
  claim: 'One host takes the place of many that are mostly idle, and saves their energy.',
  how: [
    `Each guest (service, paravirtual) gets a request every 10 ms and computes ${WORK_US / 1000} ms for it: a server that uses ${percent(DEMAND)} of a processor. They share one processor by Xen’s credit scheduler. ${COUNTS.join(', ')} guests are tried, each number on a host of its own, for ${MEASURED_MS} ms.`,
    'The response is what the guests ran and what they could have run but waited, for each answered request. The energy is a model: a host draws 100 W idle, 200 W at full load (idle servers drew half of their most in 2007, as Barroso and Hölzle say), and in between in proportion to its processor’s use, which is measured here. “Apart” is a host for each guest, which gets all that it asks for there.',
  ],
  columns: [
    { id: 'guests', name: 'guests' },
    { id: 'measure', name: 'of' },
    { id: 'response', name: 'response', unit: 'ms' },
    { id: 'answered', name: 'answered of what came', unit: '%' },
    { id: 'use', name: 'processor', unit: '%' },
    { id: 'apart', name: 'power, apart', unit: 'W' },
    { id: 'together', name: 'power, together', unit: 'W' },
  ],
  untimed:
    'Guests share one processor by its own clock, so that everybody’s shares are equal. By this computer’s clock it would measure what else this computer does.',
  drawing: { kind: 'lines', x: 'guests', series: 'measure', value: 'response' },
  conditions: () => COUNTS.map(condition),
  verdict: rows => {
    const best = carried(rows),
      alone = rows[0];
    if (!best || !alone) return { held: 'no', text: 'Not even one guest answered what came.' };
    const guests = numberOf(best, 'guests'),
      [apart, together] = [numberOf(best, 'apart'), numberOf(best, 'together')],
      slower = numberOf(best, 'response') / numberOf(alone, 'response');
    const over = rows.find(row => numberOf(row, 'guests') > guests);
    return {
      held: guests > 1 ? 'yes' : 'no',
      text: `${guests} guests on one host answer ${percent(numberOf(best, 'answered') / 100)} of what comes, so it takes the place of ${guests}; by the model it draws ${short(together)} W instead of ${short(apart)}, ${short(apart / together)} times less. A request takes ${short(slower)} times as long as alone, since requests of others are before it in the queue.${over ? ` With ${numberOf(over, 'guests')} guests more comes than one processor can do, and ${percent(numberOf(over, 'answered') / 100)} are answered.` : ''} On a real host it is fewer: demand comes in bursts and not every 10 ms, so that planners leave room for peaks; caches are shared; and Domain 0 needs processor time for everybody’s disks and networks, which costs none here. Memory is often full before the processor is.`,
    };
  },
};
