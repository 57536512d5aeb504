/** Several definitions at once: a verdict for each, what they take together, and what becomes of those that are chosen. */

import './edit.css';
import { info } from '../host.ts';
import { canDefine, choose, defineChosen, discardSeveral, isReady, openAlone, startChosen, unnamed } from '../several.ts';
import { type Candidate, several } from '../state.ts';
import { strings } from '../strings.ts';
import { ModeBadge, Tag } from './marks.tsx';
import { MemoryAfter } from './memory-after.tsx';
import { Steps } from './plan-steps.tsx';

const words = strings.several,
  draftWords = strings.draft;

export function SeveralPage() {
  const all = several.value ?? [];
  const chosen = all.filter(each => each.chosen);
  const starts = chosen.filter(isReady), defines = chosen.filter(canDefine);
  const busy = all.some(each => each.busy);
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
        <tbody>{all.map((each, i) => <Row key={i} candidate={each} />)}</tbody>
      </table>
      {unnamed.value.length > 0 && <p class="note"><Tag kind="ignored"><span>{words.unnamed(unnamed.value.map(({ name }) => name))}</span></Tag></p>}
      <Plan chosen={starts} />
    </div>
  </>;
}

function Row({ candidate }: { candidate: Candidate }) {
  const { file, files, isSaved, plan, problem, done, busy, chosen } = candidate;
  const tally = (kind: string): number => plan?.findings.filter(({ verdict }) => verdict === kind).length ?? 0;
  const errors = plan?.errors ?? [];
  return <tr>
    <td><input type="checkbox" aria-label={words.take(file.name)} checked={chosen} disabled={done !== undefined || !(busy || isReady(candidate) || canDefine(candidate))} onChange={event => choose(candidate, event.currentTarget.checked)} /></td>
    <td><b>{plan?.name || file.name}</b> {plan && <ModeBadge type={plan.summary.type} />}</td>
    <td class="m">{[file, ...isSaved ? [] : files].map(({ name }) => <div key={name} class="cut" title={name}>{name}</div>)}</td>
    <td class="num nw">{plan && errors.length === 0 ? `${plan.summary.memoryMiB} MiB` : draftWords.none}</td>
    <td>{busy ? <span class="sec">{words.busy}</span> : done ? <Tag kind="done">{words.isDone}</Tag> : isSaved ? <Tag kind="used">{words.saved}</Tag>
      : errors.length > 0 ? <Tag kind="error">{draftWords.tally(errors.length, 'error')}</Tag>
        : (['used', 'approximated', 'ignored', 'missing'] as const).map(kind => tally(kind) > 0 && <Tag key={kind} kind={kind}>{draftWords.tally(tally(kind), draftWords.verdicts[kind]!)}</Tag>)}</td>
    <td class="wh">
      {problem && <p class="stop" role="alert"><Tag kind="error"><span>{problem}</span></Tag></p>}
      {done ? <span>{done}</span> : errors.map(({ line, column, file: where, text }, i) => <p key={i} class="stop">{line > 0 && <span class="m">{where}:{line}:{column}</span>}<span>{text}</span></p>)}
      {!done && errors.length === 0 && (isSaved ? <span class="sec">{words.restored}</span> : plan && <><code>{plan.command}</code>{plan.findings.filter(({ verdict }) => verdict !== 'used').map(({ verdict, line, short }, i) => <p key={i} class="found"><Tag kind={verdict}><span class="m">{file.name}:{line}</span></Tag> {short}</p>)}</>)}
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
      <div class="plans">{chosen.map(({ file, plan }) => plan && <section class="steps" key={file.name}><h4>{plan.name}</h4><Steps plan={plan} command={plan.command} /></section>)}</div>
    </section>
    <MemoryAfter fresh={chosen.flatMap(({ plan }) => (plan ? [{ name: plan.name, mib: plan.summary.memoryMiB }] : []))} />
  </>;
}
