/** How devices come to a running guest of a kind, and go. Loaded with the first that does. */
import type { ChannelPort } from '../../../devices/index.ts';
import type { DriveImage } from '../../../hypervisor/index.ts';
import type { Card, DefinedDisk } from '../../definitions/config/index.ts';
import type { Pluggable } from '../devices/index.ts';
import type { DomainConsole, Member } from '../running-domain.ts';
import type { Toolstack } from '../toolstack.ts';

/** A disk with its medium, and what the definition says of it: there it is after a restart. */
export interface NewDisk {
  image: DriveImage;
  defined: DefinedDisk;
}

/** Without a model it is the one that PV drivers, or virtio's, have. */
export type NewCard = Omit<Card, 'pv'>;

/** What is done with one guest. */
type Does<Given extends unknown[], Result = void> = <Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  ...given: Given
) => Promise<Result>;

export interface Plugging {
  /** Why no disk of this name comes to such a guest; undefined: one may. */
  wrongDisk(vdev: string): string | undefined;
  /** @throws Error with a sentence: nothing has changed then */
  attachDisk: Does<[disk: NewDisk, say: (sentence: string) => void]>;
  /** Its number and its station address. @throws Error with a sentence: nothing has changed then */
  attachCard: Does<[card: NewCard], { devid: number; mac: string }>;
  /** Where a device is from then on, for people. */
  arrived: string;
  /** False: the guest has no such device. True: it may have one. */
  has(toolstack: Toolstack, member: Member, kind: Pluggable, device: string): boolean;
  /**
   * By its name, its number, or the station address. True: the guest has let go of it; false: it was asked to; undefined: it is gone. `force`: whatever the guest
   * does; `waitMs`: how long it is waited for. @throws Error with a sentence: there is no such device, or it stays
   */
  detach: Does<[kind: Pluggable, device: string, how?: { force?: boolean; waitMs?: number }], boolean | undefined>;
  /** A channel comes, and goes. Absent: such guests have none. @throws ChannelRefusal, or Error with a sentence */
  plugChannel?: Does<[channel: Omit<ChannelPort, 'port'>]>;
  unplugChannel?: Does<[name: string]>;
  /** A folder of Domain 0. Absent: such guests have none. @throws Error with a sentence: nothing has changed then */
  plugFolder?: Does<[folder: { tag: string; path: string; readOnly?: boolean }]>;
}

/** What its definition says of its cards from now on. */
export function setCards(member: Member, cards: Card[]): void {
  const { blueprint } = member;
  member.blueprint = { ...blueprint, definition: { ...blueprint.definition, cards } };
}
