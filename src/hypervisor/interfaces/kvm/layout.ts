/** What KVM keeps of a domain in machine memory, in words from the domain's `guestOffset` on, for the host to read. */
import { FRAME_BYTES } from '../../layout/layout.ts';
import type { DomainRecord } from '../../memory/machine.ts';

export const KVM_BLOCK = {
  /** Frames of RAM that the domain has now. */
  CURRENT_FRAMES: 0,
  /** 1: a driver drives its balloon; pages that are in it. */
  BALLOON_DRIVEN: 1,
  BALLOON_PAGES: 2,
  /** When the guest's statistics came, in seconds since 1970; 0: none have. */
  STATS_SECONDS: 3,
  /** By their tags (VIRTIO 1.2, 5.5.6.4), a pair of words each. */
  STATS: 4,
} as const;
export const KVM_RECORD_BYTES = FRAME_BYTES;
/** In place of a statistic: the guest says nothing of it. */
export const NO_STATISTIC = 0xffff_ffff_ffff_ffffn;

type Place = Pick<DomainRecord, 'guestOffset'>;

/** Where a domain's block begins: a word of machine memory. */
export const blockOf = ({ guestOffset }: Place): number => guestOffset >>> 2;

/** Frames of RAM that it has now: a word of machine memory. */
export const framesWord = (place: Place): number => blockOf(place) + KVM_BLOCK.CURRENT_FRAMES;
