/** The run of `run.ts` that this page does, and what came of the last one. */
import { signal } from '@preact/signals';
import { host } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { hypervisorOfHost } from '../../hypervisors/of-host.ts';
import { pageGuests } from '../page-guests.ts';
import { type Read, runTypes, type TypesHost, type TypesProgress } from './run.ts';

export interface TypesRun {
  /** Of the run under way; absent: none is. */
  progress?: TypesProgress;
  reads: readonly Read[];
  /** Why the last run brought nothing. */
  problem?: string;
  cancelled?: true;
}

export const run = signal<TypesRun>({ reads: [] });
let abort: AbortController | undefined;

const pageTypes = (): TypesHost => ({
  ...pageGuests,
  crossings: id => host.inspect('crossings', id),
  hypervisor: hypervisorOfHost(),
});

/** Begins again, unless a run is under way. */
export async function start(): Promise<void> {
  if (abort) return;
  const mine = (abort = new AbortController());
  const end = (how: Pick<TypesRun, 'problem' | 'cancelled'>): void => {
    abort = undefined;
    run.value = { reads: run.peek().reads, ...how };
  };
  run.value = { reads: [], progress: { type: 'hosted', doing: 'creates', part: 0 } };
  try {
    await runTypes(pageTypes(), mine.signal, {
      progress: progress => {
        run.value = { ...run.peek(), progress };
      },
      read: read => {
        run.value = { ...run.peek(), reads: [...run.peek().reads, read] };
      },
    });
    end({});
  } catch (error) {
    end(mine.signal.aborted ? { cancelled: true } : { problem: sentence(error) });
  }
}

export function cancel(): void {
  abort?.abort();
}
