/** Domain 0's shell on the workbench. */

import { useEffect } from 'preact/hooks';
import type { Panel } from '../panel.ts';
import {
  elsewhere,
  newShell,
  type ShellSession,
  shell,
  state,
  takeOver,
  takeOverProblem,
  takingOver,
} from '../shell-session.ts';
import { strings } from '../strings.ts';
import { Chip, ModeBadge, StateMark, Tag } from './marks.tsx';
import { TerminalWindow } from './terminal-window.tsx';

const words = strings.shell;

export const shellPanel: Panel = {
  id: 'shell',
  region: 'bench',
  name: words.name,
  show: here => here.kind === 'shell' && <ShellPage />,
  title: here => (here.kind === 'shell' ? words.name : undefined),
  from: here => (here.kind === 'shell' ? undefined : { kind: 'shell' }),
};

function ShellPage() {
  const session = shell.value;
  useEffect(() => {
    if (!shell.peek()) newShell();
  }, []);
  return (
    <>
      <div class="bh guest">
        <div class="row">
          <h2>
            <StateMark state="r" />
            {words.domain}
          </h2>
          <ModeBadge type="d0" />
          <span class="sec meta">{words.about}</span>
        </div>
      </div>
      {!elsewhere.value && <StateNote />}
      <div class="desk serial">{session && <ShellWindow session={session} />}</div>
    </>
  );
}

/** Its terminal: on its page, or in the strip. */
export const ShellWindow = ({ session }: { session: ShellSession }) => (
  <TerminalWindow
    terminal={session.terminal}
    name={words.domain}
    label={words.label}
    first
    testId="shell"
    title={
      <>
        <Chip id={0} />
        <StateMark state="r" />
        <span class="t">{words.domain}</span>
        <span class="sec">{state.value?.kept ? words.kept(state.value.where) : words.title}</span>
      </>
    }
    over={
      session.over.value ? (
        <>
          <button class="btn sm" onClick={() => newShell(true)}>
            {words.again}
          </button>
          <span>{words.over}</span>
        </>
      ) : undefined
    }
    sized={(columns, rows) => session.sized(columns, rows)}
  />
);

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
      {takeOverProblem.value && <Tag kind="failed">{takeOverProblem.value}</Tag>}
    </div>
  );
}
