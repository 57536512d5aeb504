/** What a guest has let go of in PCI slots of its board is no more among what its domain is made of. */
import { cardInSlot, placeInSlot } from '../../devices/index.ts';
import type { Domain } from './domain.ts';

/** The slots that have been emptied since this was last asked. */
export function emptiedSlots({ platform, options }: Domain): number[] {
  const slots = platform.hotplug?.emptied.splice(0) ?? [];
  for (const slot of slots) {
    const card = cardInSlot(slot);
    if (card !== undefined) options.cards = options.cards?.filter(({ place }) => place !== card) ?? [];
    else
      options.ide = (options.ide ?? []).filter(({ place, disk }) => {
        const isGone = place === placeInSlot(slot);
        if (isGone) disk?.abandon();
        return !isGone;
      });
  }
  return slots;
}
