/** The task log: what was done on this host, as the command that it is, how it ended, and what the host really did for it. */

import { pageWords } from '../hypervisors/own.ts';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Cause, Task, TaskRecord } from '../../dom0/service/index.ts';
import { dismiss, host, nameOf } from '../host.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { sinceStart, startedAt, took } from '../units.ts';
import { Icon, Tag } from './marks.tsx';

const columns = {
  started: 'Started',
  status: 'Status',
  took: 'Took',
  happened: 'What it caused',
};

/** How often the record of a task that runs is read while it is open. */
const READ_MS = 1000;

const words = viewStrings.tasks;

/** A sentence; a report of several lines opens under its first. */
function Message({ text }: { text: string | undefined }) {
  const at = text?.indexOf('\n') ?? -1;
  if (!text) return null;
  if (at < 0) return <span title={text}>{text}</span>;
  return (
    <details>
      <summary>{text.slice(0, at)}</summary>
      <pre class="code">{text.slice(at).trim()}</pre>
    </details>
  );
}

/** Its author is before it where that was not the host. */
const doneBy = ({ kind, by }: Cause): string => (by === undefined ? words.kind(kind) : words.by(nameOf(by)));

/** What was recorded while it ran; read again as long as it does. */
function Causes({ task: { id, state, caused } }: { task: Task }) {
  const record = useSignal<TaskRecord | undefined>(undefined);
  useEffect(() => {
    const read = () =>
      void host.taskRecord(id).then(
        answer => {
          record.value = answer;
        },
        () => {},
      );
    read();
    if (state !== 'running') return;
    const timer = setInterval(read, READ_MS);
    return () => clearInterval(timer);
  }, [id, state]);
  const place = useRef<HTMLDivElement>(null),
    isThere = record.value !== undefined;
  // What was opened at the foot of the log is seen.
  useEffect(() => {
    if (isThere) place.current?.scrollIntoView({ block: 'nearest' });
  }, [isThere]);
  const { causes, more } = record.value ?? { causes: [], more: 0 };
  return (
    <div class="causes" ref={place}>
      <p class="sec">{record.value && caused && words.about(caused)}</p>
      <ol>
        {causes.map((cause, i) => (
          <li key={i}>
            <span class="m dim num">{sinceStart(cause.ms)}</span>
            <span class="sec">{doneBy(cause)}</span>
            <code>
              {cause.what}
              {cause.kind === 'write'
                ? ` = ${JSON.stringify(cause.value ?? '')}`
                : cause.value !== undefined && <span class="sec">{` ${cause.value}`}</span>}
              {cause.times !== undefined && <b>{` × ${cause.times}`}</b>}
            </code>
          </li>
        ))}
      </ol>
      {more > 0 && <p class="sec">{words.more(more)}</p>}
    </div>
  );
}

function TaskRow({ task, isOpen, toggle }: { task: Task; isOpen: boolean; toggle(): void }) {
  const { id, command, state, message, caused, startedMs } = task;
  const [time, ms] = startedAt(startedMs),
    counts = caused && words.counts(caused);
  return (
    <>
      <tr class={isOpen ? 'is-open' : ''}>
        <td class="m dim nw">
          {time}
          <span class="hide-s">{ms}</span>
        </td>
        <td class="m">{command}</td>
        <td>
          <Tag kind={state}>{strings.strip.states[state]}</Tag>
        </td>
        <td class="m num dim nw">{took(task) || (state !== 'running' && '–')}</td>
        <td class="sec say">
          <div>
            <Message text={message} />
            {counts && <span class="dim nw did">{counts}</span>}
          </div>
        </td>
        <td class="num nw">
          {state === 'failed' && (
            <button
              class="btn quiet icon sm"
              aria-label={strings.strip.dismiss}
              title={strings.strip.dismiss}
              onClick={() => dismiss([id])}
            >
              <Icon name="cross" />
            </button>
          )}
          {caused && (
            <button
              class="link"
              aria-expanded={isOpen}
              aria-controls={`causes-${id}`}
              aria-label={words.logOf(command)}
              title={counts || words.nothing()}
              onClick={toggle}
            >
              {words.log}
            </button>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr class="opened" id={`causes-${id}`}>
          <td colSpan={6}>
            <Causes task={task} />
          </td>
        </tr>
      )}
    </>
  );
}

export function TaskTable({ shown }: { shown: readonly Task[] }) {
  const opened = useSignal<ReadonlySet<number>>(new Set());
  const toggle = (id: number) => {
    const next = new Set(opened.value);
    if (!next.delete(id)) next.add(id);
    opened.value = next;
  };
  if (shown.length === 0) return <p class="hint">{pageWords().strip.noTask}</p>;
  return (
    <table class="pad log">
      <thead>
        <tr>
          <th>{columns.started}</th>
          <th>{strings.strip.command}</th>
          <th>{columns.status}</th>
          <th class="num">{columns.took}</th>
          <th>{columns.happened}</th>
          <th />
        </tr>
      </thead>
      <tbody>
        {shown.map(task => (
          <TaskRow key={task.id} task={task} isOpen={opened.value.has(task.id)} toggle={() => toggle(task.id)} />
        ))}
      </tbody>
    </table>
  );
}
