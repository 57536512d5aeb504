/** The task log: what was done on this host, as the xl command that it is, and how it ended. */

import type { Task } from '../../dom0/index.ts';
import { dismiss } from '../host.ts';
import { strings } from '../strings.ts';
import { took } from '../units.ts';
import { Icon, Tag } from './marks.tsx';

/** Start of a task: time of day. */
const startedAt = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);

/** A sentence; a report of several lines opens under its first. */
function Message({ text }: { text: string | undefined }) {
  const at = text?.indexOf('\n') ?? -1;
  if (!text) return null;
  if (at < 0) return <span class="one" title={text}>{text}</span>;
  return <details><summary>{text.slice(0, at)}</summary><pre class="code">{text.slice(at).trim()}</pre></details>;
}

export function TaskTable({ shown }: { shown: readonly Task[] }) {
  if (shown.length === 0) return <p class="hint">{strings.strip.none}</p>;
  return <table class="pad log">
    <thead><tr><th>{strings.strip.started}</th><th>{strings.strip.command}</th><th>{strings.strip.status}</th><th class="num">{strings.strip.took}</th><th>{strings.strip.happened}</th><th /></tr></thead>
    <tbody>{shown.map(task => <tr key={task.id}>
      <td class="m dim">{startedAt(task.startedMs)}</td><td class="m">{task.command}</td><td><Tag kind={task.state}>{strings.strip.states[task.state]}</Tag></td><td class="m num dim nw">{took(task) || (task.state !== 'running' && '–')}</td>
      <td class="sec say"><Message text={task.message} /></td><td class="num">{task.state === 'failed' && <button class="btn quiet icon sm" aria-label={strings.strip.dismiss} title={strings.strip.dismiss} onClick={() => dismiss([task.id])}><Icon name="cross" /></button>}</td>
    </tr>)}</tbody>
  </table>;
}
