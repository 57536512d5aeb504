/** What src/formats/qcow2 offers to other rooms. */
export { checkQcow2, type ImageCheck } from './check.ts';
export { createQcow2, emptyImageBytes, type NewImage } from './create.ts';
export type { GrowingFile } from './growing-file.ts';
export { type Backing, isQcow2, Qcow2Error, readQcow2Header } from './header.ts';
export { Qcow2Source } from './qcow2.ts';
export { Qcow2Disk } from './written.ts';
