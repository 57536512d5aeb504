/** Where a domain stops, and how it goes on from there: what `xl break`, `xl back`, the page and a debugger do is this. */
import type { BreakPoint } from '../../../hypervisor/domain/index.ts';
import type { DebugWish, PastNow, PastWish } from '../../../hypervisor/verbs/index.ts';
import type { Member } from '../running-domain.ts';

/** From now on, in the place of those that were. */
export function setBreaks(member: Pick<Member, 'breaks' | 'runner'>, points: readonly BreakPoint[]): void {
  member.breaks = points;
  member.runner.ask('breakAt', points);
}

/** Runs on until a vCPU comes to its next instruction; `from`: where it is. What else stops the domain does so, too. */
export function runToNext(host: Pauses, member: Member, vcpu: number, from: number): void {
  member.runner.ask('breakAt', [...(member.breaks ?? []), { next: vcpu, from }]);
  host.setPaused(member, false);
}

/** Goes through its past, and is paused there: what stops it does not on that way. @throws Error with a sentence where its past is not kept */
export async function goInPast(host: Pauses, member: Member, wish: PastWish | DebugWish): Promise<PastNow> {
  if (wish === 'keep') return member.runner.ask('past', wish);
  const { breaks = [] } = member;
  host.setPaused(member, true);
  if (breaks.length > 0) member.runner.ask('breakAt', []);
  try {
    return await member.runner.ask('past', wish);
  } finally {
    if (breaks.length > 0) member.runner.ask('breakAt', breaks);
  }
}

interface Pauses {
  // biome-ignore lint/suspicious/noExplicitAny: a toolstack's members have its own consoles
  setPaused(member: Member<any>, paused: boolean): void;
}
