/** The last minute of a guest, or the last hour: its processor, its instructions, its exits, its memory, what it sent and got, read and wrote. */

import { useSignal } from '@preact/signals';
import { readings } from '../inventory.ts';
import type { DomainSession } from '../sessions.ts';
import { viewStrings } from '../view-strings.ts';
import { Chart, type Line } from './chart.tsx';
import { HistoryBar, HistoryTable } from './history-parts.tsx';
import { ownerToken } from './marks.tsx';

const words = {
  cpu: 'CPU',
  cpuUnit: '% of the time',
  instructions: 'Instructions',
  instructionsUnit: 'million a second',
  exits: 'Exits',
  exitsUnit: 'a second',
  ran: 'ran',
  retired: 'retired',
  all: 'all reasons',
  waiting: 'The first readings come within two seconds.',
  memory: 'Memory',
  memoryUnit: 'MiB',
  has: 'has',
  network: 'Network',
  rateUnit: 'KiB/s',
  sent: 'sent',
  got: 'received',
  disk: 'Disks',
  read: 'read',
  written: 'written',
};

const more = viewStrings.hostPage;

interface Shown {
  title: string;
  unit: string;
  lines: Line[];
  least: number;
  digits: number;
  atMs: readonly number[];
}

export function GuestHistory({ session }: { session: DomainSession }) {
  const table = useSignal(false),
    spanMs = useSignal<number>(more.spans[0][1]);
  const { id } = session,
    token = ownerToken(id);
  // Its counters are read every second, what Domain 0 counts for it as often as somebody looks.
  const within = <T extends { atMs: number }>(all: readonly T[]): readonly T[] =>
    all.filter(({ atMs }) => atMs >= all.at(-1)!.atMs - spanMs.value);
  const own = within(session.past.value),
    seen = within(readings.value);
  const ownMs = own.map(({ atMs }) => atMs - own.at(-1)!.atMs),
    seenMs = seen.map(({ atMs }) => atMs - seen.at(-1)!.atMs);
  const line = (name: string, of: (point: (typeof own)[number]) => number): Line[] => [
    { name, token, values: own.map(of) },
  ];
  const pair = (
    first: string,
    second: string,
    of: (reading: (typeof seen)[number]) => readonly [number, number] | undefined,
  ): Line[] =>
    [first, second].map((name, i) => ({
      name,
      token,
      dash: i === 1,
      values: seen.map(reading => {
        const both = of(reading);
        return both && both[i]! / 1024;
      }),
    }));
  const charts: Shown[] = [
    {
      title: words.cpu,
      unit: words.cpuUnit,
      lines: line(words.ran, ({ running }) => 100 * running),
      least: 100,
      digits: 0,
      atMs: ownMs,
    },
    {
      title: words.instructions,
      unit: words.instructionsUnit,
      lines: line(words.retired, ({ instructionsPerSecond }) => instructionsPerSecond / 1e6),
      least: 1,
      digits: 1,
      atMs: ownMs,
    },
    {
      title: words.exits,
      unit: words.exitsUnit,
      lines: line(words.all, ({ exitsPerSecond }) => exitsPerSecond),
      least: 10,
      digits: 0,
      atMs: ownMs,
    },
    ...(seen.length < 2
      ? []
      : [
          {
            title: words.memory,
            unit: words.memoryUnit,
            lines: [{ name: words.has, token, values: seen.map(({ memoryMiB }) => memoryMiB[id]) }],
            least: 16,
            digits: 0,
            atMs: seenMs,
          },
          {
            title: words.network,
            unit: words.rateUnit,
            lines: pair(words.sent, words.got, ({ network }) => network[id] && [network[id].sent, network[id].got]),
            least: 1,
            digits: 1,
            atMs: seenMs,
          },
          ...(seen.at(-1)!.disks[id]
            ? [
                {
                  title: words.disk,
                  unit: words.rateUnit,
                  lines: pair(
                    words.read,
                    words.written,
                    ({ disks }) => disks[id] && [disks[id].read, disks[id].written],
                  ),
                  least: 1,
                  digits: 1,
                  atMs: seenMs,
                },
              ]
            : []),
        ]),
  ];
  if (own.length < 2)
    return (
      <div class="body">
        <p class="hint">{words.waiting}</p>
      </div>
    );
  return (
    <div class="body">
      <div class="ph">
        {spanMs.value > more.spans[0][1] && <span class="cap-t">{more.coarser}</span>}
        <HistoryBar spanMs={spanMs} table={table} />
      </div>
      {table.value ? (
        <div class="htabs">
          {[ownMs, seenMs].map((atMs, i) => (
            <Table key={i} atMs={atMs} charts={charts.filter(chart => chart.atMs === atMs)} />
          ))}
        </div>
      ) : (
        <div class="hgrid hist">
          {charts.map(chart => (
            <Chart key={chart.title} {...chart} spanMs={spanMs.value} />
          ))}
        </div>
      )}
    </div>
  );
}

/** The source of charts that were read together. */
function Table({ atMs, charts }: { atMs: readonly number[]; charts: readonly Shown[] }) {
  const columns = charts.flatMap(({ title, unit, lines, digits }) =>
    lines.map(({ name, values }) => ({
      name: lines.length > 1 ? `${title} ${name}, ${unit}` : `${title}, ${unit}`,
      values,
      digits: Math.max(1, digits),
    })),
  );
  return columns.length > 0 && <HistoryTable agoMs={atMs.map(ms => -ms)} columns={columns} />;
}
