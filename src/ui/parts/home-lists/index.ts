/** Lists of the first view: files of earlier visits, saved guests, boot sectors. */
export { BootSectors } from '../boot-sectors.tsx';
export { SavedGuests } from '../checkpoints.tsx';
export { ReopenList } from '../reopen-list.tsx';
