/** Definitions: read from any format, judged, written back. */
export { bootOrder, bootOrderProblem } from './boot-order.ts';
export { affinityProblem } from './cpus.ts';
export { NO_BOOT_CHECK } from './keys/xen.ts';
export { type Action, type Bios, type Definition, newDefinition } from './definition.ts';
export { type DomainType, formatFinding } from './model.ts';
export { prepareToRead } from './source.ts';
export { lengthProblem, MOST_BYTES } from './xlcfg.ts';
