/** The regions that never change: header, tree, task strip. */

import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { DomainInfo, Task } from '../../dom0/index.ts';
import { dismiss, domains, hostNotice, hostProblem, info, tasks } from '../host.ts';
import { hostLoad } from '../counters.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { stripOpen, theme, type ThemeChoice } from '../settings.ts';
import { draft, go, place, treeOpen } from '../state.ts';
import { strings } from '../strings.ts';
import { paletteOpen } from './palette.tsx';
import { Brand, Chip, Icon, ModeBadge, Spark, StateMark, Tag, ownerClass } from './marks.tsx';

/** hh:mm:ss.mmm of a domain's clock. */
export function clock(ns: number): string {
  const ms = Math.floor(ns / 1e6);
  const pad = (n: number, width = 2) => String(n).padStart(width, '0');
  return `${pad(Math.floor(ms / 3_600_000))}:${pad(Math.floor(ms / 60_000) % 60)}:${pad(Math.floor(ms / 1000) % 60)}.${pad(ms % 1000, 3)}`;
}

const shownSession = (): DomainSession | undefined => {
  const here = place.value;
  return here.id !== undefined ? sessions.value.get(here.id) : [...sessions.value.values()].findLast(session => !session.gone.value);
};

export function Header() {
  const keysOpen = useSignal(false);
  const mode = info.value?.mode;
  const keysMenu = useRef<HTMLDivElement>(null);
  // Wherever the focus is; a click elsewhere closes it, too.
  useLayoutEffect(() => {
    if (!keysOpen.value) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      keysOpen.value = false;
      keysMenu.current?.querySelector('button')?.focus();
    };
    const onDown = (event: PointerEvent) => { if (!keysMenu.current?.contains(event.target as Node)) keysOpen.value = false; };
    window.addEventListener('keydown', onKey);
    window.addEventListener('pointerdown', onDown);
    return () => { window.removeEventListener('keydown', onKey); window.removeEventListener('pointerdown', onDown); };
  }, [keysOpen.value]);
  return <header class="top">
    <button class="btn quiet icon only-s" aria-label={treeOpen.value ? strings.closeTree : strings.openTree} aria-expanded={treeOpen.value} onClick={() => { treeOpen.value = !treeOpen.value; }}>
      <Icon name={treeOpen.value ? 'close' : 'menu'} size={14} /></button>
    <a class="brand-link" href="#bench" onClick={event => { event.preventDefault(); go({ kind: 'home' }); }}><Brand /></a>
    <span class="vr" />
    <VirtualTime />
    <div class="clock hide-s"><small>{strings.modeLabel}</small><span class="plain">{mode ? strings.mode[mode] : hostProblem.value ? strings.tree.noData : strings.starting}</span></div>
    <span class="grow" />
    <button class="btn quiet hide-s" aria-haspopup="dialog" onClick={() => { paletteOpen.value = true; }}>{strings.palette.open} <kbd>Ctrl K</kbd></button>
    <div class="pick" title={strings.theme.label}>
      <Icon name="theme" size={14} />
      <select class="btn quiet" aria-label={strings.theme.label} value={theme.value} onChange={event => { theme.value = event.currentTarget.value as ThemeChoice; }}>
        {(['system', 'light', 'dark', 'contrast'] as const).map(choice => <option key={choice} value={choice}>{strings.theme[choice]}</option>)}
      </select>
    </div>
    <div class="keys-menu hide-s" ref={keysMenu}>
      <button class="btn quiet" aria-expanded={keysOpen.value} onClick={() => { keysOpen.value = !keysOpen.value; }}>{strings.help}</button>
      {keysOpen.value && <div class="pop" role="dialog" aria-label={strings.keys.title}>
        <h3>{strings.keys.title}</h3>
        <dl class="kv">{strings.keys.rows.map(([keys, does]) => <><dt><kbd>{keys}</kbd></dt><dd>{does}</dd></>)}</dl>
        <button class="btn sm" onClick={() => { keysOpen.value = false; }}>{strings.keys.close}</button>
      </div>}
    </div>
  </header>;
}

function VirtualTime() {
  const session = shownSession();
  const ns = session?.sample.value?.nowNs;
  return <div class="clock" title={session && strings.virtualTimeOf(session.info.value.name)}>
    <small>{strings.virtualTime}</small>{ns === undefined ? strings.tree.noData : clock(ns)}
  </div>;
}

export function Tree() {
  const filter = useSignal('');
  const shown = useComputed(() => {
    const text = filter.value.trim().toLowerCase();
    return domains.value.filter(domain => !text || `${domain.name} ${strings.states[domain.state]} ${domain.type}`.toLowerCase().includes(text));
  });
  const here = place.value;
  const all = domains.value;
  const machine = info.value;
  const onKeyDown = (event: KeyboardEvent) => {
    const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=treeitem]')];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); rows[Math.min(rows.length - 1, Math.max(0, to))]?.focus(); return; }
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); (document.activeElement as HTMLElement).click(); return; }
    if (/^\S$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey)
      rows.find(row => row.dataset.name?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
  };
  return <nav class={`tree${treeOpen.value ? ' open' : ''}`} id="tree" aria-label={strings.tree.label} tabIndex={-1}>
    <input class="filter" type="search" placeholder={strings.tree.filter} aria-label={strings.tree.filter} value={filter.value} onInput={event => { filter.value = event.currentTarget.value; }} />
    <ul role="tree" aria-label={strings.tree.label} onKeyDown={onKeyDown}>
      <li class={`tr${here.kind === 'home' ? ' sel' : ''}`} role="treeitem" tabIndex={here.kind === 'home' ? 0 : -1} aria-selected={here.kind === 'home'} data-name={strings.hostName} onClick={() => go({ kind: 'home' })}>
        <span class="dim"><Icon name="host" /></span><span class="nm b">{strings.hostName}</span><span class="v"><HostLoad /></span>
      </li>
      <li class={`tr l1${here.kind === 'shell' ? ' sel' : ''}`} role="treeitem" tabIndex={here.kind === 'shell' ? 0 : -1} aria-selected={here.kind === 'shell'} data-name={strings.shell.domain} onClick={() => go({ kind: 'shell' })}>
        <Chip id={0} /><StateMark state="r" /><span class="nm">{strings.shell.domain}</span><ModeBadge type="d0" /><span class="v">{strings.shell.title}</span>
      </li>
      <li class="grp" role="presentation">{strings.tree.guests}<span>{all.length}</span></li>
      {shown.value.map(domain => <DomainRow key={domain.id} domain={domain} selected={here.id === domain.id} />)}
      {[...sessions.value.values()].filter(session => session.gone.value).map(session =>
        <DomainRow key={`gone-${session.id}`} domain={{ ...session.info.value, state: 's' }} selected={here.id === session.id} />)}
      {draft.value && <>
        <li class="grp" role="presentation">{strings.tree.draft}</li>
        <li class={`tr l1${here.kind === 'draft' ? ' sel' : ''}`} role="treeitem" tabIndex={here.kind === 'draft' ? 0 : -1} aria-selected={here.kind === 'draft'} data-name={draftName()} onClick={() => go({ kind: 'draft' })}>
          <Chip /><StateMark state="-" /><span class="nm dim">{draftName()}</span>{draft.value.plan && <ModeBadge type={draft.value.plan.summary.type} />}<span class="v">{strings.tree.defined}</span>
        </li></>}
    </ul>
    {shown.value.length === 0 && (all.length > 0 && filter.value
      ? <p class="hint">{strings.tree.noMatch(filter.value, all.length)}</p> : !draft.value && sessions.value.size === 0 && <p class="hint">{strings.tree.none}</p>)}
    {/* Domains that stopped hold no memory. */}
    {machine && <div class="foot">
      <div class="row"><span class="sec">{strings.tree.memory}</span><span class="grow num">{strings.tree.memoryOf(machine.freeMiB, machine.memoryMiB)}</span></div>
      <div class="bar">{[...all].map(domain => !'-sc'.includes(domain.state) && <i key={domain.id} class={ownerClass(domain.id)} style={`width:${100 * domain.memoryMiB / machine.memoryMiB}%`} />)}</div>
    </div>}
  </nav>;
}

const draftName = () => draft.value?.plan?.name || draft.value?.files[0]?.name || '';

function HostLoad() {
  // Each reading is a new sample.
  const spans = [...sessions.value.values()].filter(session => session.sample.value).map(session => session.span).filter(span => span !== undefined);
  return spans.length === 0 ? null : <span title={strings.tree.hostCpu(info.value?.pcpus ?? 1)}>{Math.round(100 * hostLoad(spans))} %</span>;
}

function DomainRow({ domain, selected }: { domain: DomainInfo; selected: boolean }) {
  const session = sessions.value.get(domain.id);
  const running = session?.rates.value?.running;
  const over = domain.state === 's' || domain.state === 'c' || domain.state === '-';
  return <li class={`tr l1${selected ? ' sel' : ''}`} role="treeitem" tabIndex={selected ? 0 : -1} aria-selected={selected} data-name={domain.name} onClick={() => session && go({ kind: 'domain', id: domain.id })}>
    <Chip id={domain.id} /><StateMark state={session && !over ? session.state : domain.state} /><span class={`nm${over ? ' dim' : ''}`}>{domain.name}</span>
    <ModeBadge type={domain.id === 0 ? 'd0' : domain.type} />
    {session && <Spark values={session.history.value.map(point => point.running)} label={strings.tree.cpu} />}
    <span class="v">{running === undefined || over ? strings.tree.noData : `${Math.round(100 * running)} %`}</span>
  </li>;
}

/** Start of a task: time of day. */
const startedAt = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);
const took = (task: Task): string => (task.durationMs === undefined ? '' : task.durationMs < 9995 ? `${(task.durationMs / 1000).toFixed(3)} s` : `${(task.durationMs / 1000).toFixed(1)} s`);

/** A sentence; a report of several lines opens under its first. */
function Message({ text }: { text: string | undefined }) {
  const at = text?.indexOf('\n') ?? -1;
  if (!text || at < 0) return <>{text}</>;
  return <details><summary>{text.slice(0, at)}</summary><pre class="code">{text.slice(at).trim()}</pre></details>;
}

export function Strip() {
  const onlyFailed = useSignal(false);
  const open = stripOpen.value;
  const all = tasks.value;
  const last = all[0];
  const running = all.filter(task => task.state === 'running').length, failed = all.filter(task => task.state === 'failed').length;
  const shown = onlyFailed.value ? all.filter(task => task.state === 'failed') : all;
  const toggle = () => { stripOpen.value = !open; };
  return <footer class={`strip${open ? '' : ' min'}`} id="strip" aria-label={strings.strip.label} tabIndex={-1}>
    <div class="tabs">
      <button class="tab" aria-expanded={open} aria-label={strings.strip.toggle(open ? strings.strip.collapse : strings.strip.expand)} aria-controls="tasks" onClick={toggle}>{strings.strip.tasks} <Icon name={open ? 'down' : 'up'} size={10} /></button>
      <div class="last" role="status">
        {!open && last && <><Tag kind={last.state}>{strings.strip.states[last.state]}</Tag><span class={`m cut${last.message ? ' hide-s' : ''}`}>{last.command}</span>{last.message && <span class="cut sec grow">{last.message.split('\n')[0]}</span>}<span class="dim m nw">{took(last)}</span></>}
        {open && <span class="dim">{strings.strip.counts(running, failed)}</span>}
      </div>
      {open && <div class="row hide-s">
        <button class="btn quiet sm" aria-pressed={onlyFailed.value} onClick={() => { onlyFailed.value = !onlyFailed.value; }}>{strings.strip.onlyFailed}</button>
        <button class="btn quiet sm" onClick={() => dismiss(all.filter(task => task.state === 'done').map(task => task.id))}>{strings.strip.clear}</button>
      </div>}
    </div>
    {open && <div class="scroll" id="tasks">
      {shown.length === 0 ? <p class="hint">{strings.strip.none}</p> : <table class="pad log">
        <thead><tr><th>{strings.strip.started}</th><th>{strings.strip.command}</th><th>{strings.strip.status}</th><th class="num">{strings.strip.took}</th><th>{strings.strip.happened}</th><th /></tr></thead>
        <tbody>{shown.map(task => <tr key={task.id}>
          <td class="m dim">{startedAt(task.startedMs)}</td><td class="m">{task.command}</td><td><Tag kind={task.state}>{strings.strip.states[task.state]}</Tag></td><td class="m num dim nw">{took(task)}</td>
          <td class="sec say"><Message text={task.message} /></td><td class="num">{task.state === 'failed' && <button class="btn quiet sm" onClick={() => dismiss([task.id])}>{strings.strip.dismiss}</button>}</td>
        </tr>)}</tbody>
      </table>}
    </div>}
  </footer>;
}

/** What a browser that withholds shared memory costs. */
export function Isolation() {
  const open = useSignal(false);
  const machine = info.value;
  const problem = hostProblem.value;
  if (problem) return <div class="note bad" role="alert"><Tag kind="failed">{problem}</Tag></div>;
  if (hostNotice.value) return <div class="note bad" role="alert"><Tag kind="failed">{hostNotice.value}</Tag><button class="btn sm" onClick={() => { hostNotice.value = undefined; }}>{strings.strip.dismiss}</button></div>;
  if (machine?.mode !== 'single') return null;
  return <div class="note">
    <span>{globalThis.crossOriginIsolated ? machine.why : strings.notIsolated}</span>
    {!globalThis.crossOriginIsolated && <button class="btn sm" aria-expanded={open.value} onClick={() => { open.value = !open.value; }}>{strings.howToServe}</button>}
    {open.value && <p>{strings.howToServeText}<br /><code>Cross-Origin-Opener-Policy: same-origin</code><br /><code>Cross-Origin-Embedder-Policy: require-corp</code></p>}
  </div>;
}

