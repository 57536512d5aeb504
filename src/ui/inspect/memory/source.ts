/** Looks at the frame table, and follows an address of the guest that is looked at. */

import { asRun } from '../../kinds/index.ts';
import { registers as R } from '../../../cpu/architecture/index.ts';
import { grantsOf, xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';
import { type MachineView, readAddress } from '../../../hypervisor/view/index.ts';
import { followed } from '../followed.ts';
import type { Target } from '../inspector.ts';
import { cellsOf, type Data } from './facts.ts';
import { ownerName } from './owners.ts';
import { walkOf } from './walk.ts';

export function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const guest = session?.id ?? machine.domains().find(({ id }) => id > 0)?.id;
      const domain = guest === undefined ? undefined : machine.domain(guest);
      const vcpu = domain?.vcpus().find(({ isCurrent }) => isCurrent) ?? domain?.vcpus()[0];
      const state = vcpu?.look();
      let walk: Data['walk'];
      if (state && vcpu && guest !== undefined) {
        const linear = typedAddress(followed.value, state.isLong) ?? state.linear(R.CS, state.ip);
        walk = walkOf(state, linear, {
          id: guest,
          name: ownerName(guest),
          vcpu: vcpu.id,
          namesFrames: asRun(xenViewOf(domain)?.type).namesFrames,
        });
      }
      return {
        ...cellsOf(machine),
        grants: grantedBy(machine),
        walk,
        machine,
        guest,
        granted: framesGranted(machine),
        tables: state?.tables() ?? new Set<number>(),
      };
    },
  };
}

/** A linear address in hexadecimal, of 64-bit code with a sign; undefined: it is none, or not canonical. */
function typedAddress(text: string, isLong: boolean): number | undefined {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,16})/i.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  return isLong ? readAddress(digits) : Number.parseInt(digits, 16) >>> 0;
}

/** How many frames each domain lets others map, and how many of these are mapped. */
const grantedBy = (machine: MachineView): Data['grants'] =>
  new Map(
    machine.domains().flatMap(({ id }) => {
      const table = grantsOf(machine.domain(id));
      return table
        ? [[id, { granted: table.entries.length, used: table.entries.filter(({ use }) => use).length }] as const]
        : [];
    }),
  );

/** Machine frames that domains let others map. */
const framesGranted = (machine: MachineView): Data['granted'] =>
  new Set(
    machine.domains().flatMap(({ id }) => {
      const its = machine.domain(id),
        entries = (its && grantsOf(its)?.entries) ?? [];
      return entries.flatMap(({ type, frame }) => (type === 'access' ? [its?.p2m(frame)?.mfn ?? -1] : []));
    }),
  );
