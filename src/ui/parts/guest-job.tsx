/** What is done with a guest that takes time: how far it is, and a button that ends it. Loaded at the first of them. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { JobInfo } from '../../dom0/toolstack/index.ts';
import { asTask, host } from '../host.ts';
import { bytes } from '../terminal.ts';

/** How often it is asked how far it is. What is over sooner is not shown: it would only flash. */
const LOOK_MS = 250;

const words = {
  of: (operation: string) => `Job: ${operation}.`,
  since: (seconds: number) => `${seconds} s so far.`,
  wrote: (done: string, total: string) => `${done} of ${total} written.`,
  end: 'End it',
};

export function GuestJob({ id, name }: { id: number; name: string }) {
  const job = useSignal<JobInfo | undefined>(undefined);
  useEffect(() => {
    const timer = setInterval(
      () =>
        host.inspect('job', id).then(
          now => {
            job.value = now;
          },
          () => {},
        ),
      LOOK_MS,
    );
    return () => clearInterval(timer);
  }, [id]);
  if (!job.value) return null;
  const { operation, elapsedMs, dataBytes } = job.value;
  const abort = `virsh domjobabort ${name}`;
  return (
    <div class="note" role="status">
      <span>
        {words.of(operation)} {words.since(Math.round(elapsedMs / 1000))}
        {dataBytes && ` ${words.wrote(bytes(dataBytes.processed), bytes(dataBytes.total))}`}
      </span>
      <button class="btn sm" title={abort} onClick={() => void asTask(abort, () => host.abortJob(id))}>
        {words.end}
      </button>
    </div>
  );
}
