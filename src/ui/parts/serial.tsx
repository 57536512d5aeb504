/** Window with a guest's serial terminal. */

import type { ComponentChildren } from 'preact';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';
import { Chip, StateMark } from './marks.tsx';
import { AwayNote, FullButton, isAway, PopButton } from './pop-out.tsx';
import { TerminalWindow } from './terminal-window.tsx';

const words = strings.serial;

interface SerialWindowProps {
  session: DomainSession;
  /** The keyboard's way into the guest leads here. */
  first: boolean;
  /** What its place adds to the title. */
  chrome?: ComponentChildren;
}

export function SerialWindow(props: SerialWindowProps) {
  const { session, chrome } = props;
  const title = words.label(session.info.value.name);
  if (isAway(session, 'serial')) return <AwayNote session={session} kind="serial" title={title} chrome={chrome} />;
  return <Serial {...props} chrome={<><PopButton session={session} kind="serial" title={title} view={<Serial session={session} first={false} chrome={<FullButton title={title} />} />} /><FullButton title={title} />{chrome}</>} />;
}

function Serial({ session, first, chrome }: SerialWindowProps) {
  const { name, type } = session.info.value;
  return <TerminalWindow terminal={session.terminal} name={name} label={words.label(name)} first={first} testId="serial" chrome={chrome} paused={session.info.value.state === 'p' && !session.gone.value}
    title={<><Chip id={session.id} /><StateMark state={session.gone.value ? 's' : session.state} /><span class="t">{name}</span><span class="sec">{words.title(type)}</span></>}
    note={!session.spoke.value && <p class="silent">{words.silent}</p>}
    over={session.over ? <span>{strings.guest.lastSeen}</span> : undefined} />;
}
