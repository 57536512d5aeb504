/** Several definitions at once: a verdict for each, what they take together, and what becomes of those that are chosen. */

import './edit.css';
import { signal } from '@preact/signals';
import { info } from '../host.ts';
import { canDefine, choose, defineChosen, discardSeveral, filesOfSeveral, isReady, mend, openAlone, openSeveral, startChosen, unnamed } from '../several.ts';
import { type Candidate, several } from '../state.ts';
import { remedyOf } from '../remedy.ts';
import { strings } from '../strings.ts';
import { ModeBadge, Tag } from './marks.tsx';
import { MemoryAfter } from './memory-after.tsx';
import { stepsOf } from './plan-steps.tsx';
import { Verdicts } from './verdicts.tsx';

export { filesOfSeveral, openSeveral };

const words = strings.several,
  draftWords = strings.draft;

/** The one whose lines are shown, by its file's name; else the first that something stops. */
const opened = signal('');

export function SeveralPage() {
  const all = several.value ?? [];
  const chosen = all.filter(each => each.chosen);
  const starts = chosen.filter(isReady), defines = chosen.filter(canDefine);
  const busy = all.some(each => each.busy);
  const shown = all.find(({ file }) => file.name === opened.value) ?? all.find(({ plan }) => (plan?.errors.length ?? 0) > 0) ?? all.find(({ plan }) => plan);
  const stopped = all.filter(each => !each.busy && !each.done && !isReady(each)).length;
  return <>
    <div class="bh">
      <div class="row wrap">
        <h2>{words.title(all.length)}</h2><span class="grow" />
        <button class="btn" onClick={discardSeveral}>{draftWords.discard}</button>
        <button class="btn" disabled={busy || defines.length === 0} onClick={() => void defineChosen(words.defined)}>{words.define(defines.length)}</button>
        <button class="btn primary" disabled={busy || starts.length === 0} onClick={() => void startChosen(words.started)}>{words.start(starts.length)}</button>
      </div>
      <div class="row wrap counts" role="status"><span class="sec">{busy ? draftWords.judging : stopped > 0 ? words.stopped(stopped, all.some(each => !each.done && isReady(each))) : draftWords.ready}</span></div>
    </div>
    <div class="body draft">
      <table class="several">
        <thead><tr><th><span class="hidden">{words.choose}</span></th><th>{draftWords.name}</th><th>{words.from}</th><th class="num">{draftWords.memory}</th><th>{draftWords.verdict}</th><th>{draftWords.happens}</th><th><span class="hidden">{words.open}</span></th></tr></thead>
        <tbody>{all.map((each, i) => <Row key={i} candidate={each} isShown={each === shown} />)}</tbody>
      </table>
      {unnamed.value.length > 0 && <p class="note"><Tag kind="ignored"><span>{words.unnamed(unnamed.value.map(({ name }) => name))}</span></Tag></p>}
      <div class="sev-c">
        {shown?.plan && <section class="sev-v"><div class="ph"><h3>{words.lines(shown.plan.name || shown.file.name)}</h3></div><Verdicts key={shown.file.name} brief plan={shown.plan} texts={new Map(shown.text === undefined ? [] : [[shown.file.name, shown.text]])} />
          {shown.plan.errors.some(({ text }) => /is no key of xl/.test(text)) && <p class="why"><b>{words.whySlip(shown.plan.name || shown.file.name)}</b> {words.whySlipAnswer}</p>}</section>}
        <Plan chosen={starts} />
      </div>
      {starts.length > 0 && <MemoryAfter fresh={starts.flatMap(({ plan }) => (plan ? [{ name: plan.name, mib: plan.summary.memoryMiB }] : []))} />}
    </div>
  </>;
}

function Row({ candidate, isShown }: { candidate: Candidate; isShown: boolean }) {
  const { file, files, isSaved, plan, problem, done, busy, chosen } = candidate;
  const tally = (kind: string): number => plan?.findings.filter(({ verdict }) => verdict === kind).length ?? 0;
  const errors = plan?.errors ?? [];
  return <tr class={isShown ? 'sel' : ''}>
    <td><input type="checkbox" aria-label={words.take(file.name)} checked={chosen} disabled={done !== undefined || !(busy || isReady(candidate) || canDefine(candidate))} onChange={event => choose(candidate, event.currentTarget.checked)} /></td>
    <td><button class="link b" aria-pressed={isShown} onClick={() => { opened.value = file.name; }}>{plan?.name || file.name}</button> {plan && <ModeBadge type={plan.summary.type} />}</td>
    <td class="m">{[file, ...isSaved ? [] : files].map(({ name }) => <div key={name} class="cut" title={name}>{name}</div>)}</td>
    <td class="num nw">{plan && errors.length === 0 ? `${plan.summary.memoryMiB} MiB` : draftWords.none}</td>
    <td>{busy ? <span class="sec">{words.busy}</span> : done ? <Tag kind="done">{words.isDone}</Tag> : isSaved ? <Tag kind="used">{words.saved}</Tag>
      : errors.length > 0 ? <Tag kind="error">{draftWords.tally(errors.length, 'error')}</Tag>
        : (['used', 'approximated', 'ignored', 'missing'] as const).map(kind => tally(kind) > 0 && <Tag key={kind} kind={kind}>{draftWords.tally(tally(kind), draftWords.verdicts[kind]!)}</Tag>)}</td>
    <td class="wh">
      {problem && <p class="stop" role="alert"><Tag kind="error"><span>{problem}</span></Tag></p>}
      {done ? <span>{done}</span> : errors.map((error, i) => <p key={i} class="stop">{error.line > 0 && <span class="m">{error.file}:{error.line}:{error.column}</span>}<span>{error.text}</span>
        {error.file === file.name && remedyOf(error) !== undefined && <button class="btn sm" onClick={() => void mend(candidate, error)}>{strings.defined.write(remedyOf(error)!)}</button>}</p>)}
      {!done && errors.length === 0 && (isSaved ? <span class="sec">{words.restored}</span> : plan && (plan.findings.every(({ verdict }) => verdict === 'used') ? <span>{words.asWritten}</span>
        : <ul>{plan.findings.filter(({ verdict }) => verdict !== 'used').map(({ line, verdict, text }, i) => <li key={i}><Tag kind={verdict}><span>{words.line(line)}</span></Tag> {text}</li>)}</ul>))}
    </td>
    <td class="alone">{!done && !isSaved && plan && <button class="btn quiet" aria-label={words.openNamed(plan.name || file.name)} onClick={() => openAlone(candidate)}>{words.open}</button>}</td>
  </tr>;
}

/** What becomes of each, and what they take of the machine's memory together. */
function Plan({ chosen }: { chosen: readonly Candidate[] }) {
  const machine = info.value;
  const memoryMiB = chosen.reduce((sum, { plan }) => sum + (plan?.summary.memoryMiB ?? 0), 0);
  if (!machine || memoryMiB === 0) return null;
  const fits = memoryMiB <= machine.freeMiB;
  return <>
    <section class="plan">
      <h3>{draftWords.plan}</h3>
      <p><Tag kind={fits ? 'used' : 'error'}><span>{fits ? words.fits(chosen.length, memoryMiB, machine.freeMiB) : words.lacks(chosen.length, memoryMiB, machine.freeMiB)}</span></Tag></p>
      <ol>{chosen.map(({ file, plan }) => plan && <li key={file.name}><code>{plan.command}</code><br />{stepsOf(plan).join(' ')}</li>)}</ol>
    </section>
  </>;
}
