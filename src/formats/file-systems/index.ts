/** What src/formats/file-systems offers to other rooms. */
export { fileSystemIn } from './kinds.ts';
export { FOLDER, PROGRAM, writeCpio } from './cpio.ts';
export { type DiskPart, openFileSystem, partsOf } from './disk-parts.ts';
export { openFat } from './fat.ts';
export { Effort, FileSystemError, FileTree, type ListedFile } from './file-tree.ts';
export { type CdEntry, CdError, makeCd, MOST_CD_ENTRIES } from './make-cd.ts';
export { formatFatDisk } from './make-fat.ts';
export { type Partition, readPartitions, TYPE, writePartitions } from './partitions.ts';
export { type Tags, tagsOf } from './signatures.ts';
