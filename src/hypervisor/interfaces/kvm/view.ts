/** What a guest of KVM has of its memory, for the viewer from outside. */
import { STAT_TAGS } from '../../../devices/index.ts';
import type { DomainRecord, Machine } from '../../memory/machine.ts';
import { blockOf, KVM_BLOCK, NO_STATISTIC } from './layout.ts';

export interface BalloonView {
  /** A driver drives the balloon. */
  isDriven: boolean;
  pages: number;
  /** When the guest's statistics came, in seconds since 1970, and what they are by their tags (VIRTIO 1.2, 5.5.6.4); undefined: none have. */
  stats?: { seconds: number; values: readonly (number | undefined)[] };
}

export function balloonOf({ words }: Machine, record: DomainRecord): BalloonView {
  const block = blockOf(record),
    seconds = Atomics.load(words, block + KVM_BLOCK.STATS_SECONDS) >>> 0;
  const statistic = (_: unknown, tag: number): number | undefined => {
    const at = block + KVM_BLOCK.STATS + 2 * tag;
    const value = (BigInt(words[at + 1]! >>> 0) << 32n) | BigInt(words[at]! >>> 0);
    return value === NO_STATISTIC ? undefined : Number(value);
  };
  return {
    isDriven: Atomics.load(words, block + KVM_BLOCK.BALLOON_DRIVEN) === 1,
    pages: Atomics.load(words, block + KVM_BLOCK.BALLOON_PAGES) >>> 0,
    ...(seconds === 0 ? {} : { stats: { seconds, values: Array.from({ length: STAT_TAGS }, statistic) } }),
  };
}
