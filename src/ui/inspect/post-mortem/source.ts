/** Reads again what the last vCPU of a guest that has ended left in machine memory. */

import { ExitReason, registers as R } from '../../../cpu/architecture/index.ts';
import type { VcpuState } from '../../../hypervisor/view/index.ts';
import type { Target } from '../inspector.ts';
import { type Data, momentsAt } from './facts.ts';
import { codeRows } from './last-code.tsx';
import { eventName } from './last-moments.ts';

/** Instructions whose registers are highlighted. */
export const WRITERS = 5;

export function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      const domain = session && machine?.domain(session.id),
        vcpus = domain?.vcpus() ?? [];
      // The one that had its turn.
      const vcpu = vcpus[domain?.currentVcpu ?? 0] ?? vcpus[0];
      if (!vcpu) return undefined;
      const state = vcpu.look(),
        { exits, total } = vcpu.lastExits(),
        lasts = [...exits].reverse();
      const kept = vcpu.lastCode(),
        fault = lasts[0]?.reason === ExitReason.TRIPLE_FAULT ? faultAt(state, lasts[0].ip) : undefined;
      const written = new Set(
        (kept ?? []).slice(-WRITERS).flatMap(({ registers }) => registers.map(({ number }) => R.generalWord(number))),
      );
      return {
        vcpu: vcpu.id,
        state,
        lasts,
        exits: total,
        code: kept && codeRows(state, kept, fault),
        written,
        io: vcpu.exits()[ExitReason.IO] ?? 0,
        moments: momentsAt(state, lasts[0], vcpu.id, session?.info.value.ended ?? ''),
      };
    },
  };
}

/** The instruction that came to no end, with the first event that it raised. */
function faultAt(state: VcpuState, ip: number) {
  const [first] = state.undelivered;
  return {
    linear: state.linear(R.CS, ip),
    ip,
    bits: state.bits,
    why: first ? eventName(first) : '',
  };
}
