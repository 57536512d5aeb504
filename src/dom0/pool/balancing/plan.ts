/** What is to be done about a pool as it is: the same pool, the same decisions. */
import type { Decision } from './decisions.ts';
import { Emptying } from './density.ts';
import { keepRules } from './keep-rules.ts';
import { type Lines, needingRelief, Relief } from './performance.ts';
import { leastBusy, Round } from './round.ts';
import type { HostView, PoolView } from './samples.ts';
import type { Settings } from './settings.ts';

export interface Plan {
  /** Moves and what stays as it is, rules first, then hosts from the worst. */
  decisions: Decision[];
  /** Hosts that are relieved until they are calm. */
  relieving: ReadonlySet<string>;
}

/** Density fills hosts up to `high`, so that relief begins above that. */
function linesOf({ mode, busy, free }: Settings): Lines {
  return mode === 'density'
    ? { busy: { begin: busy.critical, end: busy.high }, free: { begin: free.critical, end: free.high } }
    : { busy: { begin: busy.high, end: busy.calm }, free: { begin: free.high, end: free.calm } };
}

/** Those that are on anyway before those that could be off. */
const inUseFirst = (a: HostView, b: HostView): number =>
  Math.sign(b.guests.length) - Math.sign(a.guests.length) || leastBusy(a, b);

/** `relieving`: as of the plan before. */
export function plan(pool: PoolView, settings: Settings, relieving: ReadonlySet<string> = new Set()): Plan {
  if (settings.mode === 'off') return { decisions: [], relieving: new Set() };
  const round = new Round(pool, settings);
  keepRules(round);
  const lines = linesOf(settings);
  const needing = needingRelief(round.hosts, relieving, lines);
  const isDense = settings.mode === 'density';
  if (needing.length > 0) new Relief(round, lines, isDense ? inUseFirst : leastBusy).relieve(needing);
  if (isDense) new Emptying(round).empty();
  return { decisions: round.decisions, relieving: new Set(needing.map(({ host }) => host)) };
}
