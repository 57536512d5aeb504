/** What src/formats/bzimage offers to other rooms. */
export {
  CAN_USE_HEAP,
  isLinux,
  isLongLinux,
  kernelVersion,
  LOADED_HIGH,
  SETUP,
  setupBytesOf,
} from './header.ts';
export { kernelInside, loadUnpackers, prepareKernel, unzipped } from './kernel-inside.ts';
