/** How packed files begin: can be loaded without the unpackers. */

/** An .xz file (The .xz File Format, 2.1.1.1). */
export const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

export const isXz = (bytes: Uint8Array): boolean => XZ_MAGIC.every((value, i) => bytes[i] === value);

/** A gzip file (RFC 1952, 2.3.1). */
export const isGzip = (bytes: Uint8Array): boolean => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

/** A zstd frame (RFC 8878, 3.1.1). */
export const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

export const isZstd = (bytes: Uint8Array): boolean => ZSTD_MAGIC.every((value, i) => bytes[i] === value);
