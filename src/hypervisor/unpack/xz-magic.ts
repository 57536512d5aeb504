/** How an .xz file begins (The .xz File Format, 2.1.1.1): to be had without what unpacks it. */
export const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

export const isXz = (bytes: Uint8Array): boolean => XZ_MAGIC.every((value, i) => bytes[i] === value);
