/** Domains as xl lists them, and definitions that none runs from: filtered, sorted and chosen. */

import type { Inventory } from '../../../dom0/service/index.ts';
import { domains } from '../../host.ts';
import { domain0History, inventory, partOf, readings } from '../../inventory.ts';
import { type Keys, matching, ordered, orderOf, setColumn, tagsSaid } from '../../order.ts';
import { telling } from '../../readings.ts';
import { chosen, clear, filter, setAll } from '../../selection.ts';
import { sessions } from '../../sessions.ts';
import { strings } from '../../strings.ts';
import { viewStrings } from '../../view-strings.ts';
import { ChosenBar } from '../chosen-bar.tsx';
import { SortHead } from '../sort-head.tsx';
import { definedInOrder } from '../tree.tsx';
import { Windowed } from '../windowed.tsx';
import { DefinedLine, Domain0Line, DomainLine, type Row } from './lines.tsx';

const words = viewStrings.hostPage;
const LIST = 'domains';
type Column =
  | 'name'
  | 'id'
  | 'memory'
  | 'vcpus'
  | 'state'
  | 'time'
  | 'mode'
  | 'cpu'
  | 'disk'
  | 'net'
  | 'up'
  | 'address';

/** What is in the column of a line, to sort by. */
function keysOf(seen: Inventory | undefined): Keys<Row, Column> {
  const of =
    <T,>(get: (id: number) => T | undefined) =>
    ({ domain }: Row): T | undefined =>
      domain ? get(domain.id) : undefined;
  const last = telling(readings.value).at(-1);
  return {
    name: ({ name }) => name,
    id: of(id => id),
    memory: ({ domain, defined }) => (domain ?? defined)!.memoryMiB,
    vcpus: ({ domain, defined }) => (domain ?? defined)!.vcpus,
    state: ({ domain }) => strings.states[domain?.state ?? '-'],
    time: of(id => seen?.runNs[id]),
    mode: ({ domain, defined }) => (domain ?? defined)!.type,
    cpu: of(partOf),
    disk: of(id => last?.disks[id] && last.disks[id].read + last.disks[id].written),
    net: of(id => last?.network[id] && last.network[id].sent + last.network[id].got),
    up: of(id => seen?.upSecondsOf[id]),
    address: of(id => seen?.addresses[id]?.[0]),
  };
}

/** The shares of the processors are drawn by one scale in all rows, so that they compare; no finer than a quarter of one. */
function scaleOfUse(): number {
  const histories = [
    domain0History.value,
    ...domains.value.map(({ id }) => sessions.value.get(id)?.history.value.map(point => point.running) ?? []),
  ];
  return [0.25, 0.5, 0.75, 1].find(each => histories.flat().every(value => (value ?? 0) <= each)) ?? 1;
}

/** Lines that the filter leaves, in the order that is chosen. */
function linesOf(seen: Inventory | undefined): readonly Row[] {
  const matches = matching(filter.value);
  const all: Row[] = [
    ...domains.value
      .filter(({ id, name, state, type }) =>
        matches(name, strings.states[state], type, tagsSaid(seen?.tags[id]), ...(seen?.addresses[id] ?? [])),
      )
      .map(domain => ({ name: domain.name, domain })),
    ...definedInOrder.value
      .filter(({ name, type, description, tags }) =>
        matches(name, strings.tree.defined, type, description, tagsSaid(tags)),
      )
      .map(defined => ({ name: defined.name, defined })),
  ];
  return ordered(all, orderOf<Column>(LIST), keysOf(seen));
}

export function Domains() {
  const seen = inventory.value,
    top = scaleOfUse(),
    lines = linesOf(seen),
    keys = lines.map(({ name }) => name);
  return (
    <section class="hdoms">
      <Filter />
      <table class="hdom pad">
        <thead>
          <Heads keys={keys} top={top} />
        </thead>
        <tbody>
          <Domain0Line top={top} />
          <Windowed
            rows={lines}
            spacer="tr"
            draw={({ domain, defined }) =>
              domain ? (
                <DomainLine key={domain.id} domain={domain} keys={keys} top={top} />
              ) : (
                <DefinedLine key={`defined ${defined!.name}`} of={defined!} keys={keys} />
              )
            }
          />
        </tbody>
      </table>
    </section>
  );
}

/** What narrows and sorts the list, or what can be done with those that are chosen. */
const Filter = () => (
  <div class="row wrap above">
    <input
      class="filter"
      type="search"
      placeholder={strings.tree.filter}
      aria-label={words.filter}
      value={filter.value}
      onInput={event => {
        filter.value = event.currentTarget.value;
      }}
    />
    <select
      class="btn"
      aria-label={words.sort}
      value={orderOf(LIST)?.column ?? ''}
      onChange={event => setColumn(LIST, event.currentTarget.value)}
    >
      <option value="">{words.ownOrder()}</option>
      {(['name', 'state', 'memory', 'up', 'cpu'] as const).map(column => (
        <option key={column} value={column}>
          {column === 'cpu' ? words.cpu : words.columns[column]}
        </option>
      ))}
    </select>
    {chosen.value.size > 0 ? <ChosenBar /> : <span class="cap-t">{words.severalHint}</span>}
  </div>
);

function Heads({ keys, top }: { keys: readonly string[]; top: number }) {
  const c = words.columns,
    picked = keys.filter(key => chosen.value.has(key)).length;
  const head = (column: Column, name: string, cls?: string) => (
    <SortHead list={LIST} column={column} cls={cls}>
      {name}
    </SortHead>
  );
  return (
    <tr>
      <th class="ticks">
        <input
          type="checkbox"
          aria-label={words.pickAll}
          checked={picked > 0 && picked === keys.length}
          ref={box => {
            if (box) box.indeterminate = picked > 0 && picked < keys.length;
          }}
          onChange={() => (picked === keys.length ? clear() : setAll(keys))}
        />
      </th>
      {head('name', c.name)}
      {head('id', c.id, 'num i')}
      {head('memory', c.memory, 'num')}
      {head('vcpus', c.vcpus, 'num')}
      {head('state', c.state)}
      {head('time', c.time, 'num t')}
      {head('up', c.up, 'num up')}
      {head('mode', c.mode)}
      {head('cpu', c.cpu(100 * top))}
      {head('disk', c.disk, 'num')}
      {head('net', c.net, 'num')}
      {head('address', c.address, 'ad')}
      <th>
        <span class="hidden">{words.act}</span>
      </th>
    </tr>
  );
}
