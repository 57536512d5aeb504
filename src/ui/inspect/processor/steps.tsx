/** Pause, run, and steps of one domain: an instruction, or to the end of the next exit. */

import { asTask, command, host } from '../../host.ts';
import { Icon } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';
import { spelled } from '../../hypervisors/own.ts';

const words = {
  step: 'Step instruction',
  exit: 'Step exit',
  pause: 'Pause domain',
  run: 'Run domain',
  first: 'Pause the domain first',
};

export function Steps({ session, isStill }: { session: DomainSession; isStill: boolean }) {
  const { name } = session.info.value;
  const step = (what: 'instructions' | 'exits') =>
    void asTask(`xl step ${what === 'exits' ? '-e ' : ''}${name}`, () => host.step(session.id, 1, what));
  return (
    <>
      <button
        class="btn sm"
        title={spelled(`xl ${isStill ? 'unpause' : 'pause'} ${name}`)}
        onClick={() => void command(isStill ? 'unpause' : 'pause', session.info.peek())}
      >
        <Icon name={isStill ? 'run' : 'pause'} />
        {isStill ? words.run : words.pause}
      </button>
      <button
        class="btn sm"
        disabled={!isStill}
        title={isStill ? spelled(`xl step ${name}`) : words.first}
        onClick={() => step('instructions')}
      >
        <Icon name="step" />
        {words.step}
      </button>
      <button
        class="btn sm"
        disabled={!isStill}
        title={isStill ? spelled(`xl step -e ${name}`) : words.first}
        onClick={() => step('exits')}
      >
        <Icon name="step" />
        {words.exit}
      </button>
    </>
  );
}
