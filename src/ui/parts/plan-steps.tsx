/** What starting a plan without errors will do. */

import type { Plan } from '../../dom0/index.ts';
import { strings } from '../strings.ts';

export const PlanSteps = ({ plan, command = plan.command }: { plan: Plan; command?: string }) =>
  <section class="plan"><h3>{strings.draft.plan}</h3><Steps plan={plan} command={command} /></section>;

/** The same without a title. */
export const Steps = ({ plan, command }: { plan: Plan; command: string }) =>
  <ol>{strings.draft.steps(plan.summary, command).map((step, i) => <li key={i}>{typeof step === 'string' ? step : <code>{step.command}</code>}</li>)}</ol>;
