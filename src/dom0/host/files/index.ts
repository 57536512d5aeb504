/** Domain 0's file tree. */
import { part } from '../../../formats/loading/index.ts';

export {
  type AllowedFiles,
  filesBeside,
  type ImageFormat,
  type MeasuredImage,
  type SeenImage,
} from './allowed-files.ts';
export { decodeChanges, MOST_FILE_BYTES } from './changes.ts';
export { FOLDERS, KeptFiles } from './kept-files.ts';
export { ImageTree } from './image-tree.ts';
export { namesFiles, pathsIn, spellFiles } from './cd-names.ts';
export { install, OWN_GUESTS, type ShippedGuest } from './installation.ts';
export { filesFrom, type HostFiles, writeWhole } from './host-files.ts';
export { LOG_BYTES, LogFile } from './log-file.ts';

/** What gives files to guests: CDs that are made of them, and folders that guests share. */
export const fileSharing = part(() => import('./sharing/index.ts'), 'gives files to guests');
