/** Machine memory as it would be once guests have started. */

import { domains, info } from '../host.ts';
import { ownsMemory } from '../readings.ts';
import { strings } from '../strings.ts';
import { memoryOwners } from './tree.tsx';

const words = strings.defined;

/** `fresh`: those that start; their parts are dashed. */
export function MemoryAfter({ fresh }: { fresh: readonly { name: string; mib: number }[] }) {
  const machine = info.value;
  if (!machine) return null;
  const owners = memoryOwners(domains.value.filter(ownsMemory), machine.memoryMiB, machine.freeMiB);
  const all = fresh.reduce((sum, { mib }) => sum + mib, 0), fits = all <= machine.freeMiB;
  const width = (part: number): string => `width:${(100 * part) / machine.memoryMiB}%`;
  const told = all === 0 ? words.memoryFree(machine.freeMiB) : fits ? words.memoryLeft(all, machine.freeMiB - all) : words.memoryLacks(all, machine.freeMiB);
  return <section class="after">
    <div class="row"><h4>{words.memoryAfter(fresh.length)}</h4><span class="grow" /><span class="cap-t">{told}</span></div>
    <div class="bar big" role="img" aria-label={told}>
      {owners.map(({ key, owner, mib, name }) => <i key={key} class={owner} title={`${name}, ${mib} MiB`} style={width(mib)} />)}
      {fresh.map(({ name, mib }) => <i key={name} class={fits ? 'new' : 'new bad'} title={`${name}, ${mib} MiB`} style={width(fits ? mib : (mib * machine.freeMiB) / all)} />)}
    </div>
  </section>;
}
