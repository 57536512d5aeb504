/** Window with a guest's serial terminal. */

import type { ComponentChildren } from 'preact';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';
import { Chip, StateMark } from './marks.tsx';
import { TerminalWindow } from './terminal-window.tsx';

const words = strings.serial;

/** `first`: the keyboard's way into the guest leads here. `chrome`: what its place adds to the title. */
export function SerialWindow({ session, first, chrome }: { session: DomainSession; first: boolean; chrome?: ComponentChildren }) {
  const { name, type } = session.info.value;
  return <TerminalWindow terminal={session.terminal} name={name} label={words.label(name)} first={first} testId="serial" chrome={chrome} paused={session.info.value.state === 'p' && !session.gone.value}
    title={<><Chip id={session.id} /><StateMark state={session.gone.value ? 's' : session.state} /><span class="t">{name}</span><span class="sec">{words.title(type)}</span></>}
    note={!session.spoke.value && <p class="silent">{words.silent}</p>}
    over={session.over ? <span>{strings.guest.lastSeen}</span> : undefined} />;
}
