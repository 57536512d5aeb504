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
import { Chart, type Line } from './chart.tsx';
import { Chip, ModeBadge, ownerToken, Spark, StateMark } from './marks.tsx';
import { openMenu } from './menu.tsx';
import { memoryOwners } from './tree.tsx';

const words = strings.hostPage;
/** As xl list prints them (lists.ts of the commands). */
const letters = (state: string): string => ['r', 'b', 'p', 's', 'c', 'd'].map(each => (each === state ? each : '-')).join('');

export function HostPage() {
  return <div class="body hst">
    <Domains />
    <Memory />
    <History />
  </div>;
}

function Domains() {
  const seen = inventory.value;
  const c = words.columns;
  const seconds = (ns: number | undefined): string => (ns === undefined ? strings.tree.noData : (ns / 1e9).toFixed(1));
  return <table class="hdom pad">
    <thead><tr><th>{c.name}</th><th class="num">{c.id}</th><th class="num">{c.memory}</th><th class="num">{c.vcpus}</th><th>{c.state}</th><th class="num">{c.time}</th><th>{c.mode}</th><th>{c.cpu}</th><th /></tr></thead>
    <tbody>
      <tr><td class="n b"><Chip id={0} /> {strings.shell.domain}</td><td class="num m i">0</td><td class="num m">{seen?.domain0.memoryMiB ?? strings.tree.noData}</td><td class="num m">{seen?.domain0.vcpus ?? strings.tree.noData}</td>
        <td class="m s"><StateMark state="r" /> {letters('r')}</td><td class="num m t">{seconds(seen?.domain0.runNs)}</td><td><ModeBadge type="d0" /></td>
        <td class="c"><Use values={domain0History.value} part={domain0Part.value} /></td><td class="num a"><Act name={strings.shell.domain} onClick={() => go({ kind: 'shell' })}>{words.console}</Act><More name={strings.shell.domain} actions={() => hostActions().slice(1, 2)} /></td></tr>
      {domains.value.map(domain => <DomainLine key={domain.id} domain={domain} time={seconds(seen?.runNs[domain.id])} />)}
      {seen?.stored?.defined.map(each => <tr key={each.name} class="out"><td class="n"><Chip /> {each.name}</td><td class="num m i">{strings.tree.noData}</td><td class="num m">{each.memoryMiB}</td><td class="num m">{each.vcpus}</td>
        <td class="s"><StateMark state="-" /> {strings.tree.defined}</td><td class="num m t">{strings.tree.noData}</td><td><ModeBadge type={each.type} /></td><td class="c sec">{each.errors.length > 0 && strings.tree.hasErrors}</td>
        <td class="num a"><Act name={each.name} onClick={() => go({ kind: 'defined', name: each.name })}>{words.definition}</Act><More name={each.name} actions={() => definedActions(each)} /></td></tr>)}
    </tbody>
  </table>;
}

function DomainLine({ domain, time }: { domain: DomainInfo; time: string }) {
  const session = sessions.value.get(domain.id);
  const over = session?.over ?? false;
  const state = session && !over ? session.state : domain.state;
  return <tr><td class="n b"><Chip id={domain.id} /> {domain.name}</td><td class="num m i">{domain.id}</td><td class="num m">{domain.memoryMiB}</td><td class="num m">{domain.vcpus}</td>
    <td class="m s"><StateMark state={state} /> {letters(state)}</td><td class="num m t">{time}</td><td><ModeBadge type={domain.type} /></td>
    <td class="c">{session && <Use values={session.history.value.map(point => point.running)} part={over ? undefined : session.rates.value?.running} />}</td>
    <td class="num a"><Act name={domain.name} onClick={() => go({ kind: 'domain', id: domain.id })}>{words.console}</Act>
      {!over && session && leaving.value.has(domain.id) ? <Act quiet name={domain.name} onClick={() => keepGuest(session)}>{words.keep}</Act> : !over && <Act quiet name={domain.name} onClick={() => void command(domain.state === 'p' ? 'unpause' : 'pause', domain)}>{domain.state === 'p' ? strings.guest.run : strings.guest.pause}</Act>}
      {session && <More name={domain.name} actions={() => guestActions(session)} />}</td></tr>;
}

const Use = ({ values, part }: { values: readonly (number | undefined)[]; part: number | undefined }) =>
  <span class="use"><Spark values={values} label={strings.tree.cpu} width={72} /><span class="m">{part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`}</span></span>;

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

const kib = (n: number | undefined): number | undefined => (n === undefined ? undefined : n / 1024);

function History() {
  const table = useSignal(false);
  const all = readings.value, atMs = all.map(reading => reading.atMs);
  const nameOf = (id: number): string => (id === 0 ? strings.shell.domain : (domains.value.find(each => each.id === id)?.name ?? ''));
  const ids = [0, ...domains.value.filter(ownsMemory).map(({ id }) => id)];
  // The four that took most of a processor, as more lines cannot be told apart.
  const busiest = [...ids].sort((a, b) => sum(all, b) - sum(all, a)).slice(0, 4).sort((a, b) => a - b);
  const line = (id: number, of: (reading: Reading) => number | undefined): Line => ({ name: nameOf(id), token: ownerToken(id), values: all.map(of) });
  const cpu = busiest.map(id => line(id, ({ cpuPercent }) => cpuPercent[id]));
  const memory: Line[] = [...ids.slice(0, 3).map(id => line(id, ({ memoryMiB }) => memoryMiB[id])), { name: words.free, token: '--text-2', dash: true, values: all.map(({ freeMiB }) => freeMiB) }];
  const net: Line[] = [{ name: words.sent, token: '--text', values: all.map(({ sentPerSecond }) => kib(sentPerSecond)) }, { name: words.got, token: '--text', dash: true, values: all.map(({ gotPerSecond }) => kib(gotPerSecond)) }];
  return <section class="hs-h"><div class="ph"><h3>{words.history}</h3><span class="grow" /><button class="btn sm" aria-pressed={table.value} onClick={() => { table.value = !table.value; }}>{words.asTable}</button></div>
    {all.length < 2 ? <p class="hint">{words.waiting}</p> : table.value ? <HistoryTable all={all} columns={[...cpu.map(({ name, values }) => ({ name: words.cpuColumn(name), values })), { name: words.freeColumn, values: all.map(({ freeMiB }) => freeMiB) }, ...net.map(({ name, values }) => ({ name: words.netColumn(name), values }))]} />
      : <div class="hgrid hist">
        <Chart title={words.cpu} unit={words.cpuUnit} atMs={atMs} lines={cpu} least={100} digits={0} />
        <Chart title={words.memory} unit={words.memoryUnit} atMs={atMs} lines={memory} {...(info.value ? { top: info.value.memoryMiB } : {})} least={16} digits={0} />
        <Chart title={words.net} unit={words.netUnit} atMs={atMs} lines={net} least={1} digits={1} />
      </div>}
  </section>;
}

const sum = (all: readonly Reading[], id: number): number => all.reduce((total, { cpuPercent }) => total + (cpuPercent[id] ?? 0), 0);

/** The source of the charts: a row a reading, newest first. */
function HistoryTable({ all, columns }: { all: readonly Reading[]; columns: { name: string; values: readonly (number | undefined)[] }[] }) {
  const now = all.at(-1)!.atMs;
  return <div class="scroll htab" tabIndex={0}><table class="pad"><thead><tr><th class="num">{words.secondsAgo}</th>{columns.map(({ name }) => <th key={name} class="num">{name}</th>)}</tr></thead>
    <tbody>{all.map(({ atMs }, i) => <tr key={atMs}><td class="num m">{Math.round((now - atMs) / 1000)}</td>{columns.map(({ name, values }) => <td key={name} class="num m">{values[i]?.toFixed(1) ?? strings.tree.noData}</td>)}</tr>).reverse()}</tbody></table></div>;
}
