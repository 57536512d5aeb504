/** The host at a glance: domains as xl lists them, machine memory by owner, and the last minute. */

import { useSignal } from '@preact/signals';
import type { DefinedDomain, DomainInfo, Inventory } from '../../dom0/service/index.ts';
import { type Action, definedActions, guestActions, hostActions } from '../actions.ts';
import { command, domains, info } from '../host.ts';
import { domain0History, hostPart, inventory, partOf, readings } from '../inventory.ts';
import { type Keys, matching, ordered, orderOf, setColumn } from '../order.ts';
import { ownsMemory, type Reading, telling } from '../readings.ts';
import { chosen, clear, extend, filter, press, type RowKey, setAll, together, toggle } from '../selection.ts';
import { sessions } from '../sessions.ts';
import { go, keepGuest, leaving } from '../navigation.ts';
import { duration, strings } from '../strings.ts';
import { laterStrings } from '../strings-later.ts';
import { bytes } from '../terminal.ts';
import { gigabytes, size } from '../units.ts';
import { Chart, type Line } from './chart.tsx';
import { ChosenBar } from './chosen-bar.tsx';
import { Chip, ModeBadge, ownerClass, ownerToken, Spark, StateMark } from './marks.tsx';
import { openMenu } from './menu.tsx';
import { PcpuUse } from './pcpu-use.tsx';
import { SortHead } from './sort-head.tsx';
import { definedInOrder, memoryOwners } from './tree.tsx';
import { Windowed } from './windowed.tsx';

const words = laterStrings.hostPage;
/** Of a chart, pixels; rows of a short table. */
const HEIGHT = 122,
  ROWS = 5;
/** Who took less of the processors, in percent, did not ask for them. */
const ASKED = 5;
/** As xl list prints them (lists.ts of the commands). */
const letters = (state: string): string =>
  ['r', 'b', 'p', 's', 'c', 'd'].map(each => (each === state ? each : '-')).join('');

export function HostPage() {
  return (
    <div class="body hst">
      <Domains />
      <Memory />
      <History />
      <div class="hs-c">
        <Processors />
        <Storage />
        <Bridge />
      </div>
    </div>
  );
}

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

/** A line of the table: a domain, or a definition that none runs from. */
interface Row {
  name: string;
  domain?: DomainInfo;
  defined?: DefinedDomain;
}

/** What stands in the column of a line, to sort by. */
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
    disk: of(id => last?.pvDisks[id] && last.pvDisks[id].read + last.pvDisks[id].written),
    net: of(id => last?.network[id] && last.network[id].sent + last.network[id].got),
    up: of(id => seen?.upSecondsOf[id]),
    address: of(id => seen?.addresses[id]?.[0]),
  };
}

function Domains() {
  const seen = inventory.value;
  const c = words.columns;
  // One scale for all rows, so that they compare; no finer than a quarter of a processor.
  const histories = [
    domain0History.value,
    ...domains.value.map(({ id }) => sessions.value.get(id)?.history.value.map(point => point.running) ?? []),
  ];
  const top = [0.25, 0.5, 0.75, 1].find(each => histories.flat().every(value => (value ?? 0) <= each)) ?? 1;
  const matches = matching(filter.value);
  const all: Row[] = [
    ...domains.value
      .filter(({ id, name, state, type }) => matches(name, strings.states[state], type, ...(seen?.addresses[id] ?? [])))
      .map(domain => ({ name: domain.name, domain })),
    ...definedInOrder.value
      .filter(({ name, type, description }) => matches(name, strings.tree.defined, type, description))
      .map(defined => ({ name: defined.name, defined })),
  ];
  const lines = ordered(all, orderOf<Column>(LIST), keysOf(seen)),
    keys = lines.map(({ name }) => name);
  const picked = keys.filter(key => chosen.value.has(key)).length;
  const head = (column: Column, name: string, cls?: string) => (
    <SortHead list={LIST} column={column} cls={cls}>
      {name}
    </SortHead>
  );
  return (
    <section class="hdoms">
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
          <option value="">{words.ownOrder}</option>
          {(['name', 'state', 'memory', 'up', 'cpu'] as const).map(column => (
            <option key={column} value={column}>
              {column === 'cpu' ? words.cpu : c[column]}
            </option>
          ))}
        </select>
        {chosen.value.size > 0 ? <ChosenBar /> : <span class="cap-t">{words.severalHint}</span>}
      </div>
      <table class="hdom pad">
        <thead>
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
        </thead>
        <tbody>
          <tr>
            <td class="ticks" />
            <td class="n b">
              <Chip id={0} /> {strings.shell.domain}
            </td>
            <td class="num m i">0</td>
            <td class="num m me">{seen?.domain0.memoryMiB ?? strings.tree.noData}</td>
            <td class="num m vc">{seen?.domain0.vcpus ?? strings.tree.noData}</td>
            <td class="m s">
              <StateMark state="r" /> <span class="hide-s">{letters('r')}</span>
            </td>
            <td class="num m t">{seconds(seen?.domain0.runNs)}</td>
            <td class="num m up nw">{seen ? shortDuration(seen.upSeconds) : ''}</td>
            <td>
              <ModeBadge type="d0" />
            </td>
            <td class="c">
              <Use id={0} values={domain0History.value} part={partOf(0)} top={top} />
            </td>
            <Rates id={0} />
            <td class="ad" />
            <td class="num a">
              <Act name={strings.shell.domain} onClick={() => go({ kind: 'shell' })}>
                {words.console}
              </Act>
              <More name={strings.shell.domain} actions={() => hostActions().slice(1, 2)} />
            </td>
          </tr>
          <Windowed
            rows={lines}
            spacer="tr"
            draw={({ domain, defined }) =>
              domain ? (
                <DomainLine
                  key={domain.id}
                  domain={domain}
                  keys={keys}
                  top={top}
                  time={seconds(seen?.runNs[domain.id])}
                />
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

const seconds = (ns: number | undefined): string => (ns === undefined ? strings.tree.noData : (ns / 1e9).toFixed(1));
/** Days and hours, hours and minutes, minutes and seconds. */
const shortDuration = (up: number): string => duration(up).split(' ').slice(0, 4).join(' ');

/** A line's box, for those who have no Ctrl, and the line itself for those who have. */
const Pick = ({ row, name, keys }: { row: RowKey; name: string; keys: readonly RowKey[] }) => (
  <td class="ticks">
    <input
      type="checkbox"
      aria-label={words.pick(name)}
      checked={chosen.value.has(row)}
      onClick={event => {
        if (event.shiftKey) extend(keys, row);
        else toggle(row);
      }}
    />
  </td>
);
const onLine =
  (row: RowKey, keys: readonly RowKey[]) =>
  (event: MouseEvent): void => {
    if (!(event.target as Element).closest('button, input')) press(event, keys, row);
  };
/** Shift spans rows, and no text. */
const noText = (event: MouseEvent): void => {
  if (event.shiftKey) event.preventDefault();
};
const menuOf = (row: RowKey, actions: () => Action[]) => (): Action[] =>
  chosen.peek().has(row) && chosen.peek().size > 1 && together.actions ? together.actions() : actions();

function DefinedLine({ of: each, keys }: { of: DefinedDomain; keys: readonly RowKey[] }) {
  const key = each.name,
    actions = menuOf(key, () => definedActions(each));
  return (
    <tr
      class={`out${chosen.value.has(key) ? ' sel' : ''}`}
      onMouseDown={noText}
      onClick={onLine(key, keys)}
      onContextMenu={event => openMenu(event, each.name, actions())}
    >
      <Pick row={key} name={each.name} keys={keys} />
      <td class="n" title={each.description}>
        <Chip /> {each.name}
      </td>
      <td class="num m i">{strings.tree.noData}</td>
      <td class="num m me">{each.memoryMiB}</td>
      <td class="num m vc">{each.vcpus}</td>
      <td class="s">
        <StateMark state="-" /> <span class="hide-s">{strings.tree.defined}</span>
      </td>
      <td class="num m t">{strings.tree.noData}</td>
      <td class="up" />
      <td>
        <ModeBadge type={each.type} />
      </td>
      <td class="c sec">{each.errors.length > 0 && strings.tree.hasErrors}</td>
      <Rates />
      <td class="ad" />
      <td class="num a">
        <Act name={each.name} onClick={() => go({ kind: 'defined', name: each.name })}>
          {words.definition}
        </Act>
        <More name={each.name} actions={actions} />
      </td>
    </tr>
  );
}

function DomainLine({
  domain,
  keys,
  time,
  top,
}: {
  domain: DomainInfo;
  keys: readonly RowKey[];
  time: string;
  top: number;
}) {
  const session = sessions.value.get(domain.id),
    seen = inventory.value;
  const over = session?.over ?? false,
    up = over ? undefined : seen?.upSecondsOf[domain.id];
  const state = session && !over ? session.state : domain.state;
  const key = domain.name,
    actions = menuOf(key, () => (session ? guestActions(session) : []));
  return (
    <tr
      class={chosen.value.has(key) ? 'sel' : ''}
      onMouseDown={noText}
      onClick={onLine(key, keys)}
      onContextMenu={event => {
        if (session) openMenu(event, domain.name, actions());
      }}
    >
      <Pick row={key} name={domain.name} keys={keys} />
      <td class="n b">
        <Chip id={domain.id} /> {domain.name}
      </td>
      <td class="num m i">{domain.id}</td>
      <td class="num m me">{domain.memoryMiB}</td>
      <td class="num m vc">{domain.vcpus}</td>
      <td class="m s">
        <StateMark state={state} fell={domain.fell} /> <span class="hide-s">{letters(state)}</span>
      </td>
      <td class="num m t">{time}</td>
      <td class="num m up nw">{up === undefined ? strings.tree.noData : shortDuration(up)}</td>
      <td>
        <ModeBadge type={domain.type} />
      </td>
      <td class="c">
        {session && (
          <Use
            id={domain.id}
            values={session.history.value.map(point => point.running)}
            part={over ? undefined : (partOf(domain.id) ?? session.rates.value?.running)}
            top={top}
          />
        )}
      </td>
      <Rates id={domain.id} />
      <td class="m nw ad">{seen?.addresses[domain.id]?.join('\n')}</td>
      <td class="num a">
        <Act name={domain.name} onClick={() => go({ kind: 'domain', id: domain.id })}>
          {session?.isFallen ? strings.guest.tabs.postMortem : words.console}
        </Act>
        {!over && session && leaving.value.has(domain.id) ? (
          <Act quiet name={domain.name} onClick={() => keepGuest(session)}>
            {words.keep}
          </Act>
        ) : (
          !over && (
            <Act
              quiet
              name={domain.name}
              onClick={() => void command(domain.state === 'p' ? 'unpause' : 'pause', domain)}
            >
              {domain.state === 'p' ? strings.guest.run : strings.guest.pause}
            </Act>
          )
        )}
        {session && <More name={domain.name} actions={actions} />}
      </td>
    </tr>
  );
}

/** What it read and wrote on PV disks, and sent and got, a second at the last look. */
function Rates({ id }: { id?: number }) {
  // The one that the charts end with.
  const last = id === undefined ? undefined : telling(readings.value).at(-1);
  const disk = last?.pvDisks[id!],
    net = last?.network[id!];
  const rate = (perSecond: number | undefined): string =>
    perSecond === undefined ? '' : perSecond < 0.05 ? '0' : perSecond.toFixed(1);
  return (
    <>
      {[per(MIB, disk && disk.read + disk.written), per(KIB, net && net.sent + net.got)].map((each, i) => (
        <td key={i} class={`num m rt${each && each >= 0.05 ? '' : ' dim'}`}>
          {rate(each)}
        </td>
      ))}
    </>
  );
}

const Use = ({
  id,
  values,
  part,
  top,
}: {
  id: number;
  values: readonly (number | undefined)[];
  part: number | undefined;
  top: number;
}) => (
  <span class={`use ${ownerClass(id)}`}>
    <Spark values={values} label={strings.tree.cpu} width={120} height={22} top={top} filled />
    <span class="m">{part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`}</span>
  </span>
);

/** A row's button: whoever does not see the row hears whose it is. */
const Act = ({
  name,
  quiet,
  onClick,
  children,
}: {
  name: string;
  quiet?: boolean;
  onClick(): void;
  children: string;
}) => (
  <button class={`btn sm${quiet ? ' quiet' : ''}`} aria-label={`${children} ${name}`} onClick={onClick}>
    {children}
  </button>
);

const More = ({ name, actions }: { name: string; actions: () => Parameters<typeof openMenu>[2] }) => (
  <button
    class="btn quiet icon sm"
    aria-haspopup="menu"
    aria-label={words.more(name)}
    onClick={event => openMenu(event, name, actions())}
  >
    •••
  </button>
);

function Memory() {
  const machine = info.value;
  if (!machine) return null;
  const owners = memoryOwners(domains.value.filter(ownsMemory), machine.memoryMiB, machine.freeMiB);
  const all = [
    ...owners,
    { key: 'free', owner: 'c-free', name: strings.owners.free, id: '', mib: machine.freeMiB },
  ].filter(({ mib }) => mib > 0);
  return (
    <section class="hs-m">
      <div class="ph">
        <h3>{words.memory}</h3>
        <span class="sec">{words.memoryCaption(machine.memoryMiB)}</span>
      </div>
      <div class="mbar">
        {all.map(({ key, owner, name, id, mib }) => (
          <span key={key} class={owner} style={`flex:${mib} 0 0`} title={`${name}: ${mib} MiB`}>
            <u>
              {id && <b>{id}</b>}
              <em>{name}</em>
            </u>
            <small>{mib}</small>
          </span>
        ))}
      </div>
    </section>
  );
}

const KIB = 1024,
  MIB = 1024 ** 2;
const per = (unit: number, n: number | undefined): number | undefined => (n === undefined ? undefined : n / unit);

function History() {
  const table = useSignal(false),
    spanMs = useSignal<number>(words.spans[0][1]);
  const nowMs = readings.value.at(-1)?.atMs ?? 0,
    all = telling(readings.value).filter(({ atMs }) => atMs >= nowMs - spanMs.value),
    atMs = all.map(reading => reading.atMs);
  const nameOf = (id: number): string =>
    id === 0 ? strings.shell.domain : (domains.value.find(each => each.id === id)?.name ?? '');
  const ids = [0, ...domains.value.filter(ownsMemory).map(({ id }) => id)];
  const last = all.at(-1),
    machineMiB = info.value?.memoryMiB ?? 0;
  const line = (id: number, of: (reading: Reading) => number | undefined): Line => ({
    name: nameOf(id),
    token: ownerToken(id),
    fill: `${ownerToken(id)}-fill`,
    values: all.map(of),
  });
  const cpu = ids.map(id => line(id, ({ cpuPercent }) => cpuPercent[id]));
  const free = all.map(({ freeMiB }) => freeMiB),
    ownedMiB = all.map(({ memoryMiB }) => Object.values(memoryMiB).reduce((total, each) => total + each, 0));
  // What nobody of these has is Xen's own: the hypervisor's, and what it keeps about each domain.
  const memory: Line[] = [
    { name: words.free, token: '--text-3', fill: '--free', values: free },
    ...ids.map(id => line(id, ({ memoryMiB }) => memoryMiB[id])),
    {
      name: strings.owners.xen,
      token: '--hv',
      fill: '--hv-fill',
      values: free.map((each, i) => (each === undefined ? undefined : machineMiB - each - ownedMiB[i]!)),
    },
  ];
  const disks = (reading: Reading, of: 'read' | 'written'): number =>
    Object.values(reading.pvDisks).reduce((total, each) => total + each[of], 0);
  const disk: Line[] = [
    {
      name: words.written,
      token: '--d0',
      fill: '--d0-tint',
      values: all.map(reading => per(MIB, disks(reading, 'written'))),
    },
    { name: words.read, token: '--text', dash: true, values: all.map(reading => per(MIB, disks(reading, 'read'))) },
  ];
  const net: Line[] = [
    {
      name: words.sent,
      token: '--d0',
      fill: '--d0-tint',
      values: all.map(({ sentPerSecond }) => per(KIB, sentPerSecond)),
    },
    {
      name: words.got,
      token: '--hw',
      fill: '--hw-tint',
      values: all.map(({ gotPerSecond }) => per(KIB, gotPerSecond)),
    },
  ];
  const drawn = { atMs, spanMs: spanMs.value, height: HEIGHT };
  return (
    <section class="hs-h">
      <div class="ph">
        <h3>{words.history}</h3>
        <span class="grow" />
        <div class="seg sm" role="group" aria-label={words.span}>
          {words.spans.map(([name, ms]) => (
            <button
              key={ms}
              aria-pressed={spanMs.value === ms}
              onClick={() => {
                spanMs.value = ms;
              }}
            >
              {name}
            </button>
          ))}
        </div>
        <button
          class="btn sm"
          aria-pressed={table.value}
          onClick={() => {
            table.value = !table.value;
          }}
        >
          {words.asTable}
        </button>
      </div>
      {all.length < 2 ? (
        <p class="hint">{words.waiting}</p>
      ) : table.value ? (
        <HistoryTable
          all={all}
          columns={[
            ...cpu.map(({ name, values }) => ({ name: words.cpuColumn(name), values })),
            { name: words.freeColumn, values: all.map(({ freeMiB }) => freeMiB) },
            ...disk.map(({ name, values }) => ({ name: words.diskColumn(name), values })),
            ...net.map(({ name, values }) => ({ name: words.netColumn(name), values })),
          ]}
        />
      ) : (
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
            whole={words.used2(machineMiB - (last?.freeMiB ?? 0), machineMiB)}
          />
          <Chart title={words.disk} unit={words.diskUnit} {...drawn} lines={disk} least={1} digits={1} />
          <Chart title={words.net} unit={words.netUnit} {...drawn} lines={net} stacked least={1} digits={1} />
        </div>
      )}
    </section>
  );
}

const Go = ({ tab, children }: { tab: string; children: string }) => (
  <button class="link" onClick={() => go({ kind: 'home', tab })}>
    {children}
  </button>
);

/** Who had the processors at the last reading: what the rows above and the tree say, too. */
function Processors() {
  const pcpus = info.value?.pcpus ?? 1;
  if (hostPart.value === undefined) return null;
  const shares = [{ id: 0, name: strings.shell.domain }, ...domains.value.filter(ownsMemory)]
    .map(({ id, name }) => ({ id, name, percent: 100 * (partOf(id) ?? 0) }))
    .sort((a, b) => b.percent - a.percent);
  const used = 100 * hostPart.value;
  return (
    <section>
      <div class="ph">
        <h3>{words.processors}</h3>
        <span class="sec">{words.used(used, pcpus)}</span>
        <span class="grow" />
        <Go tab="inspect">{words.inspect}</Go>
      </div>
      <PcpuUse
        otherwise={
          <>
            <div
              class="bar tall"
              role="img"
              aria-label={shares.map(({ name, percent }) => `${name} ${percent.toFixed(0)} %`).join(', ')}
            >
              {shares.map(({ id, percent }) => (
                <i key={id} class={ownerClass(id)} style={`width:${percent / pcpus}%`} />
              ))}
            </div>
            <table>
              <tbody>
                {shares
                  .filter(({ percent }) => percent >= ASKED)
                  .slice(0, 4)
                  .map(({ id, name, percent }) => (
                    <tr key={id}>
                      <td class="nw">
                        <Chip id={id} /> {name}
                      </td>
                      <td class="wb-c">
                        <div class="bar">
                          <i class={ownerClass(id)} style={`width:${Math.min(100, percent)}%`} />
                        </div>
                      </td>
                      <td class="num m nw">{Math.round(percent)} %</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </>
        }
      />
      <Why used={used} pcpus={pcpus} shares={shares} />
    </section>
  );
}

/** What made the processors as busy as they were: who asked for one, how long those waited, and that a domain has one at most. */
function Why({
  used,
  pcpus,
  shares,
}: {
  used: number;
  pcpus: number;
  shares: readonly { id: number; name: string; percent: number }[];
}) {
  const asked = shares.filter(({ percent }) => percent >= ASKED);
  const waited = asked
    .map(({ id }) => sessions.value.get(id)?.rates.value?.runnable ?? 0)
    .reduce((sum, each) => sum + 100 * each, 0);
  return (
    <p class="why">
      <b>{words.whyUsed(used, pcpus)}</b>{' '}
      {words.whyUsedAnswer(
        asked.map(({ name }) => name),
        shares.length - asked.length,
        waited / Math.max(1, asked.length),
      )}
    </p>
  );
}

/** The disk's partitions and volumes, in the order of the rows below: to scale beside each other, and what is free of the volumes' group. */
function Storage() {
  const disk = inventory.value?.stored?.disk;
  if (!disk) return null;
  const ownerOf = (users: readonly string[]): string => {
    const guest = domains.value.find(({ name }) => users.includes(name));
    return guest ? ownerClass(guest.id) : users.includes(strings.shell.domain) ? 'c-d0' : 'c-hw';
  };
  const lvm = disk.partitions.find(({ bytes: all }) => all >= disk.groupBytes && disk.groupBytes > 0)?.name;
  const parts = [
    ...disk.volumes.map(({ path, ...rest }) => ({ ...rest, name: path, short: path.split('/').at(-1)! })),
    ...disk.partitions.filter(({ name }) => name !== lvm).map(each => ({ ...each, short: each.name })),
  ].map(each => ({ ...each, owner: ownerOf(each.users) }));
  const shown = parts.slice(0, ROWS);
  return (
    <section>
      <div class="ph">
        <h3>{words.storage}</h3>
        <span class="sec cut">{words.groupRest(gigabytes(disk.bytes), disk.group, size(disk.freeBytes))}</span>
        <span class="grow" />
        <Go tab="storage">{words.allVolumes}</Go>
      </div>
      <div class="mbar dmap" role="img" aria-label={shown.map(each => `${each.short} ${size(each.bytes)}`).join(', ')}>
        {shown.map(({ name, short, bytes: all, owner }) => (
          <span key={name} class={owner} style={`flex:${all} 0 0`} title={`${name}: ${size(all)}`}>
            <u>
              <em>{short}</em>
            </u>
          </span>
        ))}
        <span
          class="c-free"
          style={`flex:${disk.freeBytes} 0 0`}
          title={`${strings.owners.free}: ${size(disk.freeBytes)}`}
        >
          <u>
            <em>{strings.owners.free}</em>
          </u>
        </span>
      </div>
      <table>
        <thead>
          <tr>
            <th>{words.volume}</th>
            <th class="num">{words.size}</th>
            <th>{words.usedBy}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, bytes: all, users, owner }) => (
            <tr key={name}>
              <td class="m cut">
                <i class={`chip ${owner}`} /> {name}
              </td>
              <td class="num m nw">{size(all)}</td>
              <td class="sec cut">{users.length > 0 ? users.join(', ') : words.noOne}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Bridge() {
  const bridge = inventory.value?.bridge;
  if (!bridge) return null;
  const owner = (port: string): number => Number(/^vif(\d+)\./.exec(port)?.[1] ?? 0);
  return (
    <section>
      <div class="ph">
        <h3>{bridge.name}</h3>
        <span class="sec">{strings.tree.ports(bridge.ports.length)}</span>
        <span class="grow" />
        <Go tab="network">{words.network}</Go>
      </div>
      <table>
        <thead>
          <tr>
            <th>{words.port}</th>
            <th>{words.usedBy}</th>
            <th class="num">{words.received}</th>
            <th class="num">{words.transmitted}</th>
          </tr>
        </thead>
        <tbody>
          {bridge.ports.slice(0, ROWS).map(({ name, rxBytes, txBytes }) => (
            <tr key={name}>
              <td class="m nw">{name}</td>
              <td class="nw">
                <Chip id={owner(name)} />{' '}
                {owner(name) === 0
                  ? strings.shell.domain
                  : (domains.value.find(({ id }) => id === owner(name))?.name ?? owner(name))}
              </td>
              <td class="num m nw">{bytes(rxBytes)}</td>
              <td class="num m nw">{bytes(txBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="cap-t">{words.portsCaption}</p>
    </section>
  );
}

/** The source of the charts: a row a reading, newest first. */
function HistoryTable({
  all,
  columns,
}: {
  all: readonly Reading[];
  columns: { name: string; values: readonly (number | undefined)[] }[];
}) {
  const now = all.at(-1)!.atMs;
  return (
    <div class="scroll htab" tabIndex={0}>
      <table class="pad">
        <thead>
          <tr>
            <th class="num">{words.secondsAgo}</th>
            {columns.map(({ name }) => (
              <th key={name} class="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {all
            .map(({ atMs }, i) => (
              <tr key={atMs}>
                <td class="num m">{Math.round((now - atMs) / 1000)}</td>
                {columns.map(({ name, values }) => (
                  <td key={name} class="num m">
                    {values[i]?.toFixed(1) ?? strings.tree.noData}
                  </td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
