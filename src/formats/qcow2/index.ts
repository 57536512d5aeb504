/** What src/formats/qcow2 offers to other rooms. */
export { checkQcow2, type ImageCheck } from './check.ts';
export { isQcow2, Qcow2Error, readQcow2Header } from './header.ts';
export { Qcow2Source } from './qcow2.ts';
