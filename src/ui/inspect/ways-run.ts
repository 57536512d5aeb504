/** The run of `ways.ts` that this page does, and what came of the last one. */
import { batch, signal } from '@preact/signals';
import { host } from '../host.ts';
import { sentence } from '../sentence.ts';
import { pageGuests } from './page-guests.ts';
import { type Direction, type Measured, type Progress, ROUNDS, runWays, WAYS, type WaysHost } from './ways.ts';
import { hypervisorOfHost } from '../hypervisors/of-host.ts';

/** Enough that a ring's share of a millisecond counts, and short where a port moves it. */
export const MIB = 4;

export interface Run {
  /** Of the run under way; absent: none is. */
  progress?: Progress;
  direction: Direction;
  measured: readonly Measured[];
  /** Why the last run brought nothing. */
  problem?: string;
  cancelled?: true;
}

export const run = signal<Run>({ direction: 'read', measured: [] });
let abort: AbortController | undefined;

const pageWays: WaysHost = { ...pageGuests, facts: id => host.inspect('facts', id) };

/** Begins again, unless a run is under way. What the one before has shown gives way with the first new number. */
export async function start(direction: Direction = run.peek().direction): Promise<void> {
  if (abort) return;
  const mine = (abort = new AbortController());
  const before = run.peek(),
    fresh = new Map<string, Measured>();
  run.value = {
    direction,
    measured: before.direction === direction ? before.measured : [],
    progress: { way: 'pio', doing: 'creates', part: 0 },
  };
  try {
    await runWays({ ...pageWays, hypervisor: hypervisorOfHost() }, { direction, mib: MIB }, ROUNDS, mine.signal, {
      progress: progress => {
        run.value = { ...run.peek(), progress };
      },
      measured: way => {
        fresh.set(way.way, way);
        run.value = { ...run.peek(), measured: WAYS.flatMap(({ id }) => fresh.get(id) ?? []) };
      },
    });
    end({});
  } catch (error) {
    end(mine.signal.aborted ? { cancelled: true } : { problem: sentence(error) });
  }
}

function end(how: Pick<Run, 'problem' | 'cancelled'>): void {
  abort = undefined;
  const { direction, measured } = run.peek();
  batch(() => {
    run.value = { direction, measured, ...how };
  });
}

export function cancel(): void {
  abort?.abort();
}

/** The other direction: what was measured of the first one says nothing of it. */
export function choose(direction: Direction): void {
  if (!abort && direction !== run.peek().direction) run.value = { direction, measured: [] };
}
