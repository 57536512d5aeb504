/** What src/formats/qcow2 offers to other rooms. */
export { checkQcow2, type ImageCheck } from './check.ts';
export { createQcow2, emptyImageBytes, type NewImage } from './create.ts';
export type { GrowingFile } from './growing-file.ts';
export {
  type Backing,
  type Header as Qcow2Header,
  isQcow2,
  Qcow2Error,
  qcow2HeaderOf,
  readQcow2Header,
} from './header.ts';
export { Qcow2Source } from './qcow2.ts';
export { Qcow2Disk } from './written.ts';
