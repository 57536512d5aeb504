/** Segments of an ELF file, put where they want to lie. */
import type { Segment } from '../../formats/elf/index.ts';
import { MAX_MEMORY_MIB } from '../layout/layout.ts';
import { hex, LoadError, type Plan, size } from './plan.ts';

const MIB = 2 ** 20;

/** Puts the segments at their physical addresses; returns where the highest one ends. */
export function placeSegments(plan: Plan, segments: readonly Segment[], name: string): number {
  if (segments.length === 0)
    throw new LoadError(`${name} has nothing to load: no loadable segment. Use a linked kernel image.`);
  const end = Math.max(...segments.map(({ physical, memoryBytes }) => physical + memoryBytes));
  const outside = segments.filter(({ physical, memoryBytes }) => !plan.isRam(physical, memoryBytes));
  if (outside.length > 0) {
    const [{ physical, memoryBytes }] = outside;
    // So that none of them is the next to be refused.
    const enough = Math.ceil(end / MIB) + 1;
    const helps =
      enough <= MAX_MEMORY_MIB &&
      outside.every(segment => segment.physical + segment.memoryBytes > plan.memoryMiB * MIB);
    const what =
      outside.length === 1
        ? `it wants ${size(memoryBytes)} at ${hex(physical)}, which is`
        : `${outside.length} of its ${segments.length} segments, the first with ${size(memoryBytes)} at ${hex(physical)}, are`;
    throw new LoadError(
      `${name} does not fit: ${what} not all memory in a guest of ${plan.memoryMiB} MiB. ${helps ? `Write memory = ${enough} or more.` : 'Link it for another address.'}`,
    );
  }
  for (const { physical, bytes, memoryBytes } of segments) plan.put(physical, bytes, memoryBytes);
  return end;
}
