/** The strip at the foot: the task log, Domain 0's shell, the hypervisor's log. Minimised it shows the last task in one line. */

import { taskTable } from '../parts.ts';
import { pageWords } from '../hypervisors/own.ts';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Task } from '../../dom0/service/index.ts';
import { dismiss, host, tasks } from '../host.ts';
import { sentence } from '../sentence.ts';
import { type StripTab, stripTab } from '../settings.ts';
import { newShell, shell } from '../shell-session.ts';
import { place, stripOpen, toggleStrip } from '../navigation.ts';
import { strings } from '../strings.ts';
import { took } from '../units.ts';
import { ShellWindow } from './domain0-shell.tsx';
import { later } from './load-when-shown.tsx';
import { Icon, Tag } from './marks.tsx';

/** Loaded when the log is opened. */
const TaskTable = later(taskTable, part => part.TaskTable);

const words = strings.strip;
/** How often the hypervisor's log is asked for while it is shown. */
const LOG_MS = 2000;
const TABS: readonly StripTab[] = ['tasks', 'shell', 'log'];

export function Strip() {
  const onlyFailed = useSignal(false);
  const open = stripOpen.value,
    tab = stripTab.value;
  const all = tasks.value;
  const own = pageWords().strip,
    names = { ...words.tabs, log: own.log },
    expand = { tasks: words.expand, shell: own.showShell, log: own.showLog };
  const last = all[0];
  const showsTasks = open && tab === 'tasks';
  const those = (state: Task['state']): Task[] => all.filter(task => task.state === state);
  const choose = (chosen: StripTab) => {
    if (!open || tab === chosen) toggleStrip();
    stripTab.value = chosen;
  };
  return (
    <footer class={`strip${open ? '' : ' min'}`} id="strip" aria-label={words.label} tabIndex={-1}>
      <div class="tabs">
        {TABS.map(each => {
          const shows = open && tab === each;
          return (
            <button
              key={each}
              class="tab"
              aria-expanded={shows}
              aria-label={words.toggle(names[each], shows ? words.collapse[each] : expand[each])}
              aria-controls="strip-body"
              onClick={() => choose(each)}
            >
              {names[each]}
              {shows && (
                <>
                  {' '}
                  <Icon name="down" size={10} />
                </>
              )}
            </button>
          );
        })}
        <div class="last" role="status">
          {!showsTasks && last && <LastTask task={last} />}
        </div>
        {showsTasks && (
          <div class="row hide-s">
            <span class="sec nw" role="status">
              {words.counts(those('running').length, those('failed').length)}
            </span>
            <button
              class="btn quiet sm"
              aria-pressed={onlyFailed.value}
              onClick={() => {
                onlyFailed.value = !onlyFailed.value;
              }}
            >
              {words.onlyFailed}
            </button>
            <button class="btn quiet sm" onClick={() => dismiss(those('done').map(task => task.id))}>
              {words.clear}
            </button>
          </div>
        )}
      </div>
      {open && (
        <div
          class={`scroll${tab === 'tasks' ? '' : ' dark'}`}
          id="strip-body"
          {...(tab === 'tasks' ? { role: 'region', 'aria-label': words.tabs.tasks, tabIndex: 0 } : {})}
        >
          {tab === 'tasks' ? (
            <TaskTable shown={onlyFailed.value ? those('failed') : all} />
          ) : tab === 'shell' ? (
            <StripShell />
          ) : (
            <XenLog />
          )}
        </div>
      )}
    </footer>
  );
}

/** In one line, of which a narrow window shows little. */
const LastTask = ({ task }: { task: Task }) => (
  <>
    <Tag kind={task.state}>{words.states[task.state]}</Tag>
    <span class={`m cut${task.message ? ' hide-s' : ''}`} title={task.command}>
      {task.command}
    </span>
    {task.message && (
      <span class={`cut sec grow${task.state === 'failed' ? '' : ' hide-s'}`} title={task.message}>
        {firstSentence(task.message)}
      </span>
    )}
    <span class="dim m nw hide-s">{took(task)}</span>
  </>
);

/** The task log has the rest. */
const firstSentence = (message: string): string => /^.*?[.!?](?=\s|$)/.exec(message)?.[0] ?? message.split('\n')[0]!;

/** The one shell of this page: where its own page shows it, it is there. */
function StripShell() {
  const session = shell.value;
  const elsewhere = place.value.kind === 'shell';
  useEffect(() => {
    if (!elsewhere && !shell.peek()) newShell();
  }, [elsewhere]);
  return elsewhere ? <p class="hint">{words.shellAbove}</p> : session && <ShellWindow session={session} />;
}

/** What `xl dmesg` prints, followed. */
export function XenLog() {
  const text = useSignal('');
  const area = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const read = () =>
      host.dmesg().then(
        log => {
          // After scrolling up a reader reads on there.
          const pre = area.current;
          const atEnd = !pre || pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
          text.value = log;
          if (atEnd) requestAnimationFrame(() => area.current?.scrollTo(0, area.current.scrollHeight));
        },
        error => {
          text.value = sentence(error);
        },
      );
    void read();
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, LOG_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <pre class="xenlog" ref={area} role="log" aria-live="off" tabIndex={0} aria-label={pageWords().strip.log}>
      {text.value}
    </pre>
  );
}
