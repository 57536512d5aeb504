/** What starting a plan without errors will do. */

import type { Plan } from '../../dom0/index.ts';
import { laterStrings } from '../strings-later.ts';

interface Props {
  plan: Plan;
  command?: string;
  /** What has to be done first. */
  once?: string;
  /** What is to be known of the command. */
  note?: string;
}

export const PlanSteps = ({ plan, command = plan.command, once, note }: Props) =>
  <section class="plan"><div class="ph"><h3>{laterStrings.draft.plan}</h3>{once && <span class="sec">{once}</span>}</div><Steps plan={plan} command={command} note={note} /></section>;

/** What follows its command, a sentence each. */
export const stepsOf = (plan: Plan): string[] => laterStrings.draft.steps(plan.summary, plan.command).filter(step => typeof step === 'string');

/** The same without a title. */
const Steps = ({ plan, command, note }: { plan: Plan; command: string; note: string | undefined }) =>
  <ol>{laterStrings.draft.steps(plan.summary, command).map((step, i) => <li key={i}>{typeof step === 'string' ? step : <><code>{step.command}</code>{note && <span class="sec"> {note}</span>}</>}</li>)}</ol>;
