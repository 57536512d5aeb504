/** The last minute of a guest: its processor, its instructions, its exits. */

import { useSignal } from '@preact/signals';
import type { DomainSession } from '../sessions.ts';
import { Chart, type Line } from './chart.tsx';
import { ownerToken } from './marks.tsx';

const words = { cpu: 'CPU', cpuUnit: '% of the time', instructions: 'Instructions', instructionsUnit: 'million a second', exits: 'Exits', exitsUnit: 'a second', ran: 'ran', retired: 'retired', all: 'all reasons', waiting: 'The first readings come within two seconds.', table: 'As table', ago: 'Seconds ago' };

export function GuestHistory({ session }: { session: DomainSession }) {
  const table = useSignal(false);
  const all = session.history.value;
  const atMs = all.map((_, i) => (i - all.length + 1) * 1000), token = ownerToken(session.id);
  const line = (name: string, of: (point: (typeof all)[number]) => number): Line[] => [{ name, token, values: all.map(of) }];
  const charts = [
    { title: words.cpu, unit: words.cpuUnit, lines: line(words.ran, ({ running }) => 100 * running), least: 100, digits: 0 },
    { title: words.instructions, unit: words.instructionsUnit, lines: line(words.retired, ({ instructionsPerSecond }) => instructionsPerSecond / 1e6), least: 1, digits: 1 },
    { title: words.exits, unit: words.exitsUnit, lines: line(words.all, ({ exitsPerSecond }) => exitsPerSecond), least: 10, digits: 0 },
  ];
  if (all.length < 2) return <div class="body"><p class="hint">{words.waiting}</p></div>;
  return <div class="body">
    <div class="ph"><span class="grow" /><button class="btn sm" aria-pressed={table.value} onClick={() => { table.value = !table.value; }}>{words.table}</button></div>
    {table.value ? <div class="scroll htab" tabIndex={0}><table class="pad"><thead><tr><th class="num">{words.ago}</th>{charts.map(({ title, unit }) => <th key={title} class="num">{title}, {unit}</th>)}</tr></thead>
      <tbody>{all.map((_, i) => <tr key={i}><td class="num m">{-atMs[i]! / 1000}</td>{charts.map(({ title, lines, digits }) => <td key={title} class="num m">{lines[0]!.values[i]!.toFixed(Math.max(1, digits))}</td>)}</tr>).reverse()}</tbody></table></div>
      : <div class="hgrid hist">{charts.map(chart => <Chart key={chart.title} atMs={atMs} {...chart} />)}</div>}
  </div>;
}
