/** Archives of files: ustar of POSIX.1-2001 (pax, "ustar Interchange Format"); a size of 8 GiB or more is binary, as GNU tar has it. */

const BLOCK_BYTES = 512;
const MODE = 0o600;
/** Eleven digits of eight. */
const MOST_OCTAL = 8 ** 11 - 1;

function headerOf(path: string, bytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string): void => header.set(new TextEncoder().encode(text), at);
  const octal = (at: number, digits: number, value: number): void => put(at, value.toString(8).padStart(digits, '0'));
  put(0, path);
  octal(100, 7, MODE);
  octal(108, 7, 0);
  octal(116, 7, 0);
  if (bytes <= MOST_OCTAL) octal(124, 11, bytes);
  else {
    header[124] = 0x80;
    new DataView(header.buffer).setBigUint64(128, BigInt(bytes));
  }
  octal(136, 11, 0);
  // Its own check sum counts as blanks.
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar\0' + '00');
  octal(
    148,
    6,
    header.reduce((sum, byte) => sum + byte, 0),
  );
  header[154] = 0;
  return header;
}

/** `folder`: where they lie in it. Names have fewer than 100 bytes. What is in the blobs is read when the archive is. */
export function tarOf(folder: string, files: readonly { name: string; data: Blob }[]): Blob {
  const parts: BlobPart[] = [];
  for (const { name, data } of files) {
    const padding = (BLOCK_BYTES - (data.size % BLOCK_BYTES)) % BLOCK_BYTES;
    parts.push(headerOf(`${folder}/${name}`, data.size), data, new Uint8Array(padding));
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK_BYTES)], { type: 'application/x-tar' });
}
