/**
 * Reads what a kernel module says of itself.
 * Source: Linux's Documentation/kbuild and include/linux/moduleinfo: the ELF section .modinfo holds "key=value" strings.
 */

/** Where an ELF file of either class says it: what follows e_shoff lies together, as do the words of a section header (System V ABI, figures 4-3 and 4-8). */
const LAYOUTS = {
  1: { headerBytes: 52, sections: 32, entryBytes: 46, count: 48, names: 50, offset: 16, length: 20 },
  2: { headerBytes: 64, sections: 40, entryBytes: 58, count: 60, names: 62, offset: 24, length: 32 },
} as const;

/** The modules that a module file needs loaded before it. */
export function moduleDependencies(file: Uint8Array): string[] {
  const data = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const layout = LAYOUTS[file[4] as keyof typeof LAYOUTS];
  if (!layout || file.length < layout.headerBytes || data.getUint32(0) !== 0x7f454c46) throw new Error('not an ELF module');
  // Of the words of 64 bits the low half says it: files are small.
  const sections = data.getUint32(layout.sections, true);
  const size = data.getUint16(layout.entryBytes, true);
  const count = data.getUint16(layout.count, true);
  const section = (i: number) => {
    const at = sections + i * size;
    const start = data.getUint32(at + layout.offset, true);
    return { name: data.getUint32(at, true), bytes: file.subarray(start, start + data.getUint32(at + layout.length, true)) };
  };
  const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);
  const names = text(section(data.getUint16(layout.names, true)).bytes);
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
