/** The header: brand, the clock and whose it is, search, theme, keys. */

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { asTask, host, hostProblem, info, living } from '../host.ts';
import { guestNs } from '../counters.ts';
import { isSlow, pauseAll, runAll } from '../pace.ts';
import { inTheMaking } from '../presses.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { theme, type ThemeChoice } from '../settings.ts';
import { go, paletteOpen, place, treeOpen } from '../navigation.ts';
import { strings } from '../strings.ts';
import { clock } from '../units.ts';
import { afterPrompt } from '../after-prompt.ts';
import { later } from './load-when-shown.tsx';
import { Brand, Icon } from './marks.tsx';
import { spelled } from '../without-xen.ts';

const VirtualPace = later(
  () => import('./virtual-pace.tsx'),
  part => part.VirtualPace,
);
const Pace = later(
  () => import('./pace.tsx'),
  part => part.Pace,
);
const Pcpus = later(
  () => import('./pcpus.tsx'),
  part => part.Pcpus,
);

const shownSession = (): DomainSession | undefined => {
  const here = place.value;
  return here.id !== undefined
    ? sessions.value.get(here.id)
    : [...sessions.value.values()].findLast(session => !session.gone.value);
};

export function Header() {
  const keysOpen = useSignal(false);
  const mode = info.value?.mode;
  const keysMenu = useRef<HTMLDivElement>(null);
  // Wherever the focus is; a click elsewhere closes it, too.
  useLayoutEffect(() => {
    if (!keysOpen.value) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      keysOpen.value = false;
      keysMenu.current?.querySelector('button')?.focus();
    };
    const onDown = (event: PointerEvent) => {
      if (!keysMenu.current?.contains(event.target as Node)) keysOpen.value = false;
    };
    window.addEventListener('keydown', onKey);
    window.addEventListener('pointerdown', onDown);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener('pointerdown', onDown);
    };
  }, [keysOpen.value]);
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
        class="btn search hide-s"
        aria-haspopup="dialog"
        onClick={() => {
          paletteOpen.value = true;
        }}
      >
        <Icon name="search" />
        <span>{strings.palette.open}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <div class="pick" title={strings.theme.label}>
        <Icon name="theme" size={14} />
        <select
          class="btn quiet"
          aria-label={strings.theme.label}
          value={theme.value}
          onChange={event => {
            theme.value = event.currentTarget.value as ThemeChoice;
          }}
        >
          {(['system', 'light', 'dark', 'contrast'] as const).map(choice => (
            <option key={choice} value={choice}>
              {strings.theme[choice]}
            </option>
          ))}
        </select>
      </div>
      <div class="keys-menu hide-s" ref={keysMenu}>
        <button
          class="btn quiet"
          aria-expanded={keysOpen.value}
          onClick={() => {
            keysOpen.value = !keysOpen.value;
          }}
        >
          {strings.help}
        </button>
        {keysOpen.value && (
          <div class="pop" role="dialog" aria-label={strings.keys.title}>
            <h3>{strings.keys.title}</h3>
            <dl class="kv">
              {strings.keys.rows.map(([keys, does]) => (
                <>
                  <dt>
                    <kbd>{keys}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </>
              ))}
            </dl>
            <button
              class="btn sm"
              onClick={() => {
                keysOpen.value = false;
              }}
            >
              {strings.keys.close}
            </button>
          </div>
        )}
      </div>
    </header>
  );
}

/** All guests at once: they run, stand still, or the one that is shown goes on to the end of its next exit. */
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
        title={shown?.state === 'p' ? spelled(`xl step -e ${shown.name}`) : words.stepHint}
        onClick={() => shown && void asTask(`xl step -e ${shown.name}`, () => host.step(shown.id, 1, 'exits'))}
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
