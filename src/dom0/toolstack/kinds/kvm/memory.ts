/** The memory of a guest of KVM: what its balloon shall come to, and what the guest says of it. */
import { hasVirtio } from '../../../../devices/index.ts';
import { type BalloonView, balloonOf, framesWord } from '../../../../hypervisor/interfaces/kvm/index.ts';
import { FRAMES_A_MIB } from '../../../../hypervisor/layout/index.ts';
import type { Machine } from '../../../../hypervisor/memory/index.ts';
import type { Member } from '../../running-domain.ts';
import { checkTarget, noRoomFor } from '../../services.ts';
import type { GuestMemory } from '../running-kind.ts';

type Guest = Pick<Member, 'record' | 'blueprint'>;

/** A plain PC's memory does not change, and neither does that of a guest without a balloon. */
export const hasBalloon = ({ blueprint: { definition } }: Pick<Member, 'blueprint'>): boolean =>
  definition.kind === 'kvm' && hasVirtio(definition.virtio, 'balloon');

/** As much as its balloon can leave it; undefined: it has none. */
export const mostMiBOf = (member: Guest): number | undefined =>
  hasBalloon(member) ? member.record.ramFrames / FRAMES_A_MIB : undefined;

/** Undefined: it has none. */
export const balloonView = (machine: Machine, guest: Guest): BalloonView | undefined =>
  hasBalloon(guest) ? balloonOf(machine, guest.record) : undefined;

/** Frames of RAM that it has now. */
const framesOf = ({ words }: Machine, { record }: Pick<Member, 'record'>): number =>
  Atomics.load(words, framesWord(record));

const FRAME_KIB = 4;

/** What of the host's memory it has now. */
export const residentKiB = (machine: Machine, { record, blueprint, memoryMiB }: Guest & Pick<Member, 'memoryMiB'>) =>
  blueprint.definition.kind === 'kvm' ? framesOf(machine, { record }) * FRAME_KIB : memoryMiB * 1024;

/** What a balloon that is driven has left its guest, which may say that more is in it than it has; undefined: it has none, or nothing drives it. */
export function balloonedKiB(machine: Machine, guest: Guest): number | undefined {
  const balloon = balloonView(machine, guest);
  return balloon?.isDriven ? Math.max(0, guest.record.ramFrames - balloon.pages) * FRAME_KIB : undefined;
}

/** Pages that are to be in a balloon for a guest to have so much. */
const pagesFor = ({ record }: Pick<Member, 'record'>, memoryMiB: number): number =>
  record.ramFrames - memoryMiB * FRAMES_A_MIB;

/** @throws Error with a sentence */
export function askBalloon(machine: Machine, member: Member, memoryMiB: number): void {
  const mostMiB = mostMiBOf(member);
  if (mostMiB === undefined) throw new Error(`${member.name} has no balloon of virtio: its memory does not change.`);
  // Down to a page.
  if (!Number.isInteger(memoryMiB * FRAMES_A_MIB)) throw new RangeError(`${memoryMiB} MiB are no whole pages`);
  checkTarget(Math.ceil(memoryMiB), mostMiB);
  const moreFrames = memoryMiB * FRAMES_A_MIB - framesOf(machine, member);
  if (moreFrames > machine.freeFrames) throw noRoomFor(machine, memoryMiB);
  member.runner.ask('balloon', { pages: pagesFor(member, memoryMiB) });
}

/** One that has less than it sees begins with the rest in its balloon: its driver finds that when it looks. */
export function beginBalloon(member: Member): void {
  const { memoryMiB } = member.blueprint.definition;
  if (hasBalloon(member) && pagesFor(member, memoryMiB) > 0)
    member.runner.ask('balloon', { pages: pagesFor(member, memoryMiB) });
}

export const memory: GuestMemory = {
  frames: ({ machine }, member) => framesOf(machine, member),
  listens: ({ machine }, member) => balloonView(machine, member)?.isDriven ?? false,
  silence: 'nothing in it drives its balloon of virtio',
};
