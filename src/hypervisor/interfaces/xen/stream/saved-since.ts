/** What a saved domain had become since the head of its state was written, which comes first and cannot know it: the guest ran on, and devices came and went. */
import { type BoardCard, isNicModel, MOST_CARDS } from '../../../../devices/index.ts';
import { areDrives } from '../../../disks/saved-drive.ts';
import { cardsOf, type OneCard, type SavedAbout } from './saved-state.ts';

/** As the domain's record has it. */
export type SavedSince = Pick<SavedAbout, 'populatedMiB' | 'instructions' | 'drives'> &
  OneCard & {
    /** Absent: they are as the head has them. */
    cards?: readonly BoardCard[];
  };

/** Six bytes in hexadecimal with colons, of one station. */
const isStationAddress = (text: string): boolean => /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(text);

/** Each at a place of its own; models are others' to know. */
export const areCards = (cards: unknown): cards is readonly BoardCard[] =>
  Array.isArray(cards) &&
  cards.every((card: Partial<BoardCard> | null, i) => {
    const { place = -1, model, mac } = card ?? {};
    return (
      Number.isInteger(place) &&
      place >= 0 &&
      place < MOST_CARDS &&
      cards.findIndex(each => each?.place === place) === i &&
      typeof model === 'string' &&
      (mac === undefined || isStationAddress(String(mac)))
    );
  });

/** What of a domain's description is no longer as the head has it; undefined: all is. */
export function sinceHead(head: SavedAbout, now: SavedAbout): SavedSince | undefined {
  const { populatedMiB, instructions, drives = [], cards = [] } = now;
  const hasItsCards = JSON.stringify(head.cards ?? []) === JSON.stringify(cards);
  const isSame =
    head.populatedMiB === populatedMiB &&
    head.instructions === instructions &&
    hasItsCards &&
    JSON.stringify(head.drives ?? []) === JSON.stringify(drives);
  return isSame ? undefined : { populatedMiB, instructions, drives, ...(hasItsCards ? {} : { cards }) };
}

/** `about` becomes that. False: it says nothing that a domain could have become, and nothing has changed. */
export function hasBecome(about: SavedAbout, { populatedMiB, instructions, drives, ...of }: SavedSince): boolean {
  const { cards } = { ...cardsOf(of), ...of };
  if (
    !(Number.isInteger(populatedMiB) && populatedMiB >= 1 && populatedMiB <= about.memoryMiB) ||
    !Number.isFinite(instructions) ||
    !areDrives(drives) ||
    !(cards === undefined || (areCards(cards) && cards.every(({ model }) => isNicModel(model))))
  )
    return false;
  Object.assign(about, { populatedMiB, instructions, ...(drives ? { drives } : {}), ...(cards ? { cards } : {}) });
  return true;
}
