/** Window with a guest's serial terminal. */

import { strings } from '../strings.ts';
import { Chip, StateMark } from './marks.tsx';
import { GuestWindow, type GuestWindowProps } from './pop-out.tsx';
import { TerminalWindow } from './terminal-window.tsx';

const words = strings.serial;

export const SerialWindow = (props: GuestWindowProps) => <GuestWindow {...props} kind="serial" title={words.label(props.session.info.value.name)} Shown={Serial} />;

function Serial({ session, first, chrome }: GuestWindowProps) {
  const { name, type } = session.info.value;
  return <TerminalWindow terminal={session.terminal} name={name} label={words.label(name)} first={first} testId="serial" chrome={chrome} paused={session.info.value.state === 'p' && !session.gone.value}
    title={<><Chip id={session.id} /><StateMark state={session.gone.value ? 's' : session.state} /><span class="t">{name}</span><span class="sec">{words.title(type)}</span></>}
    note={!session.spoke.value && <p class="silent">{words.silent}</p>}
    over={session.over ? <span>{strings.guest.lastSeen}</span> : undefined} />;
}
