/** Several definitions at once: a verdict for each, what they take together, and what becomes of those that are chosen. */

import './edit.css';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { info } from '../host.ts';
import {
  canDefine,
  changeShown,
  choose,
  defineChosen,
  discardSeveral,
  filesOfSeveral,
  isReady,
  mend,
  openAlone,
  openSeveral,
  readForm,
  shownForm,
  startChosen,
  unnamed,
} from '../several-definitions.ts';
import { lacksTogether } from '../memory-together.ts';
import { type Candidate, leftOut, several } from '../navigation.ts';
import { viewStrings } from '../view-strings.ts';
import { reasonOf } from '../verdict-lines.ts';
import { EditForm } from './edit-form.tsx';
import { ModeBadge, Tag } from './marks.tsx';
import { MemoryAfter } from './memory-after.tsx';
import { creates, stepsOf } from './plan-steps.tsx';
import { ReplacedFiles, UnusedFiles } from './unused-files.tsx';
import { Verdicts } from './verdicts.tsx';
import { spelled } from '../hypervisors/spelled.ts';

export { filesOfSeveral, openSeveral };

const words = viewStrings.several,
  draftWords = viewStrings.draft;

/** The one whose lines are shown, by its file's name; else the first that something stops. */
const opened = signal('');

export function SeveralPage() {
  const all = several.value ?? [];
  const chosen = all.filter(each => each.chosen);
  const starts = chosen.filter(isReady),
    defines = chosen.filter(canDefine);
  const busy = all.some(each => each.busy);
  const shown =
    all.find(({ file }) => file.name === opened.value) ??
    all.find(({ plan }) => (plan?.errors.length ?? 0) > 0) ??
    all.find(({ plan }) => plan);
  useEffect(() => {
    if (shown?.plan && !shown.isSaved && !busy) void readForm(shown);
  }, [shown?.file, busy]);
  const form = shownForm.value?.file === shown?.file ? shownForm.value : undefined;
  return (
    <>
      <Head all={all} starts={starts} defines={defines} />
      <ReplacedFiles />
      <div class="body draft">
        <table class="several">
          <thead>
            <tr>
              <th>
                <span class="hidden">{words.choose}</span>
              </th>
              <th>{draftWords.name}</th>
              <th>{words.from}</th>
              <th class="num">{draftWords.memory}</th>
              <th>{draftWords.verdict}</th>
              <th>{draftWords.happens}</th>
            </tr>
          </thead>
          <tbody>
            {all.map((each, i) => (
              <Row key={i} candidate={each} isShown={each === shown} />
            ))}
          </tbody>
        </table>
        {unnamed.value.length > 0 && (
          <UnusedFiles files={unnamed.value} said={words.unnamed(unnamed.value.map(({ name }) => name))} />
        )}
        <div class="sev-c">
          <div class="sev-l">
            {shown?.plan && <Lines shown={shown} />}
            <Plan chosen={starts} />
            {starts.length > 0 && (
              <MemoryAfter
                fresh={starts.flatMap(({ plan }) => (plan ? [{ name: plan.name, mib: plan.summary.memoryMiB }] : []))}
              />
            )}
          </div>
          {shown && form && (
            <EditForm
              judged={form.judged}
              choices={{ kernels: shown.files.map(({ name }) => name), disks: shown.files.map(({ name }) => name) }}
              makesVolumes={false}
              change={changes => void changeShown(shown, changes)}
            />
          )}
        </div>
      </div>
    </>
  );
}

/** How many can be started, and what can be done with those that are chosen. */
function Head({
  all,
  starts,
  defines,
}: {
  all: readonly Candidate[];
  starts: readonly Candidate[];
  defines: readonly Candidate[];
}) {
  // One that was refused can be tried again, and is not ready for all that.
  const busy = all.some(each => each.busy),
    open = all.filter(each => !each.busy && !each.done),
    ready = open.filter(each => isReady(each) && !each.problem).length,
    stopped = open.length - ready;
  return (
    <div class="bh">
      <div class="row wrap">
        <h2>{words.title(all.length)}</h2>
        <span class="grow" />
        <button class="btn" onClick={discardSeveral}>
          {draftWords.discard}
        </button>
        <button class="btn" disabled={busy || defines.length === 0} onClick={() => void defineChosen(words.defined)}>
          {words.define(defines.length)}
        </button>
        <button
          class="btn primary"
          disabled={busy || starts.length === 0 || lacking(starts) !== undefined}
          onClick={() => void startChosen(words.started)}
        >
          {words.start(starts.length)}
        </button>
      </div>
      <div class="row wrap counts" role="status">
        {!busy && ready > 0 && <Tag kind="used">{words.ready(ready)}</Tag>}
        {!busy && stopped > 0 && <Tag kind="error">{words.stands(stopped)}</Tag>}
        <span class="sec">
          {busy ? draftWords.judging : stopped > 0 ? words.stopped(stopped, ready > 0) : draftWords.ready}
        </span>
        {leftOut.value.length > 0 && <span class="sec">{draftWords.leftOut(leftOut.value)}</span>}
      </div>
    </div>
  );
}

/** One of them line by line, what stops it with its remedy, and why. */
function Lines({ shown }: { shown: Candidate }) {
  const { plan, file, text, done } = shown;
  if (!plan) return null;
  const name = plan.name || file.name,
    reason = plan.errors.map(finding => reasonOf(finding)?.answer).find(Boolean);
  return (
    <section class="sev-v">
      <div class="ph">
        <h3>{words.lines(name)}</h3>
        <span class="grow" />
        {!done && (
          <button class="btn sm" aria-label={words.openNamed(name)} onClick={() => openAlone(shown)}>
            {words.open}
          </button>
        )}
      </div>
      <Verdicts
        key={file.name}
        plan={plan}
        texts={new Map(text === undefined ? [] : [[file.name, text]])}
        onMend={finding => (finding.file === file.name ? () => void mend(shown, finding) : undefined)}
      />
      {reason && (
        <p class="why">
          <b>{words.whyNot(name)}</b> {reason}
        </p>
      )}
    </section>
  );
}

function Row({ candidate, isShown }: { candidate: Candidate; isShown: boolean }) {
  const { file, files, isSaved, plan, problem, done, busy, chosen } = candidate;
  const tally = (kind: string): number => plan?.findings.filter(({ verdict }) => verdict === kind).length ?? 0;
  const errors = plan?.errors ?? [];
  return (
    <tr class={isShown ? 'sel' : ''}>
      <td>
        <input
          type="checkbox"
          aria-label={words.take(file.name)}
          checked={chosen}
          disabled={done !== undefined || !(busy || isReady(candidate) || canDefine(candidate))}
          onChange={event => choose(candidate, event.currentTarget.checked)}
        />
      </td>
      <td>
        <button
          class="link b"
          aria-pressed={isShown}
          onClick={() => {
            opened.value = file.name;
          }}
        >
          {plan?.name || file.name}
        </button>{' '}
        {plan && <ModeBadge type={plan.summary.type} />}
      </td>
      <td class="m">
        {[file, ...(isSaved ? [] : files)].map(({ name }) => (
          <div key={name} class="cut" title={name}>
            {name}
          </div>
        ))}
      </td>
      <td class="num nw">{plan && errors.length === 0 ? `${plan.summary.memoryMiB} MiB` : draftWords.none}</td>
      <td>
        {busy ? (
          <span class="sec">{words.busy}</span>
        ) : done ? (
          <Tag kind="done">{words.isDone}</Tag>
        ) : isSaved ? (
          <Tag kind="used">{words.saved}</Tag>
        ) : errors.length > 0 ? (
          <Tag kind="error">{draftWords.tally(errors.length, 'error')}</Tag>
        ) : (
          (['used', 'approximated', 'ignored', 'missing'] as const).map(
            kind =>
              tally(kind) > 0 && (
                <Tag key={kind} kind={kind}>
                  {draftWords.tally(tally(kind), draftWords.verdicts[kind]!)}
                </Tag>
              ),
          )
        )}
      </td>
      <td class="wh">
        {problem && (
          <p class="stop" role="alert">
            <Tag kind="error">
              <span>{problem}</span>
            </Tag>
          </p>
        )}
        {done ? (
          <span>{done}</span>
        ) : isShown && errors[0] ? (
          <span>{words.below(errors[0].line)}</span>
        ) : (
          errors.map((error, i) => (
            <p key={i} class="stop">
              {error.line > 0 && (
                <span class="m">
                  {error.file}:{error.line}:{error.column}
                </span>
              )}
              <span>{error.text}</span>
            </p>
          ))
        )}
        {!done &&
          errors.length === 0 &&
          (isSaved ? (
            <span class="sec">{words.restored}</span>
          ) : (
            plan &&
            (plan.findings.every(({ verdict }) => verdict === 'used') ? (
              <span>{words.asWritten}</span>
            ) : (
              <ul>
                {plan.findings
                  .filter(({ verdict }) => verdict !== 'used')
                  .map(({ line, short, text }, i) => (
                    <li key={i} title={text}>
                      <span class="dim">{words.line(line)}</span> {short}
                    </li>
                  ))}
              </ul>
            ))
          ))}
      </td>
    </tr>
  );
}

const memoryOf = ({ plan }: Candidate): number => plan?.summary.memoryMiB ?? 0;
/** Why the machine has too little memory for these together. */
const lacking = (starts: readonly Candidate[]): string | undefined =>
  info.value && lacksTogether(starts.map(memoryOf), info.value.freeMiB);

/** What becomes of each, and what they take of the machine's memory together. */
function Plan({ chosen }: { chosen: readonly Candidate[] }) {
  const machine = info.value;
  const memoryMiB = chosen.reduce((sum, each) => sum + memoryOf(each), 0);
  if (!machine || memoryMiB === 0) return null;
  const lacks = lacking(chosen.filter(isReady));
  // What holds of all of them is said once; the first of a plan's steps is what it takes.
  const plans = chosen.flatMap(({ plan }) => (plan ? [plan] : [])),
    inAll = plans[0]
      ? stepsOf(plans[0])
          .slice(1)
          .filter(step => plans.every(plan => stepsOf(plan).includes(step)))
      : [];
  return (
    <section class="plan">
      <div class="ph">
        <h3>{draftWords.plan}</h3>
        <Tag kind={lacks ? 'error' : 'used'}>
          <span>{lacks ?? words.fits(chosen.length, memoryMiB, machine.freeMiB)}</span>
        </Tag>
      </div>
      <ol>
        {chosen.map(
          ({ file, plan }) =>
            plan && (
              <li key={file.name}>
                <code>{spelled(creates(plan))}</code>{' '}
                <span class="sec">{words.takes(plan.summary.memoryMiB, plan.summary.vcpus, plan.summary.type)}</span>
                {stepsOf(plan)
                  .slice(1)
                  .filter(step => !inAll.includes(step))
                  .map(step => (
                    <span key={step} class="own">
                      {step}
                    </span>
                  ))}
              </li>
            ),
        )}
      </ol>
      {inAll.length > 0 && (
        <p class="sec">
          {chosen.length > 1 && words.each} {inAll.join(' ')}
        </p>
      )}
    </section>
  );
}
