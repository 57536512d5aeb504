/** A definition, as form and as text side by side: both are views of one text, which Domain 0 judges after every change. */

import { details, snapshotsPage } from '../parts.ts';
import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { typeOf } from '../../hypervisor/kinds/index.ts';
import './edit.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { DomainInfo } from '../../dom0/service/index.ts';
import { definedActions, runsElsewhere } from '../actions.ts';
import {
  change,
  discardChanges,
  type Editing,
  editing,
  isChanged,
  keep,
  mend,
  openEditor,
  openProblem,
  pathOf,
  remove,
  setAutomatic,
  start,
  type,
} from '../editing.ts';
import { host, living } from '../host.ts';
import { halted, inventory } from '../inventory.ts';
import { remedyOf } from '../error-remedy.ts';
import { deleting, keepDefinition, KEEP_SECONDS } from '../leaving.ts';
import { go } from '../navigation.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { tallyLines } from '../verdict-lines.ts';
import { SNAPSHOT_CHANGES, useAskedAsTasksEnd } from './asked.ts';
import { inBoth } from './both-words.tsx';
import { EditForm } from './edit-form.tsx';
import { Approximations, EditText, goToError } from './edit-text.tsx';
import { later } from './load-when-shown.tsx';
import { ModeBadge, StateMark, Tag } from './marks.tsx';
import { MemoryAfter } from './memory-after.tsx';
import { openMenu } from './menu.tsx';
import { PlanSteps } from './plan-steps.tsx';
import { tabId, Tabs } from './tabs.tsx';

const words = viewStrings.defined,
  draftWords = viewStrings.draft;

const DetailsPage = later(details, part => part.DetailsPage);
const SnapshotsPage = later(snapshotsPage, part => part.SnapshotsPage);
const PANEL = 'defined-panel';

export function EditPage({ name, tab = 'definition' }: { name: string; tab?: string | undefined }) {
  useEffect(() => {
    if (editing.peek()?.name !== name) void openEditor(name);
  }, [name]);
  const now = editing.value;
  if (openProblem.value)
    return (
      <div class="body">
        <p class="stop" role="alert">
          <Tag kind="error">{openProblem.value}</Tag>
        </p>
      </div>
    );
  const running = living.value.find(each => each.name === name);
  // Deleted, by the shell say.
  if (now?.isKept && inventory.value?.stored?.defined.every(each => each.name !== name))
    return (
      <div class="body">
        <p>{words.gone(name)}</p>
      </div>
    );
  if (!now || now.name !== name)
    return (
      <div class="body">
        <p class="sec">{words.opening}</p>
      </div>
    );
  return <Opened {...viewOf(now, name)} tab={tab} running={running} />;
}

/** What the parts of the page show of an opened definition. */
function viewOf(now: Editing, name: string) {
  const { judged, isKept } = now,
    plan = judged?.plan;
  const listed = isKept ? halted.value.find(each => each.name === name) : undefined;
  const changed = isChanged.value,
    leaves = deleting.value.has(name);
  const title = judged?.definition.name || name || words.fresh;
  const placed = isKept ? now.path : words.placed(title),
    starts = commandOf('create', undefined, { file: placed });
  const errors = plan?.errors.length ?? 0;
  const first =
    judged?.text === now.text
      ? plan?.errors.filter(({ line }) => line > 0).sort((a, b) => a.line - b.line)[0]
      : undefined;
  // What it would be: as it is, or with what its errors say to write.
  const mended = judged && now.mended?.of === judged.text ? now.mended.judged : undefined;
  const then = errors === 0 ? judged : mended;
  const blocked = now.busy || !judged || errors > 0;
  return {
    now,
    name,
    judged,
    isKept,
    plan,
    listed,
    changed,
    leaves,
    title,
    placed,
    starts,
    errors,
    first,
    then,
    blocked,
  };
}
type View = ReturnType<typeof viewOf>;

function Opened({ tab, running, ...view }: View & { tab: string; running: DomainInfo | undefined }) {
  const { now, name, judged, isKept, changed, title } = view,
    elsewhere = running ? undefined : runsElsewhere(name);
  return (
    <>
      <div class="bh edit-h">
        <div class="row wrap">
          <h2>
            <StateMark state="-" />
            {title}
          </h2>
          {judged && <ModeBadge type={typeOf(judged.definition.kind)} />}
          <span class="sec meta">{!isKept ? words.notKept : changed ? words.changed : words.kept(now.path)}</span>
          {running && isKept && (
            <button class="btn sm" onClick={() => go({ kind: 'domain', id: running.id })}>
              {words.runs}
            </button>
          )}
          <span class="grow" />
          <Tools {...view} />
        </div>
        {isKept && (
          <Tabs
            label={title}
            tabs={[
              ['definition', strings.guest.tabs.definition],
              ['details', strings.guest.tabs.details],
              ['snapshots', strings.guest.tabs.snapshots],
            ]}
            panel={PANEL}
            chosen={tab}
            onChoose={id => go({ kind: 'defined', name, ...(id === 'definition' ? {} : { tab: id }) })}
          />
        )}
        {tab === 'definition' && <Counts {...view} />}
      </div>
      {elsewhere !== undefined && (
        <p class="note" role="status">
          <span>{words.runsOn(name, elsewhere)}</span>
          <button class="btn sm" onClick={() => go({ kind: 'home', tab: 'pool' })}>
            {strings.hostPage.pool}
          </button>
        </p>
      )}
      {now.problem && (
        <p class="stop note bad" role="alert">
          <Tag kind="error">
            <span>{now.problem}</span>
          </Tag>
        </p>
      )}
      {tab !== 'definition' && isKept ? (
        <div class="tabpanel" role="tabpanel" id={PANEL} aria-labelledby={tabId(PANEL, tab)}>
          {tab === 'details' ? <DetailsPage name={name} /> : <SnapshotsPage name={name} />}
        </div>
      ) : (
        <div
          class="edit"
          {...(isKept ? { role: 'tabpanel' as const, id: PANEL, 'aria-labelledby': tabId(PANEL, tab) } : {})}
        >
          {judged && <EditForm judged={judged} choices={now.choices} makesVolumes change={change} />}
          <TextAndPlan {...view} />
        </div>
      )}
    </>
  );
}

/** How many snapshots would go with a definition. */
function useSnapshots(name: string, isKept: boolean): number {
  const snapshots = useSignal(0);
  useAskedAsTasksEnd(
    [name, isKept],
    async () => (isKept ? (await host['snapshot-list'](name)).length : 0),
    number => {
      snapshots.value = number;
    },
    useSignal(''),
    SNAPSHOT_CHANGES,
  );
  return snapshots.value;
}

const Leaving = ({ name, snapshots }: { name: string; snapshots: number }) => (
  <>
    <span class="say" role="alert">
      {words.leaving(name, KEEP_SECONDS, snapshots)}
    </span>
    <button class="btn primary" onClick={() => keepDefinition(name)}>
      {strings.actions.keep(name)}
    </button>
    <button class="btn" onClick={remove}>
      {words.removeNow}
    </button>
  </>
);

function Tools({ now, name, judged, isKept, listed, changed, leaves, title, placed, starts, errors, blocked }: View) {
  const snapshots = useSnapshots(name, isKept);
  return (
    <div class="row wrap tools" role="toolbar" aria-label={title}>
      {leaves ? (
        <Leaving name={name} snapshots={snapshots} />
      ) : (
        <>
          {isKept && (
            <label class="auto">
              <input
                type="checkbox"
                checked={now.automatic}
                onChange={event => void setAutomatic(event.currentTarget.checked)}
              />
              {words.automatic}
            </label>
          )}
          {isKept && !changed && (
            <button
              class="btn"
              title={inBoth(commandOf('delete', name, { snapshots: snapshots > 0 }))}
              onClick={remove}
            >
              {words.remove}
            </button>
          )}
          {(changed || !isKept) && (
            <button class="btn" onClick={discardChanges}>
              {isKept ? words.revert : draftWords.discard}
            </button>
          )}
          {(changed || !isKept) && (
            <button
              class={`btn${blocked && judged?.canKeep ? ' primary' : ''}`}
              disabled={!judged?.canKeep}
              title={inBoth(commandOf('new', undefined, { file: pathOf(now) }))}
              onClick={() => void keep()}
            >
              {words.keepIt}
            </button>
          )}
          {errors === 0 && (
            <button
              class="btn"
              disabled={blocked}
              title={inBoth(commandOf('create', undefined, { file: placed, paused: true }))}
              onClick={() => void start(true)}
            >
              {words.startPaused}
            </button>
          )}
          <button class="btn primary" disabled={blocked} title={inBoth(starts)} onClick={() => void start(false)}>
            <span class="cut">{changed && isKept ? words.keepAndStart : draftWords.start(title)}</span>
          </button>
          {listed && (
            <button
              class="btn quiet"
              aria-haspopup="menu"
              aria-label={strings.guest.more(name)}
              title={strings.guest.more(name)}
              onClick={event => openMenu(event, name, definedActions(listed))}
            >
              •••
            </button>
          )}
        </>
      )}
    </div>
  );
}

/** How many of its lines do what they say, and what it waits for. */
function Counts({ plan, errors, first }: View) {
  const lines = tallyLines(plan?.findings ?? []),
    remedy = first && remedyOf(first);
  return (
    <div class="row wrap counts" role="status">
      {(['used', 'approximated', 'ignored', 'missing', 'error'] as const).map(
        kind =>
          lines.has(kind) && (
            <Tag key={kind} kind={kind}>
              {draftWords.tally(lines.get(kind)!, draftWords.verdicts[kind]!)}
            </Tag>
          ),
      )}
      {plan && (
        <span class="sec">
          {errors > 0
            ? first
              ? words.waitsForLine(first.line, first.key)
              : draftWords.startsBlocked(errors)
            : draftWords.ready}
        </span>
      )}
      {first &&
        (remedy !== undefined ? (
          <button class="btn primary sm by-line" onClick={() => mend(first)}>
            {words.write(remedy)}
          </button>
        ) : (
          <button class="btn primary sm" onClick={goToError}>
            {draftWords.goToLine(first.line)}
          </button>
        ))}
    </div>
  );
}

/** Its text, and what would be done with it. */
function TextAndPlan({ now, judged, isKept, changed, title, starts, errors, then }: View) {
  const inItsWay = then?.plan.errors ?? [];
  return (
    <div class="edit-t">
      <EditText path={pathOf(now)} text={now.text} judged={judged} onType={type} onMend={mend} />
      {then && inItsWay.length === 0 && (
        <PlanSteps
          plan={then.plan}
          commands={[{ command: starts, ...(changed || !isKept ? { before: words.keepsIt } : {}) }]}
          {...(errors > 0 ? { once: words.once(errors) } : {})}
        />
      )}
      {inItsWay.length > 0 && (
        <section class="plan next">
          <div class="ph">
            <h3>{words.next}</h3>
            <span class="sec">{words.once(errors)}</span>
          </div>
          <ul>
            {inItsWay.map(({ line, column, text }) => (
              <li key={`${line}:${column}:${text}`} class="wrongly">
                <Tag kind="error">
                  <span>{text}</span>
                </Tag>
              </li>
            ))}
          </ul>
        </section>
      )}
      {judged && (
        <MemoryAfter
          fresh={
            then
              ? [{ name: title, mib: then.definition.memoryMiB }]
              : judged.canKeep
                ? [{ name: title, mib: judged.definition.memoryMiB }]
                : []
          }
        />
      )}
      {judged && <Approximations judged={judged} />}
    </div>
  );
}
