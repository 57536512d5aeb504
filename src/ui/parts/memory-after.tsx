/** Machine memory as it would be once guests have started. */

import { info } from '../host.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { memoryShare, memoryShares, SharesBar } from './shares-bar.tsx';

const words = viewStrings.defined;

/** `fresh`: those that start; their parts are dashed. */
export function MemoryAfter({ fresh }: { fresh: readonly { name: string; mib: number }[] }) {
  const machine = info.value;
  if (!machine) return null;
  const all = fresh.reduce((sum, { mib }) => sum + mib, 0),
    fits = all <= machine.freeMiB;
  const sentence =
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
        <span class="cap-t">{sentence}</span>
      </div>
      <SharesBar
        label={sentence}
        shares={[
          ...memoryShares(machine),
          ...fresh.map(({ name, mib }) =>
            fits
              ? memoryShare('new', name, mib)
              : memoryShare('new bad', name, mib, { part: Math.max(1, Math.round((mib * machine.freeMiB) / all)) }),
          ),
          ...(fits && machine.freeMiB > all ? [memoryShare('c-free', strings.free, machine.freeMiB - all)] : []),
        ]}
      />
    </section>
  );
}
