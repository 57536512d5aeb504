/**
 * npm run -s sim:pool -- [--hosts N]… [--load KIND]… [--mode performance|density|off]… [--minutes N] [--seed S] [--json]
 *
 * The balancer's own code (src/dom0/pool/balancing) on simulated hosts of four slots with five guests each, and what they would tell each other in a mesh, a
 * star and a tree of hubs. Runs with one seed are equal, but for what a look at the pool takes of the processor.
 */
import type { Mode } from '../../dom0/pool/balancing/index.ts';
import { LEASE_TIMING } from '../../dom0/pool/leases/index.ts';
import { flag, number, numbers, someOf } from '../harness/options.ts';
import { program } from '../harness/program.ts';
import { type LoadKind, LOADS } from './loads.ts';
import { LIMITS, endOf, TOPOLOGIES, type Topology, tooMuch } from './wires.ts';
import { type Outcome, PRESENCE_MS, type Scenario, World } from './world.ts';

const KINDS = Object.keys(LOADS) as LoadKind[];
const MODES: Mode[] = ['off', 'performance', 'density'];
const SIZES = [2, 10, 100, 1000, 10_000];
/** Minutes of virtual time, where the command line does not say; the largest pools are watched for less. */
const MINUTES = 20;
const LARGE = { hosts: 10_000, minutes: 5 };
const MOST_HOSTS = 10_000;
/** All loads are tried with this many; of other sizes the recorded one. */
const COMMON_HOSTS = 100;

export const main = program({
  name: 'sim:pool',
  options: {
    hosts: numbers(undefined, { least: 2, most: MOST_HOSTS }),
    load: someOf(KINDS, []),
    mode: someOf(MODES),
    minutes: number(undefined, { least: 1, most: 1440 }),
    seed: number(1, { most: 2 ** 31 }),
    json: flag,
  },
  run: ({ json: isJson, ...wanted }, write) => {
    const rows: [Scenario, Outcome][] = [];
    if (!isJson) write(`${HEAD}\n`);
    for (const scenario of scenariosOf(wanted)) {
      const outcome = new World(scenario).run(() => process.cpuUsage().user / 1000);
      rows.push([scenario, outcome]);
      write(isJson ? `${JSON.stringify({ ...scenario, ...outcome })}\n` : `${line(scenario, outcome)}\n`);
    }
    if (!isJson) write(wireTable(rows));
    // A move back within its rest is what must not be.
    return rows.some(([, { backInRest }]) => backInRest > 0) ? 1 : 0;
  },
});

interface Wanted {
  hosts: readonly number[] | undefined;
  load: readonly LoadKind[];
  mode: readonly Mode[];
  minutes: number | undefined;
  seed: number;
}

function scenariosOf({ hosts: sizes, load: kinds, mode: modes, minutes, seed }: Wanted): Scenario[] {
  const pairs: [number, LoadKind][] =
    sizes || kinds.length > 0
      ? (sizes ?? [COMMON_HOSTS]).flatMap(hosts =>
          (kinds.length > 0 ? kinds : KINDS).map((kind): [number, LoadKind] => [hosts, kind]),
        )
      : [
          ...KINDS.map((kind): [number, LoadKind] => [COMMON_HOSTS, kind]),
          ...SIZES.filter(size => size !== COMMON_HOSTS).map((size): [number, LoadKind] => [size, 'recorded']),
        ];
  const minutesOf = (hosts: number): number => minutes ?? (hosts >= LARGE.hosts ? LARGE.minutes : MINUTES);
  return pairs.flatMap(([hosts, load]) => modes.map(mode => ({ hosts, load, mode, minutes: minutesOf(hosts), seed })));
}

const HEAD =
  '| hosts | minutes | load | mode | moves | host-seconds above 90 % | slot-seconds missed | rules broken | back in rest, in 5 | calm after | empty, saved | longest look |\n' +
  '|---|---|---|---|---|---|---|---|---|---|---|---|';

function line({ hosts, minutes, load, mode }: Scenario, outcome: Outcome): string {
  const { moves, criticalSeconds, missedSlotSeconds, brokenBefore, brokenAfter, backInRest, backInFiveRests } = outcome;
  const { calmSeconds, emptyHosts, savedWatts, decideMs } = outcome;
  const cells = [
    hosts,
    minutes,
    load,
    mode,
    moves,
    criticalSeconds,
    Math.round(missedSlotSeconds),
    `${brokenBefore} to ${brokenAfter}`,
    `${backInRest}, ${backInFiveRests}`,
    calmSeconds === undefined ? '–' : `${Math.round(calmSeconds)} s`,
    `${emptyHosts}, ${Math.round(savedWatts)} W`,
    `${decideMs.toFixed(1)} ms`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Of the busiest run of moves: what hosts tell each other, and where each way ends. */
function wireTable(rows: [Scenario, Outcome][]): string {
  const movesASecond = Math.max(...rows.map(([{ hosts, minutes }, { moves }]) => moves / hosts / minutes / 60));
  const sampleBytes = Math.max(...rows.map(([, outcome]) => outcome.sampleBytes));
  const measured = { sampleBytes, movesASecond };
  const names = Object.keys(TOPOLOGIES) as Topology[];
  const shown = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
  const cells = (hosts: number, name: Topology): string => {
    const wires = TOPOLOGIES[name](hosts, measured);
    const { host, busiest } = wires;
    const told2 = `${shown(host.messages)}, ${shown(host.bytes / 1024)} KiB; ${shown(busiest.messages)}, ${shown(busiest.bytes / 1024)} KiB`;
    return tooMuch(wires) ? `(${told2})` : told2;
  };
  const ends = names.map(name => {
    const { hosts, by } = endOf(name, measured);
    return by ? `${hosts.toLocaleString('en')}, by ${by}` : `above ${hosts.toLocaleString('en')}`;
  });
  return (
    `\nMessages and KiB in a second, of a host; of the busiest place. A sample has ${Math.round(sampleBytes)} bytes, a host moves ${(movesASecond * 3600).toFixed(1)} guests an hour. ` +
    `In brackets: more than ${LIMITS.messages} messages, ${LIMITS.bytes / 2 ** 20} MiB or ${LIMITS.wires} wires of one place.\n\n` +
    `| hosts | ${names.join(' | ')} |\n|---|${'---|'.repeat(names.length)}\n` +
    SIZES.map(hosts => `| ${hosts} | ${names.map(name => cells(hosts, name)).join(' | ')} |\n`).join('') +
    `| goes to | ${ends.join(' | ')} |\n` +
    `\nPresence every ${PRESENCE_MS / 1000} s, leases every ${LEASE_TIMING.renewMs / 1000} s for each guest.\n`
  );
}
