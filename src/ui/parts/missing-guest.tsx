/** In place of a guest that the address names and that does not run: what there is of it. It is shown as soon as it runs. */

import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { asTask, host, info } from '../host.ts';
import { inventory } from '../inventory.ts';
import { go } from '../navigation.ts';
import { strings } from '../strings.ts';
import { spelled } from '../hypervisors/spelled.ts';
import { SavedGuests } from './checkpoints.tsx';
import { ReopenList } from './reopen-list.tsx';

const words = {
  none: (name: string) => `No guest called ${name} runs here.`,
  waits: 'This page shows it as soon as it does.',
  defined: 'It is defined.',
  start: (name: string) => `Start ${name}`,
  definition: 'Its definition',
  unknown: 'Nothing is defined by that name in this browser. The tree shows what is.',
  host: 'All guests of the host',
};

export function MissingGuest({ name }: { name: string }) {
  const stored = inventory.value?.stored,
    defined = stored?.defined.find(each => each.name === name);
  if (!info.value)
    return (
      <div class="body">
        <p class="sec">{strings.starting}.</p>
      </div>
    );
  return (
    <div class="body missing">
      <h2>{words.none(name)}</h2>
      <p>
        {defined ? words.defined : words.unknown} {words.waits}
      </p>
      <div class="row wrap">
        {defined && defined.errors.length === 0 && (
          <button
            class="btn primary"
            title={spelled(commandOf('start', name))}
            onClick={() => void asTask(commandOf('start', name), () => host.start(name, false))}
          >
            {words.start(name)}
          </button>
        )}
        {defined && (
          <button class="btn" onClick={() => go({ kind: 'defined', name })}>
            {words.definition}
          </button>
        )}
        <button class="btn" onClick={() => go({ kind: 'home', tab: 'host' })}>
          {words.host}
        </button>
      </div>
      {(stored?.checkpoints.length ?? 0) > 0 && <SavedGuests />}
      <ReopenList />
    </div>
  );
}
