/** The tree as a table, or both sides of a device; below it how these came together. */

import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { nameOf } from '../../host.ts';
import { Icon } from '../../parts/marks.tsx';
import type { Shown } from '../inspector.ts';
import { chosenPath, closedAtFirst, type Data, isState, listed, otherSide } from './facts.ts';
import { Handshake } from './handshake.tsx';
import { Tree } from './tree.tsx';
import { words } from './words.ts';

export function Figure(shown: Shown<Data>) {
  const { data, choose, target } = shown,
    { nodes } = data,
    chosen = chosenPath(shown);
  const filter = useSignal(''),
    mode = useSignal<keyof typeof words.modes>(isState(chosen) ? 'sides' : 'tree'),
    closed = useSignal<ReadonlySet<string>>(useMemo(() => closedAtFirst(nodes, chosen), []));
  const text = filter.value.trim().toLowerCase(),
    { rows, isSides, sides } = listed(data, chosen, { text, mode: mode.value, closed: closed.value });
  const toggle = (path: string, isOpen: boolean): void => {
    const next = new Set(closed.peek());
    if (isOpen) next.add(path);
    else next.delete(path);
    closed.value = next;
  };
  const { session } = target;
  return (
    <div class="col xs">
      <div class="row">
        <label class="in s grow">
          <Icon name="search" />
          <input
            type="text"
            aria-label={words.filter}
            placeholder={words.filter}
            value={filter.value}
            onInput={event => {
              filter.value = event.currentTarget.value;
            }}
          />
          <span class="u">{words.nodes(rows.length, nodes.length)}</span>
        </label>
        <div class="seg" role="group" aria-label={words.shown}>
          {(['sides', 'tree', 'watched'] as const).map(each => (
            <button
              key={each}
              disabled={each === 'sides' && !sides}
              aria-pressed={each === 'sides' ? isSides : each === mode.value}
              onClick={() => {
                mode.value = each;
              }}
            >
              {words.modes[each]}
            </button>
          ))}
        </div>
      </div>
      {rows.length === 0 && <p class="hint">{words.noMatch(filter.value, nodes.length)}</p>}
      <Tree
        rows={rows}
        watches={data.watches}
        chosen={chosen}
        pair={isState(chosen) ? otherSide(nodes, chosen) : undefined}
        choose={choose}
        toggle={toggle}
      />
      {sides?.front && sides.back && session && (
        <Handshake
          front={sides.front}
          back={sides.back}
          nodes={nodes}
          device={sides.device}
          guest={{ id: session.id, name: nameOf(session.id) }}
          backId={0}
        />
      )}
    </div>
  );
}
