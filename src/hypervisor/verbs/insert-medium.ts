/** A disc for the CD-ROM or floppy drive at a place; none where `medium` is absent. One that cannot be read leaves the drive as it was. */
import type { Medium } from '../disks/media.ts';
import { question } from './verb.ts';

export const insertMedium = question({
  by: 'message',
  apply: (on, place: number, medium?: Medium, readOnly: boolean = true): void =>
    on.domain.insertMedium(place, medium ? on.open(medium, place, readOnly) : null),
  gone: () => {
    throw new Error('The domain has stopped with an internal error.');
  },
});
