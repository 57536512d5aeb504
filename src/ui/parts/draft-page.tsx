/** What was dropped: its definition as form and as text, every line with its verdict, what stops it, what Start will do. */

import type { Finding, NamedFile, Plan } from '../../dom0/service/index.ts';
import { remedied } from '../error-remedy.ts';
import { backToSeveral, changeDraft, discard, judge, startDraft, typeDraft } from '../dropping.ts';
import { type Draft, draft, leftOut, setAside } from '../navigation.ts';
import { viewStrings } from '../view-strings.ts';
import { tallyLines } from '../verdict-lines.ts';
import './edit.css';
import { EditForm } from './edit-form.tsx';
import { Approximations, EditText } from './edit-text.tsx';
import { ModeBadge, Tag } from './marks.tsx';
import { KeptWrites } from './kept-writes.tsx';
import { PlanSteps } from './plan-steps.tsx';
import { ReplacedFiles, UnusedFiles } from './unused-files.tsx';
import { merged, Verdicts } from './verdicts.tsx';

const words = viewStrings.draft;

/** Writes what a finding says into the definition. Images alone get the one that they would make, which then is next to them. */
function mend(finding: Finding): void {
  const now = draft.peek(),
    plan = now?.plan;
  if (!now || !plan) return;
  const text = remedied(now.definition?.text ?? plan.definition, finding);
  if (text === undefined) return;
  if (now.definition) typeDraft(text);
  else if (now.texts.size === 0) void judge([{ name: `${plan.name}.cfg`, data: new Blob([text]) }, ...now.files]);
}

/** Of dropped files those that the definition does not name. */
export const unusedOf = ({ definition, files, judging }: Draft): NamedFile[] =>
  definition === undefined || judging
    ? []
    : files.filter(({ name }) => name !== definition.name && !definition.text.includes(name));

export function DraftPage() {
  const now = draft.value;
  if (!now) return null;
  const plan = now.plan;
  const names = now.files.map(file => file.name).filter(file => file !== now.definition?.name);
  const unused = unusedOf(now);
  return (
    <>
      <Head now={now} />
      <ReplacedFiles />
      {unused.length > 0 && (
        <UnusedFiles
          files={unused}
          said={viewStrings.unused.by(
            unused.map(file => file.name),
            now.definition!.name,
          )}
        />
      )}
      {now.definition ? (
        <>
          {now.problem && (
            <p class="stop note bad" role="alert">
              <Tag kind="error">
                <span>{now.problem}</span>
              </Tag>
            </p>
          )}
          <div class="edit">
            <EditForm
              judged={now.definition.judged}
              choices={{ kernels: names, disks: names }}
              makesVolumes={false}
              change={changes => void changeDraft(changes)}
            />
            <div class="edit-t">
              <EditText
                path={now.definition.name}
                text={now.definition.text}
                judged={now.definition.judged}
                onType={typeDraft}
                onMend={mend}
              />
              {plan && plan.errors.length === 0 && <PlanSteps plan={plan} />}
              <Approximations judged={now.definition.judged} />
            </div>
          </div>
        </>
      ) : (
        <div class="body draft">
          {now.problem && (
            <p class="stop" role="alert">
              <Tag kind="error">
                <span>{now.problem}</span>
              </Tag>
            </p>
          )}
          {plan && (
            <Verdicts
              plan={plan}
              texts={now.texts}
              onMend={finding => (plan.definition ? () => mend(finding) : undefined)}
            />
          )}
          {plan && plan.errors.length === 0 && <PlanSteps plan={plan} />}
          {plan && plan.definition && plan.errors.length === 0 && now.texts.size === 0 && (
            <section class="plan">
              <h3>{words.asDefinition}</h3>
              <pre class="code">{plan.definition}</pre>
            </section>
          )}
        </div>
      )}
    </>
  );
}

/** What it would be called, and what can be done with it. */
function Head({ now }: { now: Draft }) {
  const plan = now.plan;
  const stops = (plan?.errors.length ?? 0) + (now.problem ? 1 : 0);
  const name = plan?.name ?? '';
  const blocked = now.judging || now.starting || (!now.saved && (!plan || plan.errors.length > 0));
  return (
    <div class="bh">
      <div class="row">
        <h2>{name || now.files[0]?.name}</h2>
        {plan?.summary.type && <ModeBadge type={plan.summary.type} />}
        <span class="sec meta">{words.from(now.files.length)}</span>
        <span class="grow" />
        {setAside.value.length > 0 && (
          <button class="btn" onClick={backToSeveral}>
            {viewStrings.unused.others(setAside.value.length)}
          </button>
        )}
        <button class="btn" onClick={discard}>
          {words.discard}
        </button>
        <button class="btn primary" disabled={blocked} onClick={() => void startDraft()}>
          <span class="cut">{now.saved ? words.restore : words.start(name)}</span>
        </button>
      </div>
      <div class="row wrap counts" role="status">
        {now.judging ? (
          <span class="sec">{words.judging}</span>
        ) : now.saved && !now.problem ? (
          <span class="sec">{now.starting ? words.restoring : words.changed}</span>
        ) : (
          <Counts plan={plan} problem={now.problem} stops={stops} name={name} byLine={now.definition !== undefined} />
        )}
        {leftOut.value.length > 0 && <span class="sec">{words.leftOut(leftOut.value)}</span>}
      </div>
    </div>
  );
}

/** `byLine`: one verdict is next to a line; else each finding has a row of its own. */
function Counts({
  plan,
  problem,
  stops,
  name,
  byLine,
}: {
  plan: Plan | undefined;
  problem?: string;
  stops: number;
  name: string;
  byLine: boolean;
}) {
  const all = merged(plan),
    lines = tallyLines(all);
  const tally = (kind: Finding['verdict']) =>
    byLine ? (lines.get(kind) ?? 0) : all.filter(finding => finding.verdict === kind).length;
  return (
    <>
      {(['used', 'approximated', 'ignored', 'missing', 'error'] as const).map(
        kind =>
          tally(kind) > 0 && (
            <Tag key={kind} kind={kind}>
              {words.tally(tally(kind), words.verdicts[kind]!)}
            </Tag>
          ),
      )}
      <span class="sec">
        {problem && !plan
          ? words.nothingCreated(name)
          : stops > 0
            ? byLine
              ? words.startsBlockedAt
              : words.startsBlocked(stops)
            : words.ready}
      </span>
      {plan?.summary.writesFiles && draft.value && <KeptWrites files={draft.value.files} />}
    </>
  );
}
