/** What was dropped: its definition as form and as text, every line with its verdict, what stops it, what Start will do. */

import { useSignal } from '@preact/signals';
import type { Finding, Plan } from '../../dom0/index.ts';
import { changeDraft, discard, draft, startDraft, typeDraft } from '../state.ts';
import { strings } from '../strings.ts';
import './edit.css';
import { EditForm } from './edit-form.tsx';
import { EditText } from './edit-text.tsx';
import { ModeBadge, Tag } from './marks.tsx';
import { PlanSteps } from './plan-steps.tsx';

const words = strings.draft;

/** Longer definitions show only the lines that have a verdict. */
const MAX_LINES = 400;

export function DraftPage() {
  const now = draft.value;
  if (!now) return null;
  const plan = now.plan;
  const stops = (plan?.errors.length ?? 0) + (now.problem ? 1 : 0);
  const name = plan?.name ?? '';
  const names = now.files.map(file => file.name).filter(file => file !== now.definition?.name);
  const blocked = now.judging || now.starting || (!now.saved && (!plan || plan.errors.length > 0));
  return <>
    <div class="bh">
      <div class="row">
        <h2>{name || now.files[0]?.name}</h2>{plan?.summary.type && <ModeBadge type={plan.summary.type} />}<span class="sec meta">{words.from(now.files.length)}</span><span class="grow" />
        <button class="btn" onClick={discard}>{words.discard}</button>
        <button class="btn primary" disabled={blocked} onClick={() => void startDraft()}><span class="cut">{now.saved ? words.restore : words.start(name)}</span></button>
      </div>
      <div class="row wrap counts" role="status">
        {now.judging ? <span class="sec">{words.judging}</span> : now.saved && !now.problem ? <span class="sec">{now.starting ? words.restoring : words.changed}</span> : <Counts plan={plan} problem={now.problem} stops={stops} name={name} />}
      </div>
    </div>
    {now.definition ? <>
      {now.problem && <p class="stop note bad" role="alert"><Tag kind="error"><span>{now.problem}</span></Tag></p>}
      <div class="edit">
        <EditForm judged={now.definition.judged} choices={{ kernels: names, disks: names }} makesVolumes={false} change={changes => void changeDraft(changes)} />
        <div class="edit-t">
          <EditText path={now.definition.name} text={now.definition.text} judged={now.definition.judged} onType={typeDraft} />
          {plan && plan.errors.length === 0 && <PlanSteps plan={plan} />}
        </div>
      </div>
    </> : <div class="body draft">
      {now.problem && <p class="stop" role="alert"><Tag kind="error"><span>{now.problem}</span></Tag></p>}
      {plan && <Verdicts plan={plan} texts={now.texts} />}
      {plan && plan.errors.length === 0 && <PlanSteps plan={plan} />}
      {plan && plan.definition && plan.errors.length === 0 && now.texts.size === 0 && <section class="plan"><h3>{words.asDefinition}</h3><pre class="code">{plan.definition}</pre></section>}
    </div>}
  </>;
}

function Counts({ plan, problem, stops, name }: { plan: Plan | undefined; problem?: string; stops: number; name: string }) {
  const all = merged(plan);
  const tally = (kind: string) => all.filter(finding => finding.verdict === kind).length;
  return <>
    {(['used', 'approximated', 'ignored', 'missing', 'error'] as const).map(kind => tally(kind) > 0 && <Tag key={kind} kind={kind}>{words.tally(tally(kind), words.verdicts[kind]!)}</Tag>)}
    <span class="sec">{problem && !plan ? words.nothingCreated(name) : stops > 0 ? words.startsBlocked(stops) : words.ready}</span>
  </>;
}

/** Errors first where a place has both, each place once. */
function merged(plan: Plan | undefined): Finding[] {
  const seen = new Set<string>();
  return [...plan?.errors ?? [], ...plan?.findings ?? []].filter(finding => {
    const key = `${finding.file}\0${finding.line}\0${finding.column}\0${finding.key}\0${finding.text}`;
    return !seen.has(key) && seen.add(key);
  });
}

interface Row {
  line: number;
  source: string;
  finding?: Finding;
}

/** A definition's lines with their findings; findings of other files keep the source they came with. */
function rowsOf(file: string, text: string | undefined, findings: Finding[]): Row[] {
  const lines = text?.replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  const rows: Row[] = [];
  if (lines && lines.length <= MAX_LINES) {
    lines.forEach((source, i) => {
      const here = findings.filter(finding => finding.line === i + 1);
      if (here.length === 0) rows.push({ line: i + 1, source });
      here.forEach((finding, n) => rows.push({ line: i + 1, source: n === 0 ? source : '', finding }));
    });
    rows.push(...findings.filter(finding => finding.line < 1 || finding.line > lines.length).map(finding => ({ line: finding.line, source: finding.source, finding })));
  } else rows.push(...[...findings].sort((a, b) => a.line - b.line || a.column - b.column).map(finding => ({ line: finding.line, source: finding.source, finding })));
  return rows.filter(row => row.finding || row.source.trim() || file);
}

function Verdicts({ plan, texts }: { plan: Plan; texts: Map<string, string> }) {
  const chosen = useSignal(-1);
  const findings = merged(plan);
  const files = [...new Set([...texts.keys(), ...findings.map(finding => finding.file)])];
  let index = 0;
  return <>{files.map(file => {
    const rows = rowsOf(file, texts.get(file), findings.filter(finding => finding.file === file));
    return rows.length > 0 && <table class="verd" key={file}>
      <thead><tr><th class="num">{words.position}</th><th>{file}</th><th>{words.verdict}</th><th>{words.happens}</th></tr></thead>
      <tbody>{rows.map(({ line, source, finding }) => {
        const mine = index++;
        const open = finding && (finding.verdict === 'error' || finding.verdict === 'missing' || chosen.value === mine);
        const choose = () => { chosen.value = chosen.value === mine ? -1 : mine; };
        return <tr key={mine} class={`v-${finding?.verdict ?? ''}${chosen.value === mine ? ' sel' : ''}`} onClick={finding && choose}>
          <td class="m num dim">{line > 0 && source ? (finding ? `${line}:${finding.column}` : line) : strings.tree.noData}</td>
          <td class="m src"><Source text={source} finding={finding} /></td>
          <td>{finding && <Tag kind={finding.verdict}>{words.verdicts[finding.verdict]}</Tag>}</td>
          <td class="wh">{finding && (open ? <span>{finding.text}</span>
            : <button class="say" aria-expanded={false} onClick={event => { event.stopPropagation(); choose(); }}>{finding.short}</button>)}</td>
        </tr>;
      })}</tbody>
    </table>;
  })}</>;
}

/** A source line: key in bold, comment dim, the place of an error underlined. */
function Source({ text, finding }: { text: string; finding?: Finding }) {
  if (!finding) return <span class="dim">{text}</span>;
  if (finding.verdict === 'error' && finding.column >= 1 && finding.column <= text.length) {
    const at = finding.column - 1;
    const rest = /^(-?\w+|"[^"]*"?|'[^']*'?|.)/.exec(text.slice(at))?.[0].length ?? 1;
    return <>{text.slice(0, at)}<u class="bad-at">{text.slice(at, at + rest)}</u>{text.slice(at + rest)}</>;
  }
  const key = /^\s*[A-Za-z_]\w*\s*(?==)/.exec(text)?.[0] ?? '';
  return <><b>{key}</b>{text.slice(key.length)}</>;
}
