/** What starting a plan without errors will do. */

import { type CommandValue, commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import type { Plan } from '../../dom0/service/index.ts';
import { viewStrings } from '../view-strings.ts';
import { spelled } from '../hypervisors/spelled.ts';

interface Props {
  plan: Plan;
  /** What it equals, each with what is done before it. */
  commands?: readonly Step[];
  /** What has to be done first. */
  once?: string;
}

interface Step {
  command: CommandValue;
  before?: string;
}

/** What starting it is. */
export const creates = ({ creates: given }: Plan): CommandValue => commandOf('create', undefined, given);

export const PlanSteps = ({ plan, commands = [{ command: creates(plan) }], once }: Props) => (
  <section class="plan">
    <div class="ph">
      <h3>{viewStrings.draft.plan}</h3>
      {once && <span class="sec">{once}</span>}
    </div>
    <Steps plan={plan} commands={commands} />
  </section>
);

/** What follows its command, a sentence each. */
export const stepsOf = (plan: Plan): string[] => viewStrings.draft.steps(plan.summary);

/** The same without a title. */
const Steps = ({ plan, commands }: { plan: Plan; commands: readonly Step[] }) => (
  <ol>
    {commands.map(({ command, before }) => (
      <li key={JSON.stringify(command)}>
        {before && `${before} `}
        <code>{spelled(command)}</code>
      </li>
    ))}
    {stepsOf(plan).map(step => (
      <li key={step}>{step}</li>
    ))}
  </ol>
);
