/** Domain 0's file tree. */
export { MOST_FILE_BYTES } from './changes.ts';
export { FOLDERS, KeptFiles } from './kept-files.ts';
export { ImageTree } from './image-tree.ts';
export { cdOfFiles, namesFiles, pathsIn, spellFiles } from './cd-files.ts';
export { install, OWN_GUESTS, type ShippedGuest } from './installation.ts';
export { type HostFiles, writeWhole } from './host-files.ts';
export { LOG_BYTES, LogFile } from './log-file.ts';
