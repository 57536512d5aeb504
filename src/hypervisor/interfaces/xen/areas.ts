/**
 * Areas of a guest's memory that it registered for Xen to write: runstate and time of a vCPU (VCPUOP_register_runstate_memory_area and
 * VCPUOP_register_vcpu_time_memory_area of xen/include/public/vcpu.h). The vCPU's record says where each lies.
 */
import { XEN_VCPU } from './layout.ts';

export type AreaField = typeof XEN_VCPU.RUNSTATE_AREA | typeof XEN_VCPU.TIME_AREA;

const TWO_TO_32 = 2 ** 32;
/** In AREA_HIGH: bits of an address's upper part, and of an area's two. */
const BITS = 4;
const shiftOf = (field: AreaField): number => (field === XEN_VCPU.RUNSTATE_AREA ? 0 : 2 * BITS);

/** Guest-physical addresses of the first and the last byte; undefined: none is registered. `vcpu`: the record's index in `words`. */
export function areaEnds(
  words: Int32Array,
  vcpu: number,
  field: AreaField,
): readonly [first: number, last: number] | undefined {
  if (words[vcpu + field] === 0) return undefined;
  const high = words[vcpu + XEN_VCPU.AREA_HIGH]! >>> shiftOf(field);
  const address = (i: number): number =>
    (words[vcpu + field + i]! >>> 0) + ((high >>> (i * BITS)) & 15) * TWO_TO_32 - 1;
  return [address(0), address(1)];
}

export function setArea(words: Int32Array, vcpu: number, field: AreaField, first: number, last: number): void {
  const high = Math.floor((first + 1) / TWO_TO_32) | (Math.floor((last + 1) / TWO_TO_32) << BITS),
    shift = shiftOf(field);
  words[vcpu + field] = first + 1;
  words[vcpu + field + 1] = last + 1;
  words[vcpu + XEN_VCPU.AREA_HIGH] = (words[vcpu + XEN_VCPU.AREA_HIGH]! & ~(0xff << shift)) | (high << shift);
}
