/** Who is on each processor of the machine, as the run queue has it. Loaded behind the first prompt. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useMachine } from '../inspect/machine.ts';
import { nameOf } from '../host.ts';
import { Chip } from './marks.tsx';

const words = { on: (n: number) => `on pCPU ${n}`, idle: 'idle' };
const EVERY_MS = 250,
  /** More would not fit. */
  MOST = 4;

export function Pcpus() {
  const machine = useMachine().value?.view;
  /** Domain ids; -1: idle. */
  const holders = useSignal<readonly number[]>([]);
  useEffect(() => {
    if (!machine) return;
    const read = () => {
      if (document.hidden) return;
      const now = machine.scheduler.slots.slice(0, MOST).map(unit => (unit < 0 ? -1 : machine.idOf(unit)));
      if (now.join() !== holders.peek().join()) holders.value = now;
    };
    read();
    const timer = setInterval(read, EVERY_MS);
    return () => clearInterval(timer);
  }, [machine]);
  return (
    <div class="onp">
      {holders.value.map((id, pcpu) => (
        <div key={pcpu} class="clock">
          <small>{words.on(pcpu)}</small>
          <span class="plain">
            {id < 0 ? (
              <span class="dim">{words.idle}</span>
            ) : (
              <>
                <Chip id={id} /> {nameOf(id)}
              </>
            )}
          </span>
        </div>
      ))}
    </div>
  );
}
