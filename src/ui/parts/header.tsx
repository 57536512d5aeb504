/** The header: brand, the clock and whose it is, search, lessons, theme, help. */

import { headerTools, help } from '../parts.ts';
import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { asTask, host, hostProblem, info, living } from '../host.ts';
import { guestNs } from '../counters.ts';
import { isSlow, pauseAll, runAll } from '../pace.ts';
import { inTheMaking } from '../presses.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { go, paletteOpen, place, treeOpen } from '../navigation.ts';
import { strings } from '../strings.ts';
import { clock } from '../units.ts';
import { afterPrompt } from '../prompt-reached.ts';
import { later } from './load-when-shown.tsx';
import { Brand, Icon } from './marks.tsx';
import { ThemePick } from './theme-pick.tsx';
import { spelled } from '../hypervisors/spelled.ts';

const VirtualPace = later(headerTools, part => part.VirtualPace);
const Pace = later(headerTools, part => part.Pace);
const Help = later(help, part => part.Help);
const Pcpus = later(headerTools, part => part.Pcpus);

const shownSession = (): DomainSession | undefined => {
  const here = place.value;
  return here.id !== undefined
    ? sessions.value.get(here.id)
    : [...sessions.value.values()].findLast(session => !session.gone.value);
};

export function Header() {
  const mode = info.value?.mode;
  return (
    <header class="top">
      <button
        class="btn quiet icon only-s"
        aria-label={treeOpen.value ? strings.closeTree : strings.openTree}
        aria-expanded={treeOpen.value}
        onClick={() => {
          treeOpen.value = !treeOpen.value;
        }}
      >
        <Icon name={treeOpen.value ? 'close' : 'menu'} size={14} />
      </button>
      <a
        class="brand-link"
        href="#bench"
        aria-label={strings.product}
        onClick={event => {
          event.preventDefault();
          go({ kind: 'home' });
        }}
      >
        <Brand />
      </a>
      <span class="vr" />
      <MachineTime />
      {info.value?.time !== 'virtual' && afterPrompt.value && <Pace />}
      {info.value?.time === 'virtual' ? <VirtualPace /> : <GuestTime />}
      {afterPrompt.value && <Pcpus />}
      {info.value?.time !== 'virtual' && mode !== 'shared' && (
        <div class="clock hide-s">
          <small>{strings.modeLabel}</small>
          <span class="plain">
            {mode ? strings.oneWorker : hostProblem.value ? strings.tree.noData : strings.starting}
          </span>
        </div>
      )}
      <span class="grow" />
      <button
        class="btn search"
        aria-haspopup="dialog"
        aria-label={strings.palette.open}
        onClick={() => {
          paletteOpen.value = true;
        }}
      >
        <Icon name="search" />
        <span>{strings.palette.open}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <a
        class="btn quiet hide-s"
        href="#/lessons"
        onClick={event => {
          event.preventDefault();
          go({ kind: 'lessons' });
        }}
      >
        {strings.home.lesson}
      </a>
      <ThemePick look="hide-s" />
      <HelpButton />
    </header>
  );
}

/** Opens Help. */
function HelpButton() {
  const helpOpen = useSignal(false);
  const helpMenu = useRef<HTMLDivElement>(null);
  // Wherever the focus is; a click elsewhere closes it, too.
  useLayoutEffect(() => {
    if (!helpOpen.value) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      helpOpen.value = false;
      helpMenu.current?.querySelector('button')?.focus();
    };
    const onDown = (event: PointerEvent) => {
      if (!helpMenu.current?.contains(event.target as Node)) helpOpen.value = false;
    };
    window.addEventListener('keydown', onKey);
    window.addEventListener('pointerdown', onDown);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener('pointerdown', onDown);
    };
  }, [helpOpen.value]);
  return (
    <div class="keys-menu" ref={helpMenu}>
      <button
        class="btn quiet"
        aria-haspopup="dialog"
        aria-expanded={helpOpen.value}
        aria-label={strings.help}
        onClick={() => {
          helpOpen.value = !helpOpen.value;
        }}
      >
        <span class="hide-s">{strings.help}</span>
        <b class="only-s" aria-hidden="true">
          ?
        </b>
      </button>
      {helpOpen.value && (
        <Help
          close={() => {
            helpOpen.value = false;
          }}
        />
      )}
    </div>
  );
}

/** All guests at once: they run, are paused, or the one that is shown goes on to the end of its next exit. */
function MachineTime() {
  const words = strings.machineTime;
  const guests = living.value;
  if (!info.value) return null;
  // What was pressed for guests that are being made shows at once.
  const kept = [...inTheMaking.value.values()],
    isNone = guests.length === 0 && kept.length === 0;
  const isStill =
    !isNone &&
    !isSlow() &&
    (kept.length > 0 ? kept.every(press => press === 'pause') : guests.every(({ state }) => state === 'p'));
  const shown = shownSession()?.info.value;
  return (
    <div class="seg mtime" role="group" aria-label={words.label}>
      <button
        disabled={isNone}
        aria-pressed={!isNone && !isStill}
        aria-label={words.runAll}
        title={isNone ? words.nobody : words.runAll}
        onClick={runAll}
      >
        <Icon name="run" />
        <span class="when-wide">{strings.guest.run}</span>
      </button>
      <button
        disabled={isNone}
        aria-pressed={isStill}
        aria-label={words.pauseAll}
        title={isNone ? words.nobody : words.pauseAll}
        onClick={pauseAll}
      >
        <Icon name="pause" />
        <span class="when-wide">{strings.guest.pause}</span>
      </button>
      <button
        disabled={shown?.state !== 'p'}
        aria-label={shown ? words.stepOf(shown.name) : words.step}
        title={shown?.state === 'p' ? spelled(commandOf('step', shown.name, { exits: true })) : words.stepHint}
        onClick={() =>
          shown && void asTask(commandOf('step', shown.name, { exits: true }), () => host.step(shown.id, 1, 'exits'))
        }
      >
        <Icon name="step" />
        <span class="when-wide">{words.step}</span>
      </button>
    </div>
  );
}

function GuestTime() {
  const session = shownSession();
  const sample = session?.sample.value;
  // No guest, no time of one.
  if (!session) return null;
  return (
    <div class="clock" title={strings.guestTimeOf(session.info.value.name)}>
      <small>
        {strings.guestTime}
        <span class="hide-s">{strings.ofGuest(session.info.value.name)}</span>
      </small>
      {sample ? clock(guestNs(sample)) : strings.tree.noData}
    </div>
  );
}
