/** What starting a plan without errors will do. */

import type { Plan } from '../../dom0/index.ts';
import { strings } from '../strings.ts';

/** `once`: what has to be done first. */
export const PlanSteps = ({ plan, command = plan.command, once }: { plan: Plan; command?: string; once?: string }) =>
  <section class="plan"><div class="ph"><h3>{strings.draft.plan}</h3>{once && <span class="sec">{once}</span>}</div><Steps plan={plan} command={command} /></section>;

/** What follows its command, a sentence each. */
export const stepsOf = (plan: Plan): string[] => strings.draft.steps(plan.summary, plan.command).filter(step => typeof step === 'string');

/** The same without a title. */
const Steps = ({ plan, command }: { plan: Plan; command: string }) =>
  <ol>{strings.draft.steps(plan.summary, command).map((step, i) => <li key={i}>{typeof step === 'string' ? step : <code>{step.command}</code>}</li>)}</ol>;
