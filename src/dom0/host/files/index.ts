/** Domain 0's file tree. */
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

/** `cdOfFiles` of cd-files.ts, which is loaded when a CD is made. */
export const cdOfFiles: typeof import('./cd-files.ts').cdOfFiles = async (files, target) =>
  (await import('./cd-files.ts')).cdOfFiles(files, target);

/** `askFolder` of shared-folder.ts, for the owner of a guest with a folder. */
export const askFolder: typeof import('./shared-folder.ts').askFolder = async (...asked) =>
  (await import('./shared-folder.ts')).askFolder(...asked);
