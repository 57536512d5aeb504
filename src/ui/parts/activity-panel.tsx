/** The inspector's panel of what a guest does to the hypervisor. Its script is not in the first prompt's way. */

import { activity } from '../parts.ts';
import { afterPrompt } from '../prompt-reached.ts';
import type { Panel } from '../panel.ts';
import { type DomainSession, sessionAt } from '../sessions.ts';
import { later } from './load-when-shown.tsx';

const Activity = later(activity, part => part.Activity);
/** Instructions after which a guest that has no prompt yet is one that boots for long: its numbers are shown meanwhile. */
const LONG_BOOT = 50e6;

/** There is something to count, and nobody waits for a first prompt that is near. */
const Shown = ({ session }: { session: DomainSession }) =>
  afterPrompt.value || session.over || (session.sample.value?.retired ?? 0) > LONG_BOOT ? (
    <Activity session={session} />
  ) : null;

export const activityPanel: Panel = {
  id: 'activity',
  region: 'inspector',
  name: 'Activity',
  show: here => {
    const session = here.tab === undefined ? sessionAt(here) : undefined;
    return session && <Shown session={session} />;
  },
};
