/** Files for guests: on a CD that is made of them, or in a folder that they share. */
export { cdOfFiles } from '../cd-files.ts';
export { askFolder } from '../shared-folder.ts';
