/** A domain: its windows, what one can do to it, and what it does to the hypervisor. */

import type { ComponentChildren } from 'preact';
import { exitSource, exitTitle, vectorOf } from '../../hypervisor/domain/exit-reasons.ts';
import { hypercallName } from '../../hypervisor/xen/abi.ts';
import type { Count } from '../counters.ts';
import { command, info } from '../host.ts';
import type { DomainSession } from '../sessions.ts';
import { windows, type WindowChoice } from '../settings.ts';
import { bootAgain, destroy, destroyNow, detailOpen, go, keepGuest, leaving, saveState } from '../state.ts';
import { strings } from '../strings.ts';
import { Icon, ModeBadge, Spark, StateMark } from './marks.tsx';
import { ScreenWindow } from './screen.tsx';
import { SerialWindow } from './serial.tsx';

const words = strings.guest;
/** Smaller pages show one window at a time unless asked. */
const roomForBoth = matchMedia('(min-width: 1280px) and (min-height: 800px)');

/** What stands on the workbench: the person's choice, else what the guest uses. */
function shownWindows(session: DomainSession): Exclude<WindowChoice, 'auto'> {
  if (windows.value !== 'auto') return windows.value;
  if (session.drew.value && session.spoke.value && roomForBoth.matches) return 'both';
  return session.drew.value && !session.spoke.value ? 'screen' : 'serial';
}

export function GuestPage({ session }: { session: DomainSession }) {
  const domain = session.info.value;
  const gone = session.gone.value;
  const over = session.over;
  const paused = domain.state === 'p';
  const view = shownWindows(session);
  // Of two windows Enter gives the keyboard to the one where the guest has spoken.
  const serialFirst = view === 'serial' || (view === 'both' && session.spoke.value);
  const going = leaving.value.get(session.id);
  return <>
    <div class="bh guest">
      <div class="row">
        <h2><StateMark state={gone ? 's' : session.state} />{domain.name}</h2><ModeBadge type={domain.type} />
        <span class="sec meta nw">{words.facts(domain.memoryMiB, domain.vcpus, domain.id)}</span><span class="grow" />
        <div class="seg" role="group" aria-label={words.view}>
          {(['serial', 'screen', 'both'] as const).map(choice => <button key={choice} aria-pressed={view === choice} onClick={() => { windows.value = choice; }}>{words[choice]}</button>)}
        </div>
        <button class="btn only-m" aria-expanded={detailOpen.value} onClick={() => { detailOpen.value = !detailOpen.value; }}>{words.detail}</button>
      </div>
      <div class="row wrap tools" role="toolbar" aria-label={domain.name}>
        {over ? <>
          <span class={domain.state === 'c' ? 'tag bad' : 'b'}>{words.ended(domain.name, domain.ended ?? (gone ? words.gone : ''))}</span><span class="grow" />
          {session.files && <button class="btn primary" onClick={() => void bootAgain(session)}>{words.again}</button>}
          {gone ? <button class="btn" onClick={() => go({ kind: 'home' })}>{words.close}</button> : <Tool onClick={() => destroy(session)}>{words.destroy}</Tool>}
        </> : going ? <>
          <span class="say" role="alert">{words.leaving(domain.name, domain.memoryMiB, domain.disks ?? 0, going.seconds)}</span><span class="grow" />
          <button class="btn primary" onClick={() => keepGuest(session)}>{words.keep}</button>
          <Tool onClick={() => destroyNow(session)}><Icon name="close" />{words.destroyNow}</Tool>
        </> : <>
          <Tool onClick={() => void command(paused ? 'unpause' : 'pause', domain)}><Icon name={paused ? 'run' : 'pause'} />{paused ? words.run : words.pause}</Tool>
          <Tool onClick={() => void command('reset', domain)}><Icon name="reset" />{words.reset}</Tool>
          <Tool onClick={() => void command('shutdown', domain)}><Icon name="power" />{words.power}</Tool>
          <Tool onClick={() => void saveState(domain)}>{words.save}</Tool>
          <Tool onClick={() => destroy(session)}><Icon name="close" />{words.destroy}</Tool>
        </>}
      </div>
    </div>
    {domain.restarts && !over && <div class="note" role="status"><span>{words.restarted(domain.restarts.count, domain.restarts.why)}</span></div>}
    <div class={`desk ${view}`}>
      {view !== 'serial' && <ScreenWindow key={`v${session.id}`} session={session} first={!serialFirst} />}
      {view !== 'screen' && <SerialWindow key={`s${session.id}`} session={session} first={serialFirst} />}
    </div>
  </>;
}

const Tool = ({ onClick, children }: { onClick(): void; children: ComponentChildren }) => <button class="btn" onClick={onClick}>{children}</button>;

/** 1234567 → "1.23 M", 16000 → "16.0 k": three figures; small counts as they are. */
export function figures(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toPrecision(3)} G`;
  if (n >= 999_500) return `${(n / 1e6).toPrecision(3)} M`;
  if (n >= 9_999.5) return `${(n / 1e3).toPrecision(3)} k`;
  return n >= 10 || n === 0 ? String(Math.round(n)) : n.toFixed(1);
}
const whole = (n: number): string => Math.round(n).toLocaleString('en').replace(/,/g, '\u202f');

/** Live counters of a domain, read from the block its worker writes. */
export function Activity({ session }: { session: DomainSession }) {
  const text = strings.activity;
  const domain = session.info.value;
  // What has stopped has counts and no rates.
  const last = session.rates.value, rates = session.over ? undefined : last, sample = session.sample.value;
  const history = session.history.value;
  const peak = Math.max(1, ...history.map(point => point.instructionsPerSecond));
  const reasons = last?.reasons ?? [], hypercalls = last?.hypercalls ?? [];
  const throughXen = reasons.some(({ reason }) => vectorOf(reason) >= 0);
  return <>
    <section class="rate">
      <h3>{text.rate}</h3>
      <div class="row"><span class="big m">{rates ? figures(rates.instructionsPerSecond) : strings.tree.noData}</span><span class="grow" />
        <Spark values={history.map(point => point.instructionsPerSecond / peak)} label={text.rate} width={132} height={34} /></div>
      <dl class="kv">
        <dt>{text.retired}</dt><dd>{sample ? whole(sample.retired) : strings.tree.noData}</dd>
        {domain.type === 'hvm' && <><dt>{text.model(domain.name, domain.modelInDomain0 === true)}</dt><dd>{rates ? figures(rates.ioreqsPerSecond) : strings.tree.noData} <span class="plain dim">{text.perSecond}</span></dd></>}
        {domain.restarts && <><dt>{text.restarts}</dt><dd>{domain.restarts.count}</dd></>}
        <Share name={text.running} part={rates?.running} /><Share name={text.runnable} part={rates?.runnable} /><Share name={text.stolen} part={rates?.stolen} />
      </dl>
      <p class="cap-t">{text.timeText(info.value?.pcpus ?? 1)}</p>
    </section>
    <section class="exits">
      <div class="row"><h3>{text.exits}</h3><span class="grow" /><span class="m">{rates ? figures(rates.exitsPerSecond) : strings.tree.noData}</span></div>
      {reasons.length === 0 ? <p class="hint">{text.none}</p> : <Counts head={text.reason} still={!rates} rows={reasons.map(({ reason, ...count }) =>
        ({ key: vectorOf(reason) >= 0 ? text.vector(vectorOf(reason)) : String(reason), name: exitTitle(reason), ...count }))} />}
    </section>
    <p class="why"><b>{text.why}</b> {throughXen ? text.whyTextPv : text.whyText}
      {reasons.length > 0 && <span class="src">{text.whySource([...new Set(reasons.map(({ reason }) => exitSource(reason)))])}</span>}</p>
    {hypercalls.length > 0 && <section class="exits">
      <div class="row"><h3>{text.hypercalls}</h3><span class="grow" /><span class="m">{rates ? figures(hypercalls.reduce((sum, { perSecond }) => sum + perSecond, 0)) : strings.tree.noData}</span></div>
      <Counts head={text.hypercall} still={!rates} rows={hypercalls.map(({ number, ...count }) => ({ key: String(number), name: hypercallName(number), ...count }))} />
      <p class="cap-t">{text.hypercallSource}</p>
    </section>}
  </>;
}

const Share = ({ name, part }: { name: string; part: number | undefined }) =>
  <><dt>{name}</dt><dd>{part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`} <span class="plain dim">{strings.activity.ofTime}</span></dd></>;

/** Counters with their rates: a bar a row, against the most frequent of them; `still`: they count no more. */
function Counts({ head, still, rows }: { head: string; still: boolean; rows: (Count & { key: string; name: string })[] }) {
  const text = strings.activity;
  const top = Math.max(1, ...rows.map(row => row.perSecond));
  return <table>
    <thead><tr><th>{head}</th><th class="num">{text.perSecond}</th><th class="num">{text.total}</th></tr></thead>
    <tbody>{rows.map(({ key, name, perSecond, total }) => <tr key={key}>
      <td><span class="m dim no">{key}</span> {name}<div class="bar c-hv"><i style={`width:${still ? 0 : (100 * perSecond / top).toFixed(1)}%`} /></div></td>
      <td class="num m">{still ? strings.tree.noData : figures(perSecond)}</td><td class="num m dim">{total < 10_000 ? total : figures(total)}</td>
    </tr>)}</tbody>
  </table>;
}
