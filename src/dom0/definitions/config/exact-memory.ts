/** Memory as libvirt's documents have it: finer than in MiB. */
import type { Definition } from './definition.ts';

/** What a definition asks for, in KiB: as its document says it, unless something else was set since. */
export function memoryKiB({ memoryMiB, maxMemoryMiB, exactKiB = {} }: MemorySizes): {
  memory: number;
  maximum: number;
} {
  const exact = (mib: number, kib: number | undefined): number =>
    kib !== undefined && Math.ceil(kib / 1024) === mib ? kib : mib * 1024;
  const memory = exact(memoryMiB, exactKiB.memory);
  return { memory, maximum: maxMemoryMiB === undefined ? memory : exact(maxMemoryMiB, exactKiB.maximum) };
}

type MemorySizes = Pick<Definition, 'memoryMiB' | 'maxMemoryMiB' | 'exactKiB'>;
