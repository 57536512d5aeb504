/** The host at a glance: domains as xl lists them, machine memory by owner, and the last minute. */

import { useSignal } from '@preact/signals';
import type { DomainInfo } from '../../dom0/index.ts';
import { definedActions, guestActions, hostActions } from '../actions.ts';
import { command, domains, info } from '../host.ts';
import { domain0History, domain0Part, inventory, readings } from '../inventory.ts';
import { ownsMemory, type Reading } from '../readings.ts';
import { sessions } from '../sessions.ts';
import { go, keepGuest, leaving } from '../state.ts';
import { strings } from '../strings.ts';
import { bytes } from '../terminal.ts';
import { gigabytes, size } from '../units.ts';
import { Chart, type Line } from './chart.tsx';
import { Chip, ModeBadge, ownerClass, ownerToken, Spark, StateMark } from './marks.tsx';
import { openMenu } from './menu.tsx';
import { memoryOwners } from './tree.tsx';

const words = strings.hostPage;
/** Of a chart, pixels; of what "now" is taken over; rows of a short table. */
const HEIGHT = 120,
  RECENT_MS = 10_000,
  ROWS = 5;
/** Who took less of the processors, in percent, did not ask for them. */
const ASKED = 5;
/** As xl list prints them (lists.ts of the commands). */
const letters = (state: string): string => ['r', 'b', 'p', 's', 'c', 'd'].map(each => (each === state ? each : '-')).join('');

export function HostPage() {
  return <div class="body hst">
    <Domains />
    <Memory />
    <History />
    <div class="hs-c"><Processors /><Storage /><Bridge /></div>
  </div>;
}

function Domains() {
  const seen = inventory.value;
  const c = words.columns;
  // One scale for all rows, so that they compare; no finer than a quarter of a processor.
  const histories = [domain0History.value, ...domains.value.map(({ id }) => sessions.value.get(id)?.history.value.map(point => point.running) ?? [])];
  const top = [0.25, 0.5, 1].find(each => histories.flat().every(value => (value ?? 0) <= each)) ?? 1;
  const seconds = (ns: number | undefined): string => (ns === undefined ? strings.tree.noData : (ns / 1e9).toFixed(1));
  return <table class="hdom pad">
    <thead><tr><th>{c.name}</th><th class="num">{c.id}</th><th class="num">{c.memory}</th><th class="num">{c.vcpus}</th><th>{c.state}</th><th class="num">{c.time}</th><th>{c.mode}</th><th>{c.cpu(100 * top)}</th><th class="num">{c.disk}</th><th class="num">{c.net}</th><th /></tr></thead>
    <tbody>
      <tr><td class="n b"><Chip id={0} /> {strings.shell.domain}</td><td class="num m i">0</td><td class="num m">{seen?.domain0.memoryMiB ?? strings.tree.noData}</td><td class="num m">{seen?.domain0.vcpus ?? strings.tree.noData}</td>
        <td class="m s"><StateMark state="r" /> <span class="hide-s">{letters('r')}</span></td><td class="num m t">{seconds(seen?.domain0.runNs)}</td><td><ModeBadge type="d0" /></td>
        <td class="c"><Use values={domain0History.value} part={domain0Part.value} top={top} /></td><Rates id={0} /><td class="num a"><Act name={strings.shell.domain} onClick={() => go({ kind: 'shell' })}>{words.console}</Act><More name={strings.shell.domain} actions={() => hostActions().slice(1, 2)} /></td></tr>
      {domains.value.map(domain => <DomainLine key={domain.id} domain={domain} top={top} time={seconds(seen?.runNs[domain.id])} />)}
      {seen?.stored?.defined.map(each => <tr key={each.name} class="out"><td class="n"><Chip /> {each.name}</td><td class="num m i">{strings.tree.noData}</td><td class="num m">{each.memoryMiB}</td><td class="num m">{each.vcpus}</td>
        <td class="s"><StateMark state="-" /> <span class="hide-s">{strings.tree.defined}</span></td><td class="num m t">{strings.tree.noData}</td><td><ModeBadge type={each.type} /></td><td class="c sec">{each.errors.length > 0 && strings.tree.hasErrors}</td><Rates />
        <td class="num a"><Act name={each.name} onClick={() => go({ kind: 'defined', name: each.name })}>{words.definition}</Act><More name={each.name} actions={() => definedActions(each)} /></td></tr>)}
    </tbody>
  </table>;
}

function DomainLine({ domain, time, top }: { domain: DomainInfo; time: string; top: number }) {
  const session = sessions.value.get(domain.id);
  const over = session?.over ?? false;
  const state = session && !over ? session.state : domain.state;
  return <tr><td class="n b"><Chip id={domain.id} /> {domain.name}</td><td class="num m i">{domain.id}</td><td class="num m">{domain.memoryMiB}</td><td class="num m">{domain.vcpus}</td>
    <td class="m s"><StateMark state={state} /> <span class="hide-s">{letters(state)}</span></td><td class="num m t">{time}</td><td><ModeBadge type={domain.type} /></td>
    <td class="c">{session && <Use values={session.history.value.map(point => point.running)} part={over ? undefined : session.rates.value?.running} top={top} />}</td><Rates id={domain.id} />
    <td class="num a"><Act name={domain.name} onClick={() => go({ kind: 'domain', id: domain.id })}>{words.console}</Act>
      {!over && session && leaving.value.has(domain.id) ? <Act quiet name={domain.name} onClick={() => keepGuest(session)}>{words.keep}</Act> : !over && <Act quiet name={domain.name} onClick={() => void command(domain.state === 'p' ? 'unpause' : 'pause', domain)}>{domain.state === 'p' ? strings.guest.run : strings.guest.pause}</Act>}
      {session && <More name={domain.name} actions={() => guestActions(session)} />}</td></tr>;
}

/** What it read and wrote on PV disks, and sent and got, a second at the last look. */
function Rates({ id }: { id?: number }) {
  const last = id === undefined ? undefined : readings.value.at(-1);
  const disk = last?.pvDisks[id!], net = last?.network[id!];
  const rate = (perSecond: number | undefined): string => perSecond?.toFixed(1) ?? strings.tree.noData;
  return <><td class="num m">{rate(per(MIB, disk && disk.read + disk.written))}</td><td class="num m">{rate(per(KIB, net && net.sent + net.got))}</td></>;
}

const Use = ({ values, part, top }: { values: readonly (number | undefined)[]; part: number | undefined; top: number }) =>
  <span class="use"><Spark values={values} label={strings.tree.cpu} width={120} height={20} top={top} /><span class="m">{part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`}</span></span>;

/** A row's button: whoever does not see the row hears whose it is. */
const Act = ({ name, quiet, onClick, children }: { name: string; quiet?: boolean; onClick(): void; children: string }) =>
  <button class={`btn sm${quiet ? ' quiet' : ''}`} aria-label={`${children} ${name}`} onClick={onClick}>{children}</button>;

const More = ({ name, actions }: { name: string; actions: () => Parameters<typeof openMenu>[2] }) =>
  <button class="btn quiet icon sm" aria-haspopup="menu" aria-label={words.more(name)} onClick={event => openMenu(event, name, actions())}>•••</button>;

function Memory() {
  const machine = info.value;
  if (!machine) return null;
  const owners = memoryOwners(domains.value.filter(ownsMemory), machine.memoryMiB, machine.freeMiB);
  const all = [...owners, { key: 'free', owner: 'c-free', name: strings.owners.free, id: '', mib: machine.freeMiB }].filter(({ mib }) => mib > 0);
  return <section class="hs-m"><div class="ph"><h3>{words.memory}</h3><span class="sec">{words.memoryCaption(machine.memoryMiB)}</span></div>
    <div class="mbar">{all.map(({ key, owner, name, id, mib }) => <span key={key} class={owner} style={`flex:${mib} 0 0`} title={`${name}: ${mib} MiB`}>
      <u>{id && <b>{id}</b>}<em>{name}</em></u><small>{mib}</small></span>)}</div>
  </section>;
}

const KIB = 1024, MIB = 1024 ** 2;
const per = (unit: number, n: number | undefined): number | undefined => (n === undefined ? undefined : n / unit);

function History() {
  const table = useSignal(false);
  const all = readings.value, atMs = all.map(reading => reading.atMs);
  const nameOf = (id: number): string => (id === 0 ? strings.shell.domain : (domains.value.find(each => each.id === id)?.name ?? ''));
  const ids = [0, ...domains.value.filter(ownsMemory).map(({ id }) => id)];
  // The four that took most of a processor, as more lines cannot be told apart.
  const busiest = [...ids].sort((a, b) => sum(all, b) - sum(all, a)).slice(0, 4).sort((a, b) => a - b);
  const memoryOf = all.at(-1)?.memoryMiB ?? {};
  const largest = [...ids].sort((a, b) => (memoryOf[b] ?? 0) - (memoryOf[a] ?? 0)).slice(0, 3).sort((a, b) => a - b);
  const line = (id: number, of: (reading: Reading) => number | undefined): Line => ({ name: nameOf(id), token: ownerToken(id), values: all.map(of) });
  const cpu = busiest.map(id => line(id, ({ cpuPercent }) => cpuPercent[id]));
  const memory: Line[] = [...largest.map(id => line(id, ({ memoryMiB }) => memoryMiB[id])), { name: words.free, token: '--text-2', dash: true, values: all.map(({ freeMiB }) => freeMiB) }];
  const disks = (reading: Reading, of: 'read' | 'written'): number => Object.values(reading.pvDisks).reduce((total, each) => total + each[of], 0);
  const disk: Line[] = [{ name: words.written, token: '--text', values: all.map(reading => per(MIB, disks(reading, 'written'))) }, { name: words.read, token: '--text', dash: true, values: all.map(reading => per(MIB, disks(reading, 'read'))) }];
  const net: Line[] = [{ name: words.sent, token: '--text', values: all.map(({ sentPerSecond }) => per(KIB, sentPerSecond)) }, { name: words.got, token: '--text', dash: true, values: all.map(({ gotPerSecond }) => per(KIB, gotPerSecond)) }];
  return <section class="hs-h"><div class="ph"><h3>{words.history}</h3><span class="grow" /><button class="btn sm" aria-pressed={table.value} onClick={() => { table.value = !table.value; }}>{words.asTable}</button></div>
    {all.length < 2 ? <p class="hint">{words.waiting}</p> : table.value ? <HistoryTable all={all} columns={[...cpu.map(({ name, values }) => ({ name: words.cpuColumn(name), values })), { name: words.freeColumn, values: all.map(({ freeMiB }) => freeMiB) }, ...disk.map(({ name, values }) => ({ name: words.diskColumn(name), values })), ...net.map(({ name, values }) => ({ name: words.netColumn(name), values }))]} />
      : <div class="hgrid hist four">
        <Chart title={words.cpu} unit={words.cpuUnit} atMs={atMs} lines={cpu} least={20} digits={0} height={HEIGHT} />
        <Chart title={words.memory} unit={words.memoryUnit} atMs={atMs} lines={memory} {...(info.value ? { top: info.value.memoryMiB } : {})} least={16} digits={0} height={HEIGHT} />
        <Chart title={words.disk} unit={words.diskUnit} atMs={atMs} lines={disk} least={1} digits={1} height={HEIGHT} />
        <Chart title={words.net} unit={words.netUnit} atMs={atMs} lines={net} least={1} digits={1} height={HEIGHT} />
      </div>}
  </section>;
}

const sum = (all: readonly Reading[], id: number): number => all.reduce((total, { cpuPercent }) => total + (cpuPercent[id] ?? 0), 0);

const Go = ({ tab, children }: { tab: string; children: string }) => <button class="link" onClick={() => go({ kind: 'home', tab })}>{children}</button>;

/** Who had the processors in the readings of the last ten seconds. */
function Processors() {
  const all = readings.value, last = all.at(-1), pcpus = info.value?.pcpus ?? 1;
  const recent = all.filter(({ atMs }) => last && atMs > last.atMs - RECENT_MS);
  if (recent.length === 0) return null;
  const shares = [{ id: 0, name: strings.shell.domain }, ...domains.value.filter(ownsMemory)]
    .map(({ id, name }) => ({ id, name, percent: sum(recent, id) / recent.length })).sort((a, b) => b.percent - a.percent);
  const used = shares.reduce((total, { percent }) => total + percent, 0);
  return <section><div class="ph"><h3>{words.processors}</h3><span class="sec">{words.used(used, pcpus)}</span><span class="grow" /><Go tab="inspect">{words.inspect}</Go></div>
    <div class="bar tall" role="img" aria-label={shares.map(({ name, percent }) => `${name} ${percent.toFixed(0)} %`).join(', ')}>{shares.map(({ id, percent }) => <i key={id} class={ownerClass(id)} style={`width:${percent / pcpus}%`} />)}</div>
    <table><tbody>{shares.filter(({ percent }) => percent >= 2).slice(0, 4).map(({ id, name, percent }) => <tr key={id}><td class="nw"><Chip id={id} /> {name}</td><td class="wb-c"><div class="bar"><i class={ownerClass(id)} style={`width:${Math.min(100, percent)}%`} /></div></td><td class="num m nw">{percent.toFixed(percent < 10 ? 1 : 0)} %</td></tr>)}</tbody></table>
    <Why used={used} pcpus={pcpus} shares={shares} /></section>;
}

/** What made the processors as busy as they were: who asked for one, how long those waited, and that a domain has one at most. */
function Why({ used, pcpus, shares }: { used: number; pcpus: number; shares: readonly { id: number; name: string; percent: number }[] }) {
  const asked = shares.filter(({ percent }) => percent >= ASKED);
  const waited = asked.map(({ id }) => sessions.value.get(id)?.rates.value?.runnable ?? 0).reduce((sum, each) => sum + 100 * each, 0);
  return <p class="why"><b>{words.whyUsed(used, pcpus)}</b> {words.whyUsedAnswer(asked.map(({ name, percent }) => `${name} ${percent.toFixed(0)} %`), shares.length - asked.length, waited, pcpus)}</p>;
}

function Storage() {
  const disk = inventory.value?.stored?.disk;
  if (!disk) return null;
  return <section><div class="ph"><h3>{words.storage}</h3><span class="sec cut">{words.kept(gigabytes(disk.bytes), bytes(disk.storedBytes))}</span><span class="grow" /><Go tab="storage">{words.allVolumes}</Go></div>
    <div class="bar tall parts" role="img" aria-label={disk.partitions.map(each => `${each.name} ${size(each.bytes)}`).join(', ')}>{disk.partitions.map(each => <i key={each.name} class={each.users.length > 0 ? 'c-d0' : 'c-hw'} style={`width:${(100 * each.bytes) / disk.bytes}%`} />)}</div>
    <table><thead><tr><th>{words.volume}</th><th class="num">{words.size}</th><th>{words.usedBy}</th></tr></thead><tbody>
      {[...disk.volumes.map(({ path, bytes: all, users }) => ({ name: path, all, users })), ...disk.partitions.map(({ name, bytes: all, users }) => ({ name, all, users }))].slice(0, ROWS).map(({ name, all, users }) =>
        <tr key={name}><td class="m cut">{name}</td><td class="num m nw">{size(all)}</td><td class="sec cut">{users.length > 0 ? users.join(', ') : words.noOne}</td></tr>)}</tbody></table></section>;
}

function Bridge() {
  const bridge = inventory.value?.bridge;
  if (!bridge) return null;
  const owner = (port: string): number => Number(/^vif(\d+)\./.exec(port)?.[1] ?? 0);
  return <section><div class="ph"><h3>{bridge.name}</h3><span class="sec">{strings.tree.ports(bridge.ports.length)}</span><span class="grow" /><Go tab="network">{words.network}</Go></div>
    <table><thead><tr><th>{words.port}</th><th>{words.usedBy}</th><th class="num">{words.received}</th><th class="num">{words.transmitted}</th></tr></thead><tbody>
      {bridge.ports.slice(0, ROWS).map(({ name, rxBytes, txBytes }) => <tr key={name}><td class="m nw">{name}</td><td class="nw"><Chip id={owner(name)} /> {owner(name) === 0 ? strings.shell.domain : (domains.value.find(({ id }) => id === owner(name))?.name ?? owner(name))}</td><td class="num m nw">{bytes(rxBytes)}</td><td class="num m nw">{bytes(txBytes)}</td></tr>)}</tbody></table>
    <p class="cap-t">{words.portsCaption}</p></section>;
}

/** The source of the charts: a row a reading, newest first. */
function HistoryTable({ all, columns }: { all: readonly Reading[]; columns: { name: string; values: readonly (number | undefined)[] }[] }) {
  const now = all.at(-1)!.atMs;
  return <div class="scroll htab" tabIndex={0}><table class="pad"><thead><tr><th class="num">{words.secondsAgo}</th>{columns.map(({ name }) => <th key={name} class="num">{name}</th>)}</tr></thead>
    <tbody>{all.map(({ atMs }, i) => <tr key={atMs}><td class="num m">{Math.round((now - atMs) / 1000)}</td>{columns.map(({ name, values }) => <td key={name} class="num m">{values[i]?.toFixed(1) ?? strings.tree.noData}</td>)}</tr>).reverse()}</tbody></table></div>;
}
