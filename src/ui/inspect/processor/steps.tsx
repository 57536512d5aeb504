/** Pause, run, and steps of one domain: an instruction, or to the end of the next exit. */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { asTask, command, host } from '../../host.ts';
import { Icon } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';
import { spelled } from '../../hypervisors/spelled.ts';

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
    void asTask(commandOf('step', name, { exits: what === 'exits' }), () => host.step(session.id, 1, what));
  return (
    <>
      <button
        class="btn sm"
        title={spelled(commandOf(isStill ? 'unpause' : 'pause', name))}
        onClick={() => void command(isStill ? 'unpause' : 'pause', session.info.peek())}
      >
        <Icon name={isStill ? 'run' : 'pause'} />
        {isStill ? words.run : words.pause}
      </button>
      <button
        class="btn sm"
        disabled={!isStill}
        title={isStill ? spelled(commandOf('step', name)) : words.first}
        onClick={() => step('instructions')}
      >
        <Icon name="step" />
        {words.step}
      </button>
      <button
        class="btn sm"
        disabled={!isStill}
        title={isStill ? spelled(commandOf('step', name, { exits: true })) : words.first}
        onClick={() => step('exits')}
      >
        <Icon name="step" />
        {words.exit}
      </button>
    </>
  );
}
