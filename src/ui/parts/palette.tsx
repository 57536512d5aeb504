/** Ctrl + K: whatever can be done from here, found by name, with the xl command that it is where it is one. */

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { definedActions, guestActions } from '../actions.ts';
import { halted, inventory } from '../inventory.ts';
import { lessonAddress, LESSONS } from '../lessons/list.ts';
import { natural } from '../order.ts';
import { offers } from '../offered-guests.ts';
import type { Panel } from '../panel.ts';
import { sessionAt, sessions } from '../sessions.ts';
import { stripTab, theme, type ThemeChoice } from '../settings.ts';
import { bootOffer, go, paletteOpen, place, stripOpen, toggleStrip } from '../navigation.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { pool } from '../pool/pool.ts';
import { filterByTag, tagWords } from './tags.tsx';
import * as tables from '../../dom0/toolstack/hypervisors/index.ts';
import { spelled, spellers } from '../hypervisors/spelled.ts';

const words = viewStrings.palette;
// Commands are found by how they are typed, from the first key on.
spellers.value ??= tables;

interface Entry {
  name: string;
  /** As `xl` would spell it, or a shortcut. */
  hint?: string;
  run(): void;
}

function entries(panels: readonly Panel[]): Entry[] {
  const here = place.value;
  const session = sessionAt(here);
  const list: Entry[] = [];
  if (session && !session.over)
    for (const { name, command, run } of guestActions(session).slice(1))
      list.push({ name, ...(command ? { hint: spelled(command) } : {}), run });
  for (const { name, from } of panels) {
    const to = from?.(here);
    if (to) list.push({ name: words.goTo(name), run: () => go(to) });
  }
  for (const { id, info } of sessions.value.values())
    if (id !== session?.id)
      list.push({
        name: words.goTo(info.value.name),
        hint: strings.states[info.value.state],
        run: () => go({ kind: 'domain', id }),
      });
  for (const guest of offers.value)
    list.push({
      name: `${strings.home.bootButton} ${guest.title}`,
      run: () => {
        go({ kind: 'home', tab: 'new' });
        void bootOffer(guest);
      },
    });
  for (const each of halted.value)
    for (const { name, command, run } of definedActions(each))
      list.push({ name, ...(command ? { hint: spelled(command) } : {}), run });
  for (const tag of allTags())
    list.push({
      name: tagWords.only(tag),
      hint: `#${tag}`,
      run: () => {
        go({ kind: 'home', tab: 'host' });
        filterByTag(tag);
      },
    });
  for (const { id, title, about } of LESSONS)
    list.push({ name: `${words.lesson}: ${title}`, hint: about, run: () => location.assign(lessonAddress(id)) });
  const tasksShown = stripOpen.value && stripTab.value === 'tasks';
  list.push({
    name: tasksShown ? strings.strip.collapse.tasks : strings.strip.expand,
    run: () => {
      stripTab.value = 'tasks';
      if (tasksShown || !stripOpen.peek()) toggleStrip();
    },
  });
  for (const choice of ['system', 'light', 'dark', 'contrast'] as ThemeChoice[])
    if (choice !== theme.value)
      list.push({
        name: `${strings.theme.label}: ${strings.theme[choice]}`,
        run: () => {
          theme.value = choice;
        },
      });
  return list;
}

/** Of guests and definitions, each once. */
const allTags = (): string[] =>
  [
    ...new Set([
      ...Object.values(inventory.value?.tags ?? {}).flat(),
      ...halted.value.flatMap(({ tags = [] }) => tags),
      ...(pool.value?.hosts ?? []).flatMap(({ guests }) => guests.flatMap(({ tags = [] }) => tags)),
    ]),
  ].sort(natural);

/** Every word of what was typed is somewhere in the name or the command. */
const matches = (entry: Entry, typed: string): boolean => {
  const text = `${entry.name} ${entry.hint ?? ''}`.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
};

export function Palette({ panels }: { panels: readonly Panel[] }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const typed = useSignal('');
  const chosen = useSignal(0);
  // At once: who types on at the same moment types here.
  useLayoutEffect(() => {
    dialog.current!.showModal();
  }, []);
  const shown = entries(panels).filter(entry => matches(entry, typed.value.trim()));
  const at = Math.min(chosen.value, shown.length - 1);
  const close = () => {
    paletteOpen.value = false;
  };
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (to !== undefined && shown.length > 0) {
      event.preventDefault();
      chosen.value = (to + shown.length) % shown.length;
      document.getElementById(`palette-${chosen.value}`)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(shown[at]);
    }
  };
  return (
    <dialog
      class="palette"
      ref={dialog}
      aria-label={words.label}
      onClose={close}
      onClick={event => {
        if (event.target === dialog.current) close();
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={at >= 0 ? `palette-${at}` : undefined}
        aria-label={words.label}
        placeholder={words.placeholder}
        value={typed.value}
        onInput={event => {
          typed.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <ul role="listbox" id="palette-list" aria-label={words.label}>
        {shown.map((entry, i) => (
          <li
            key={entry.name}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === at}
            onClick={() => run(entry)}
            onPointerMove={() => {
              chosen.value = i;
            }}
          >
            <span class="cut">{entry.name}</span>
            {entry.hint && <code class="dim cut">{entry.hint}</code>}
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="hint">{words.none(typed.value)}</p>}
    </dialog>
  );
}
