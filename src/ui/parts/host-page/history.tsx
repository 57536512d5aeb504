/** The last minute or more of the host: charts, or the readings that they are of as a table. */

import { hostSystemName } from '../../hypervisors/of-host.ts';
import { useSignal } from '@preact/signals';
import { domains, info } from '../../host.ts';
import { readings } from '../../inventory.ts';
import { ownsMemory, type Reading, telling } from '../../readings.ts';
import { viewStrings } from '../../view-strings.ts';
import { Chart } from '../chart.tsx';
import { HistoryBar, HistoryTable } from '../history-parts.tsx';
import { type HistoryLines, historyLines } from './history-lines.ts';

const words = viewStrings.hostPage;
/** Of a chart, pixels. */
const HEIGHT = 122;

export function History() {
  const table = useSignal(false),
    spanMs = useSignal<number>(words.spans[0][1]);
  const nowMs = readings.value.at(-1)?.atMs ?? 0,
    all = telling(readings.value).filter(({ atMs }) => atMs >= nowMs - spanMs.value),
    machineMiB = info.value?.memoryMiB ?? 0;
  const owners = [{ id: 0, name: hostSystemName() }, ...domains.value.filter(ownsMemory)],
    lines = historyLines(all, owners, machineMiB);
  return (
    <section class="hs-h">
      <div class="ph">
        <h3>{words.history}</h3>
        <HistoryBar spanMs={spanMs} table={table} />
      </div>
      {all.length < 2 ? (
        <p class="hint">{words.waiting}</p>
      ) : table.value ? (
        <Table all={all} lines={lines} />
      ) : (
        <Charts all={all} lines={lines} spanMs={spanMs.value} machineMiB={machineMiB} />
      )}
    </section>
  );
}

function Charts({
  all,
  lines: { cpu, memory, disk, net },
  spanMs,
  machineMiB,
}: {
  all: readonly Reading[];
  lines: HistoryLines;
  spanMs: number;
  machineMiB: number;
}) {
  const drawn = { atMs: all.map(({ atMs }) => atMs), spanMs, height: HEIGHT };
  return (
    <div class="hgrid hist four">
      <Chart title={words.cpu} unit={words.cpuUnit} {...drawn} lines={cpu} stacked least={50} digits={0} />
      <Chart
        title={words.memory}
        unit={words.memoryUnit}
        {...drawn}
        lines={memory}
        stacked
        {...(machineMiB ? { top: machineMiB } : {})}
        least={16}
        digits={0}
        whole={words.used2(machineMiB - (all.at(-1)?.freeMiB ?? 0), machineMiB)}
      />
      <Chart title={words.disk} unit={words.diskUnit} {...drawn} lines={disk} least={1} digits={1} />
      <Chart title={words.net} unit={words.netUnit} {...drawn} lines={net} stacked least={1} digits={1} />
    </div>
  );
}

/** The source of the charts. */
function Table({ all, lines: { cpu, disk, net } }: { all: readonly Reading[]; lines: HistoryLines }) {
  const now = all.at(-1)!.atMs;
  return (
    <HistoryTable
      agoMs={all.map(({ atMs }) => now - atMs)}
      columns={[
        ...cpu.map(({ name, values }) => ({ name: words.cpuColumn(name), values })),
        { name: words.freeColumn, values: all.map(({ freeMiB }) => freeMiB) },
        ...disk.map(({ name, values }) => ({ name: words.diskColumn(name), values })),
        ...net.map(({ name, values }) => ({ name: words.netColumn(name), values })),
      ]}
    />
  );
}
