/** Ballooning: memory that guests give back makes room for one more. */
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import { guestText, type Lab, type LabGuest } from './lab.ts';
import { percent, short } from './words.ts';

const PAGES_A_MIB = 256;
/** Of each guest. */
const GUEST_MIB = 24,
  GIVES_MIB = 8,
  STEP_MIB = 2;
const FREE = 'free on the host';

/** Guests until there is no memory for another one. */
async function fill(lab: Lab): Promise<LabGuest[]> {
  const guests: LabGuest[] = [];
  for (;;) {
    const made = await another(lab, guests.length).catch(() => undefined);
    if (!made) return guests;
    guests.push(made);
  }
}

const another = (lab: Lab, n: number): Promise<LabGuest> =>
  lab.boot(guestText(`guest${n}`, 'pv', { memoryMib: GUEST_MIB }));

async function seen(guests: readonly LabGuest[], step: number, us: number): Promise<Row[]> {
  const rows: Row[] = [];
  let free = 0;
  for (const guest of guests) {
    const { values } = await guest.facts();
    free = values.host_free_pages ?? 0;
    rows.push({ step, who: guest.name, mib: (values.pages ?? 0) / PAGES_A_MIB, us });
  }
  rows.push({ step, who: FREE, mib: free / PAGES_A_MIB, us });
  return rows;
}

const CONDITION: Condition = {
  name: 'a full host',
  prepare: async lab => {
    const guests = await fill(lab);
    return async () => {
      const { host } = lab.machine,
        rows = await seen(guests, 0, 0),
        [deaf, ...willing] = guests;
      // All are asked; the first one does not listen.
      for (const guest of guests) await host['mem-set'](guest.id, GUEST_MIB - GIVES_MIB);
      await lab.run(10);
      for (let step = 1; step <= GIVES_MIB / STEP_MIB; step++) {
        let us = 0;
        for (const guest of willing)
          us += (await guest.counted(() => guest.command(`balloon ${STEP_MIB * PAGES_A_MIB}`))).of('run_us');
        rows.push(...(await seen([deaf!, ...willing], step, us / willing.length)));
      }
      const more = await another(lab, guests.length).catch(() => undefined);
      rows.push(...(await seen([...guests, ...(more ? [more] : [])], GIVES_MIB / STEP_MIB + 1, 0)));
      return rows;
    };
  },
};

const of = (rows: readonly Row[], who: string): readonly number[] =>
  rows.filter(row => row.who === who).map(row => numberOf(row, 'mib'));

export const ballooning: Experiment = {
  id: 'ballooning',
  title: 'Ballooning',
  claim: 'Guests give memory back that they do not need, and one more guest runs where there was no room for it.',
  how: [
    `Paravirtual guests of ${GUEST_MIB} MiB are created until the host has no memory for another one. Then Domain 0 asks each of them for ${GIVES_MIB} MiB (xl mem-set). The first does not listen; each of the others gives ${STEP_MIB} MiB back in each step: it takes free pages of its own and hands them to Xen (XENMEM_decrease_reservation). At the end another guest of the same size is created.`,
    'Counted are the pages that each domain has and those that nobody has, as the hypervisor knows them, and what a guest ran for a step.',
  ],
  columns: [
    { id: 'step', name: 'step' },
    { id: 'who', name: 'memory of' },
    { id: 'mib', name: 'memory', unit: 'MiB' },
    { id: 'us', name: 'a guest ran for it', unit: 'µs' },
  ],
  untimed: 'It counts pages that change hands, and not how fast.',
  drawing: { kind: 'lines', x: 'step', series: 'who', value: 'mib' },
  conditions: () => [CONDITION],
  verdict: rows => {
    const names = [...new Set(rows.map(({ who }) => String(who)))].filter(who => who !== FREE),
      before = names.filter(who => rows.some(row => row.who === who && row.step === 0)),
      added = names.length - before.length,
      free = of(rows, FREE),
      given = before.map(who => of(rows, who)[0]! - of(rows, who).at(-1)!),
      deaf = given.filter(mib => mib === 0).length,
      all = given.reduce((sum, mib) => sum + mib, 0),
      most = Math.max(...free),
      exact = most - free[0]! === all;
    return {
      held: added > 0 && deaf < before.length ? 'yes' : 'no',
      text: `${before.length} guests filled the host, and ${short(free[0]!)} MiB were left: too little for another. They gave ${short(all)} MiB back${exact ? ', and exactly so much more was free then' : `, of which ${percent((most - free[0]!) / all)} was free then`}; ${added > 0 ? `${added} more of ${GUEST_MIB} MiB was created` : 'still no other could be created'}. ${deaf} of ${before.length} gave nothing: ballooning is a request, and Xen takes no page from a guest that keeps it. A step of ${STEP_MIB} MiB took a guest ${short(Math.max(...rows.map(row => numberOf(row, 'us'))))} µs of processor time. These guests had free pages at hand. A real one must first empty its caches or write pages to its swap, which takes seconds and makes it slower afterwards.`,
    };
  },
};
