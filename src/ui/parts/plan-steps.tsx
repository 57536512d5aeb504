/** What starting a plan without errors will do. */

import type { Plan } from '../../dom0/service/index.ts';
import { laterStrings } from '../strings-later.ts';
import { spelled } from '../hypervisors/own.ts';

interface Props {
  plan: Plan;
  /** What it equals, each with what is done before it. */
  commands?: readonly Command[];
  /** What has to be done first. */
  once?: string;
}

interface Command {
  command: string;
  before?: string;
}

export const PlanSteps = ({ plan, commands = [{ command: plan.command }], once }: Props) => (
  <section class="plan">
    <div class="ph">
      <h3>{laterStrings.draft.plan}</h3>
      {once && <span class="sec">{once}</span>}
    </div>
    <Steps plan={plan} commands={commands} />
  </section>
);

/** What follows its command, a sentence each. */
export const stepsOf = (plan: Plan): string[] => laterStrings.draft.steps(plan.summary);

/** The same without a title. */
const Steps = ({ plan, commands }: { plan: Plan; commands: readonly Command[] }) => (
  <ol>
    {commands.map(({ command, before }) => (
      <li key={command}>
        {before && `${before} `}
        <code>{spelled(command)}</code>
      </li>
    ))}
    {stepsOf(plan).map(step => (
      <li key={step}>{step}</li>
    ))}
  </ol>
);
