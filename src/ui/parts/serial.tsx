/** Window with a guest's serial terminal. */

import { reportProblem } from '../host.ts';
import { strings } from '../strings.ts';
import { Chip, ModeBadge, StateMark } from './marks.tsx';
import { GuestWindow, type GuestWindowProps } from './pop-out.tsx';
import { SendMenu } from './send-menu.tsx';
import { clipboardText, copyToClipboard } from '../clipboard.ts';
import { TerminalWindow } from './terminal-window.tsx';

const words = strings.serial;

export const SerialWindow = (props: GuestWindowProps) => (
  <GuestWindow {...props} kind="serial" title={words.label(props.session.info.value.name)} Shown={Serial} />
);

/** Keys that a browser or a reader keeps, as a terminal sends them. */
const KEYS = [
  ['Ctrl + W', '\x17'],
  ['Esc', '\x1b'],
] as const;

function Serial({ session, first, chrome, captured = false }: GuestWindowProps) {
  const { name, type } = session.info.value,
    { terminal } = session;
  const paste = async (): Promise<void> => {
    const text = await clipboardText();
    if (text) terminal.type(text);
    else reportProblem(strings.screen.sendClipboard, strings.screen.clipboardEmpty);
  };
  const actions = (
    <SendMenu
      items={[
        ...(session.over
          ? []
          : [
              ...KEYS.map(([key, sends]) => ({ name: key, isKey: true, run: () => terminal.type(sends) })),
              { name: strings.screen.sendClipboard, run: () => void paste() },
            ]),
        { name: strings.screen.copy, run: () => void copyToClipboard(`${terminal.lines().join('\n').trimEnd()}\n`) },
      ]}
    />
  );
  return (
    <TerminalWindow
      terminal={terminal}
      name={name}
      label={words.label(name)}
      first={first}
      captured={captured}
      testId="serial"
      chrome={
        <>
          {actions}
          {chrome}
        </>
      }
      paused={session.info.value.state === 'p' && !session.gone.value}
      title={
        <>
          <Chip id={session.id} />
          <StateMark state={session.gone.value ? 's' : session.state} fell={session.info.value.fell} />
          <span class="t">{name}</span>
          <ModeBadge type={type} />
          <span class="sec cut">{words.title(type)}</span>
        </>
      }
      note={!session.spoke.value && <p class="silent">{words.silent}</p>}
      over={session.over ? <span>{strings.guest.lastSeen}</span> : undefined}
    />
  );
}
