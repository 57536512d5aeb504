/** Balancing: guests of four hosts move by the pool's own policy, either so that none is too busy or so that some are empty. What becomes of load and energy? */
import { Balancer, DEFAULTS, type HostSample, type Mode } from '../../dom0/pool/index.ts';
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import { guestText, type Lab, type LabGuest } from './lab.ts';
import { join, move } from './link.ts';
import { percent, short } from './words.ts';

/** A host tells how it is, and is decided about, so much faster than in a pool: what is 10 s there is 100 ms here. */
const FASTER = 100,
  LOOK_MS = 2000 / FASTER,
  DECIDE_MS = DEFAULTS.recentMs / FASTER,
  LINK_MIB = 200;
const SETTINGS = Object.fromEntries(
  (['recentMs', 'longMs', 'restMs', 'lostMs'] as const).map(name => [name, DEFAULTS[name] / FASTER]),
);
/** Microseconds of computing that each request of a guest needs; one comes every 10 ms. */
const LOADS: Readonly<Record<string, readonly number[]>> = {
  alfa: [2000, 2000, 2000, 2000],
  bravo: [300],
  charlie: [300],
  delta: [],
};
const SPAN_MS = 2500,
  MEASURED_MS = 300;
const GUEST_BYTES = 4 * 2 ** 20;
/** As in consolidation.ts, and in the pool's own model. */
const IDLE_W = 100,
  FULL_W = 200;
const MODES: readonly Mode[] = ['off', 'performance', 'density'];

interface Running {
  guest: LabGuest;
  host: string;
  /** At the last look. */
  runUs: number;
  waitUs: number;
}

class Pool {
  readonly labs: Readonly<Record<string, Lab>>;
  readonly running: Running[] = [];
  moves = 0;
  private readonly balancer: Balancer;
  private readonly first: Lab;
  private lookedMs: number;

  constructor(labs: Readonly<Record<string, Lab>>, mode: Mode) {
    this.labs = labs;
    this.first = Object.values(labs)[0]!;
    this.balancer = new Balancer({ ...SETTINGS, mode, automatic: true });
    this.lookedMs = this.first.nowMs;
  }

  /** Microseconds that each guest ran and waited since the last look, and milliseconds of the clock. */
  async look(): Promise<{ ms: number; of: Map<Running, { run: number; wait: number }> }> {
    const ms = this.first.nowMs - this.lookedMs,
      of = new Map<Running, { run: number; wait: number }>();
    for (const each of this.running) {
      const { counts } = await each.guest.facts();
      const [runUs, waitUs] = [counts.run_us ?? 0, counts.wait_us ?? 0];
      // One that has just moved is counted again.
      of.set(each, { run: runUs - Math.min(each.runUs, runUs), wait: waitUs - Math.min(each.waitUs, waitUs) });
      Object.assign(each, { runUs, waitUs });
    }
    this.lookedMs = this.first.nowMs;
    return { ms, of };
  }

  private async sample(): Promise<void> {
    const { ms, of } = await this.look();
    for (const [host, lab] of Object.entries(this.labs)) {
      const { machine } = lab.machine.host.toolstack;
      const guests = [...of]
        .filter(([each]) => each.host === host)
        .map(([{ guest }, { run }]) => ({
          guest: guest.name,
          busySlots: run / 1000 / ms,
          memoryBytes: GUEST_BYTES,
          dirtyBytesPerSecond: 0,
        }));
      this.balancer.take({
        host,
        atMs: lab.nowMs,
        slots: 1,
        busy: guests.reduce((sum, { busySlots }) => sum + busySlots, 0),
        totalBytes: machine.frames * 4096,
        freeBytes: machine.freeFrames * 4096,
        bytesPerSecond: LINK_MIB * 2 ** 20 * FASTER,
        isCoordinator: host === 'alfa',
        guests,
      } satisfies HostSample);
    }
  }

  async run(forMs: number): Promise<void> {
    const endMs = this.first.nowMs + forMs;
    let decideMs = this.first.nowMs + DECIDE_MS;
    while (this.first.nowMs < endMs) {
      await this.first.run(LOOK_MS);
      await this.sample();
      if (this.first.nowMs < decideMs) continue;
      decideMs = this.first.nowMs + DECIDE_MS;
      for (const each of this.balancer.decide(this.first.nowMs))
        if (each.kind === 'move') await this.make(each.guest, each.from.host, each.to.host);
    }
  }

  private async make(name: string, from: string, to: string): Promise<void> {
    const one = this.running.find(({ guest }) => guest.name === name)!;
    this.balancer.begun(name, from, to);
    const { guest } = await move(one.guest, this.labs[from]!, { name: to, lab: this.labs[to]! });
    this.balancer.ended(name, this.first.nowMs);
    this.moves++;
    Object.assign(one, { guest, host: to, runUs: 0, waitUs: 0 });
    await this.look();
  }
}

const condition = (mode: Mode): Condition => ({
  name: mode,
  prepare: async lab => {
    const names = Object.keys(LOADS),
      labs: Record<string, Lab> = {};
    for (const name of names) labs[name] = name === names[0] ? lab : await lab.another(true);
    join(labs, LINK_MIB);
    const pool = new Pool(labs, mode);
    for (const [host, works] of Object.entries(LOADS))
      for (const [i, us] of works.entries()) {
        const guest = await labs[host]!.boot(guestText(`${host}-${i}`, 'hvm', { kernel: 'server.asm' }));
        guest.type(`serve ${us}`);
        pool.running.push({ guest, host, runUs: 0, waitUs: 0 });
      }
    await lab.run(LOOK_MS);
    await pool.look();
    return async () => {
      await pool.run(SPAN_MS);
      await pool.look();
      await lab.run(MEASURED_MS);
      const { ms, of } = await pool.look();
      return names.map((host): Row => {
        const here = [...of].filter(([each]) => each.host === host),
          sum = (what: 'run' | 'wait'): number => here.reduce((all, [, seen]) => all + seen[what], 0) / 1000 / ms,
          busy = sum('run');
        return {
          mode,
          host,
          guests: here.length,
          busy: 100 * busy,
          waited: 100 * sum('wait'),
          watts: here.length === 0 ? 0 : IDLE_W + (FULL_W - IDLE_W) * Math.min(1, busy),
          moves: pool.moves,
        };
      });
    };
  },
});

export const balancing: Experiment = {
  id: 'balancing',
  title: 'Dynamic load balancing',
  claim: 'A pool moves guests while they run: from hosts that are too busy, or off hosts that could be switched off.',
  how: [
    `Four hosts with one processor each. A request comes to each guest (server, fully virtual) every 10 ms: four guests of alfa need ${LOADS.alfa![0]! / 1000} ms of computing for it, one of bravo and one of charlie ${LOADS.bravo![0]! / 1000}; delta has none. The pool’s own balancer (docs/balancing.md) reads from the hypervisor’s counters every ${LOOK_MS} ms how busy each host and guest was, and decides every ${DECIDE_MS} ms: ${FASTER} times as fast as in a pool. What it decides is done, by live migration over a link of ${LINK_MIB} MiB/s. After ${SPAN_MS} ms each host is measured for ${MEASURED_MS} ms more.`,
    'Performance relieves a host that is more than 76.5 % busy, until it is below 58.5 %. Density empties a host that is less than 22.5 % busy, if all its guests find a place that stays below 76.5 %. Off moves nothing.',
    'Waited is the time in which guests could have run, and others of their host did. The energy is a model: a host draws 100 W idle, 200 W at full load, and in between in proportion to its use (Fan, Weber and Barroso, 2007); one without guests is switched off.',
    'All hosts have one clock, which goes on with what the guests of all of them execute: so their loads together are less than one processor.',
  ],
  columns: [
    { id: 'mode', name: 'mode' },
    { id: 'host', name: 'host' },
    { id: 'guests', name: 'guests' },
    { id: 'busy', name: 'busy', unit: '%' },
    { id: 'waited', name: 'guests waited', unit: '%' },
    { id: 'watts', name: 'power', unit: 'W' },
    { id: 'moves', name: 'moves' },
  ],
  untimed: 'Decisions follow from the guests’ time, so that everybody’s moves are equal.',
  drawing: { kind: 'bars', group: 'host', series: 'mode', value: 'busy' },
  conditions: () => MODES.map(condition),
  verdict: rows => {
    const of = (mode: Mode): Row[] => rows.filter(row => row.mode === mode),
      sum = (mode: Mode, column: string): number => of(mode).reduce((all, row) => all + numberOf(row, column), 0),
      most = (mode: Mode): number => Math.max(...of(mode).map(row => numberOf(row, 'busy'))),
      empty = (mode: Mode): number => of(mode).filter(row => row.guests === 0).length,
      moves = (mode: Mode): string => {
        const made = numberOf(of(mode)[0], 'moves');
        return `${made} ${made === 1 ? 'move' : 'moves'}`;
      };
    const isRelieved = most('performance') < most('off') && most('performance') < 76.5,
      isEmptier = empty('density') > empty('off');
    return {
      held: isRelieved && isEmptier ? 'yes' : isRelieved || isEmptier ? 'partly' : 'no',
      text: `Performance brought the busiest host from ${percent(most('off') / 100)} to ${percent(most('performance') / 100)} with ${moves('performance')}; all guests together waited ${short(sum('performance', 'waited'))} % of the time, and ${short(sum('off', 'waited'))} % without it. Density left ${empty('density')} hosts empty where ${empty('off')} had been, with ${moves('density')}: ${short(sum('density', 'watts'))} W by the model, where hosts of the pool as it was draw ${short(sum('off', 'watts'))} and those of performance ${short(sum('performance', 'watts'))}. The two want opposite things: energy is saved where hosts are full, and waiting where they are not. A real pool decides every few minutes and not every tenth of a second, since a move costs processor time on both hosts, and bursts that are shorter than its look are over before it has moved anything.`,
    };
  },
};
