/** The two regions of panels: the workbench shows one, the inspector one of those that have something to say here. */

import { signal } from '@preact/signals';
import { type Panel, shows } from '../panel.ts';
import { detailOpen, place } from '../navigation.ts';
import { strings } from '../strings.ts';
import { elsewhere } from '../shell-session.ts';
import { StateNote } from './domain0-shell.tsx';
import { Isolation } from './notice.tsx';
import { Splitter } from './splitter.tsx';

/** The inspector's panel that a person chose, by its id. */
export const chosenPanel = signal('');

interface Props {
  panels: readonly Panel[];
}

const standing = (panels: readonly Panel[], region: Panel['region']) =>
  panels
    .filter(panel => panel.region === region)
    .map(panel => ({ panel, content: panel.show(place.value) }))
    .filter(({ content }) => shows(content));

export function Bench({ panels }: Props) {
  return (
    <main class="bench" id="bench" tabIndex={-1}>
      <Isolation />
      {elsewhere.value && <StateNote />}
      {standing(panels, 'bench')[0]?.content}
    </main>
  );
}

export function Inspector({ panels }: Props) {
  const here = standing(panels, 'inspector');
  const open = here.find(({ panel }) => panel.id === chosenPanel.value) ?? here[0];
  if (!open) return null;
  return (
    <>
      <aside class={`insp${detailOpen.value ? ' open' : ''}`} id="inspector" tabIndex={-1} aria-label={open.panel.name}>
        {here.length > 1 && (
          <div class="seg" role="group" aria-label={strings.inspector}>
            {here.map(({ panel }) => (
              <button
                key={panel.id}
                aria-pressed={panel === open.panel}
                onClick={() => {
                  chosenPanel.value = panel.id;
                }}
              >
                {panel.name}
              </button>
            ))}
          </div>
        )}
        {open.content}
      </aside>
      <Splitter region="insp" />
    </>
  );
}
