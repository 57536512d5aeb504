/** Domain 0's shell as it is shown: on its page, or in the strip. */

import { useEffect } from 'preact/hooks';
import { elsewhere, newShell, type ShellSession, shell, state } from '../shell-session.ts';
import { viewStrings } from '../view-strings.ts';
import { hostSystemName, ofHost } from '../hypervisors/of-host.ts';
import { pageWords } from '../hypervisors/own.ts';
import { StateNote } from './domain0-shell.tsx';
import { Chip, StateMark, SystemBadge } from './marks.tsx';
import { TerminalWindow } from './terminal-window.tsx';

const words = viewStrings.shell;

export function ShellPage() {
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
            {hostSystemName()}
          </h2>
          <SystemBadge />
          <span class="sec meta">{ofHost(words.about)}</span>
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
    name={hostSystemName()}
    label={pageWords().shell.name}
    first
    testId="shell"
    title={
      <>
        <Chip id={0} />
        <StateMark state="r" />
        <span class="t">{hostSystemName()}</span>
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
