/** What src/formats/qcow2 offers to other rooms. */
export { isQcow2, Qcow2Error, readQcow2Header } from './header.ts';
export { Qcow2Source } from './qcow2.ts';
