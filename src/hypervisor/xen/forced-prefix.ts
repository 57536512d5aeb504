/** ud2 and "xen": the instruction behind it is to be emulated. Source: xen/include/public/arch-x86/xen.h, XEN_EMULATE_PREFIX. */
export const FORCED_PREFIX: readonly number[] = [0x0f, 0x0b, 0x78, 0x65, 0x6e];
