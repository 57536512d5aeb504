/** How guests of Xen begin, by their kind. */
import type { BootRules } from '../../domain/booted.ts';
import { XEN_TYPE } from './layout.ts';
import { firmwareMemoryMap } from './hvm/hvmloader-info.ts';
import { pvhMemoryMap } from './memory/memory-map.ts';

let builder: typeof import('./pv/builder.ts') | undefined;

/** Kernels of paravirtual guests can be judged from then on: most guests are none. */
export async function loadPvBuilder(): Promise<void> {
  builder ??= await import('./pv/builder.ts');
}

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
          if (!builder) throw new Error('The builder of paravirtual guests is not loaded.');
          builder.planPv({ kernel, name, cmdline, ...(ramdisk ? { ramdisk } : {}) }, memoryMiB);
        },
      };
  }
}
