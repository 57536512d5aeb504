/** A volume of the host's disk is made: a name, a size, and the lvcreate that it is. */

import { useSignal } from '@preact/signals';
import { host } from '../host.ts';
import { sentence } from '../sentence.ts';
import { inventory, look } from '../inventory.ts';
import { viewStrings } from '../view-strings.ts';
import { size } from '../units.ts';
import { Icon, Tag } from './marks.tsx';

const words = viewStrings.volumes;

/** `suggested`: its name, until somebody writes another. `made`: its path. */
export function NewVolume({ suggested, made }: { suggested: string; made?(path: string): void }) {
  const name = useSignal<string | undefined>(undefined),
    gib = useSignal('1'),
    problem = useSignal('');
  const disk = inventory.value?.stored?.disk;
  if (!disk) return null;
  const chosen = name.value ?? suggested;
  const command = ['lvcreate', '-L', `${gib.value || '0'}G`, '-n', chosen, disk.group];
  const make = async (): Promise<void> => {
    problem.value = '';
    try {
      await host.diskCommand(command);
      name.value = undefined;
      await look();
      made?.(`/dev/${disk.group}/${chosen}`);
    } catch (error) {
      problem.value = sentence(error);
    }
  };
  return (
    <span class="newvol">
      <span class="row wrap">
        <input
          class="in"
          aria-label={words.name}
          value={chosen}
          spellcheck={false}
          onInput={event => {
            name.value = event.currentTarget.value;
          }}
        />
        <input
          class="in gib"
          type="number"
          min="0.125"
          step="any"
          aria-label={words.size}
          value={gib.value}
          onInput={event => {
            gib.value = event.currentTarget.value;
          }}
        />
        <span class="sec">GiB</span>
        <button
          type="button"
          class="btn sm"
          disabled={chosen === ''}
          title={command.join(' ')}
          onClick={() => void make()}
        >
          <Icon name="plus" />
          {words.make}
        </button>
      </span>
      {problem.value ? (
        <span class="stop" role="alert">
          <Tag kind="failed">
            <span>{problem.value}</span>
          </Tag>{' '}
          <span class="cap-t">{words.rule(size(disk.freeBytes))}</span>
        </span>
      ) : (
        <span class="cap-t">
          <code>{command.join(' ')}</code>; {words.free(size(disk.freeBytes))}
        </span>
      )}
    </span>
  );
}
