/** What src/formats/bzimage offers to other rooms. */
export { CAN_USE_HEAP, isLinux, isLongLinux, LOADED_HIGH, SETUP, setupBytesOf } from './header.ts';
export { kernelInside } from './kernel-inside.ts';
export { kernelVersion } from './kernel-version.ts';
export { loadUnpackers, prepareUnpackers, unzipped } from './unzip.ts';
