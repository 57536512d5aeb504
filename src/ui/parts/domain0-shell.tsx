/** Domain 0's shell on the workbench: the way to it, and what is said of what it keeps. */

import { shellWindow } from '../parts.ts';
import { pageWords } from '../hypervisors/own.ts';
import type { Panel } from '../panel.ts';
import { elsewhere, state, takeOver, takeOverProblem, takingOver } from '../shell-session.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';
import { Tag } from './marks.tsx';

const words = strings.shell;
const ShellPage = later(shellWindow, part => part.ShellPage);
/** Its terminal: on its page, or in the strip. */
export const ShellWindow = later(shellWindow, part => part.ShellWindow);

export const shellPanel: Panel = {
  id: 'shell',
  region: 'bench',
  get name() {
    return pageWords().shell.name;
  },
  show: here => here.kind === 'shell' && <ShellPage />,
  title: here => (here.kind === 'shell' ? pageWords().shell.name : undefined),
  from: here => (here.kind === 'shell' ? undefined : { kind: 'shell' }),
};

const DamagedState = later(shellWindow, part => part.DamagedState);

/** That nothing is kept, why, and what can be done. */
export function StateNote() {
  const known = elsewhere.value ?? state.value;
  if (!known || known.kept) return null;
  return (
    <div class="note" role="status">
      <span>
        {words.notKept} {known.why}
      </span>{' '}
      {known.heldElsewhere && (
        <>
          <span>{words.takeOverHint(known.heldElsewhere.sinceMs)}</span>
          <button class="btn sm" disabled={takingOver.value} onClick={() => void takeOver()}>
            {takingOver.value ? words.takingOver : words.takeOver}
          </button>
        </>
      )}
      {known.damaged && <DamagedState />}
      {takeOverProblem.value && <Tag kind="failed">{takeOverProblem.value}</Tag>}
    </div>
  );
}
