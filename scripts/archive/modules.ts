/**
 * Reads what a kernel module says of itself.
 * Source: Linux's Documentation/kbuild and include/linux/moduleinfo: the ELF section .modinfo holds "key=value" strings.
 */

/** The modules that a 32-bit x86 module file needs loaded before it. */
export function moduleDependencies(file: Uint8Array): string[] {
  const data = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 52 || data.getUint32(0) !== 0x7f454c46 || file[4] !== 1) throw new Error('not a 32-bit ELF module');
  const sections = data.getUint32(32, true);
  const size = data.getUint16(46, true);
  const count = data.getUint16(48, true);
  const section = (i: number) => {
    const at = sections + i * size;
    const start = data.getUint32(at + 16, true);
    return { name: data.getUint32(at, true), bytes: file.subarray(start, start + data.getUint32(at + 20, true)) };
  };
  const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);
  const names = text(section(data.getUint16(50, true)).bytes);
  for (let i = 0; i < count; i++) {
    const { name, bytes } = section(i);
    if (names.slice(name, names.indexOf('\0', name)) !== '.modinfo') continue;
    const depends = text(bytes)
      .split('\0')
      .find(entry => entry.startsWith('depends='));
    return depends?.slice('depends='.length).split(',').filter(Boolean) ?? [];
  }
  return [];
}

/** A module's name as the kernel spells it: file names may have dashes. */
export function moduleName(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.ko$/, '').replaceAll('-', '_');
}
