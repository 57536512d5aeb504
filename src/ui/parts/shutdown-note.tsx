/** A guest that was asked to shut down: how it was asked, for how long it has not, and what is left then. */

import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Task } from '../../dom0/service/index.ts';
import { destroyNow } from '../leaving.ts';
import type { DomainSession } from '../sessions.ts';
import { Both, inBoth } from './both-words.tsx';

/** This long a guest may take before the harder way is offered. */
const PATIENCE_SECONDS = 10;

const words = {
  asked: (command: string, message: string) => `${command}: ${message}`,
  fallback: (name: string, seconds: number) =>
    `Where ${name} does not follow within ${seconds} s, it can be destroyed: as if its power were cut.`,
  late: (name: string) => `${name} goes on. Wait, or destroy it: as if its power were cut.`,
  destroy: 'Destroy now',
};

export function ShutdownNote({ session, task }: { session: DomainSession; task: Task }) {
  const seen = useSignal<number | undefined>(undefined),
    isLongAgo = useSignal(false);
  const isRunning = task.state === 'running';
  useEffect(() => {
    if (!isRunning) return;
    // An earlier domain of this name may have been asked, too.
    seen.value = task.id;
    isLongAgo.value = false;
    const timer = setTimeout(
      () => {
        isLongAgo.value = true;
      },
      Math.max(0, task.startedMs + PATIENCE_SECONDS * 1000 - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [task.id, isRunning]);
  if (!isRunning && (seen.value !== task.id || task.state === 'done')) return null;
  const { name } = session.info.value,
    isLate = !isRunning || isLongAgo.value;
  const destroy = commandOf('destroy', name);
  return (
    <div class={isLate ? 'note bad' : 'note'} role={isLate ? 'alert' : 'status'}>
      <span>
        {isRunning ? words.asked(task.command, task.message ?? '') : task.message}{' '}
        {isRunning && (isLate ? words.late(name) : words.fallback(name, PATIENCE_SECONDS))} <Both command={destroy} />
      </span>
      {isLate && (
        <button class="btn sm" title={inBoth(destroy)} onClick={() => destroyNow(session)}>
          {words.destroy}
        </button>
      )}
    </div>
  );
}
