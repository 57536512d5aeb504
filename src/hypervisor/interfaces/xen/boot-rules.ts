/** How guests of Xen begin, by their kind. */
import { part } from '../../../formats/loading/index.ts';
import type { BootRules } from '../../domain/booted.ts';
import { XEN_TYPE } from './layout.ts';
import { firmwareMemoryMap } from './hvm/hvmloader-info.ts';
import { pvhMemoryMap } from './memory/memory-map.ts';

/** Kernels of paravirtual guests can be judged once it is loaded: most guests are none. */
export const pvBuilder = part(() => import('./pv/builder.ts'), 'judges kernels');

/** `type`: XEN_TYPE. */
export function bootRules(type: number): BootRules {
  switch (type) {
    case XEN_TYPE.HVM:
      return { prefer: 'note', loaderE820: firmwareMemoryMap };
    case XEN_TYPE.PVH:
      return { prefer: 'pvh', e820: pvhMemoryMap };
    default:
      return {
        judge: ({ kernel, name, cmdline, ramdisk }, memoryMiB) => {
          pvBuilder.get().planPv({ kernel, name, cmdline, ...(ramdisk ? { ramdisk } : {}) }, memoryMiB);
        },
      };
  }
}
