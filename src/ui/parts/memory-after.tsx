/** Machine memory as it would be once guests have started. */

import { domains, info } from '../host.ts';
import { ownsMemory } from '../readings.ts';
import { strings } from '../strings.ts';
import { laterStrings } from '../strings-later.ts';
import { memoryOwners } from './tree.tsx';

const words = laterStrings.defined;

/** `fresh`: those that start; their parts are dashed. */
export function MemoryAfter({ fresh }: { fresh: readonly { name: string; mib: number }[] }) {
  const machine = info.value;
  if (!machine) return null;
  const owners = memoryOwners(domains.value.filter(ownsMemory), machine.memoryMiB, machine.freeMiB);
  const all = fresh.reduce((sum, { mib }) => sum + mib, 0),
    fits = all <= machine.freeMiB;
  const told =
    all === 0
      ? words.memoryFree(machine.freeMiB)
      : fits
        ? words.memoryLeft(all, machine.freeMiB - all)
        : words.memoryLacks(all, machine.freeMiB);
  return (
    <section class="after">
      <div class="row">
        <h4>{words.memoryAfter(fresh.length)}</h4>
        <span class="grow" />
        <span class="cap-t">{told}</span>
      </div>
      <div class="mbar" role="img" aria-label={told}>
        {owners
          .filter(({ mib }) => mib > 0)
          .map(({ key, owner, id, mib, name }) => (
            <Part key={key} of={owner} name={name} id={id} mib={mib} />
          ))}
        {fresh.map(({ name, mib }) => (
          <Part
            key={name}
            of={fits ? 'new' : 'new bad'}
            name={name}
            id=""
            mib={mib}
            wide={fits ? mib : Math.max(1, Math.round((mib * machine.freeMiB) / all))}
          />
        ))}
        {fits && machine.freeMiB > all && (
          <Part of="c-free" name={strings.owners.free} id="" mib={machine.freeMiB - all} />
        )}
      </div>
    </section>
  );
}

/** `wide`: the MiB of the picture that it takes, where that is not what it wants. */
const Part = ({
  of,
  name,
  id,
  mib,
  wide = mib,
}: {
  of: string;
  name: string;
  id: string;
  mib: number;
  wide?: number;
}) => (
  <span class={of} style={`flex:${wide} 0 0`} title={`${name}, ${mib} MiB`}>
    <u>
      {id && <b>{id}</b>}
      <em>{name}</em>
    </u>
    <small>{mib}</small>
  </span>
);
