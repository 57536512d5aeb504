/** What the loaders offer to the rest of the hypervisor and to Domain 0. */
export { type KernelSymbols, kernelSymbols } from '../../formats/elf/index.ts';
export { unzipped } from '../../formats/bzimage/index.ts';
export type { EntryState, FrameBuffer, LoadOptions } from './entry.ts';
export { kernelKind } from './kernel-kind.ts';
export { isLongKernel, loadKernel, loadLoaders, prepareKernel } from './load-kernel.ts';
export { DecodeError } from '../../formats/unpack/index.ts';
export { type E820Entry, type GuestMemory, LoadError, type LoadedFile } from './plan.ts';
