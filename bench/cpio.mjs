import { gzipSync } from 'node:zlib';

/** One file as a compressed cpio archive, to be put behind an initramfs (newc: Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpioFile(name, text, mode = 0o100755) {
  const entry = (path, bits, data) => {
    const bytes = Buffer.from(data);
    const fields = [1, bits, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, path.length + 1, 0];
    const head = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${path}\0`);
    const padded = buffer => Buffer.concat([buffer, Buffer.alloc(-buffer.length & 3)]);
    return Buffer.concat([padded(head), padded(bytes)]);
  };
  return gzipSync(Buffer.concat([entry(name, mode, text), entry('TRAILER!!!', 0, '')]));
}
