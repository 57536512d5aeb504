/**
 * Reads ar archives, as Debian packages are.
 * Source: deb(5): the common format, names of at most 16 characters.
 */

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

/** The members by name, without the slash that some writers end a name with. */
export function readAr(archive: Uint8Array): Map<string, Uint8Array> {
  const text = (from: number, to: number) => String.fromCharCode(...archive.subarray(from, to));
  if (text(0, MAGIC.length) !== MAGIC) throw new Error('not an ar archive');
  const members = new Map<string, Uint8Array>();
  for (let at = MAGIC.length; at < archive.length; ) {
    const size = Number(text(at + 48, at + 58).trim() || 'none');
    const start = at + HEADER_BYTES;
    if (text(at + 58, start) !== '`\n' || !Number.isInteger(size)) throw new Error(`damaged ar archive at byte ${at}`);
    if (start + size > archive.length) throw new Error(`truncated ar archive: ${start + size} bytes wanted, ${archive.length} there`);
    members.set(
      text(at, at + 16)
        .trim()
        .replace(/\/$/, ''),
      archive.subarray(start, start + size),
    );
    at = start + size + (size & 1);
  }
  return members;
}
