/**
 * Reads what a kernel module says of itself.
 * Source: Linux's Documentation/kbuild and include/linux/moduleinfo: the ELF section .modinfo holds "key=value" strings.
 */

import { isElf, sectionNamed } from '../../src/formats/elf/elf.ts';

/** Of the header of an ELF file of class 32, the smaller one. */
const LEAST_BYTES = 52;

/** The modules that a module file needs loaded before it. */
export function moduleDependencies(file: Uint8Array): string[] {
  if (!isElf(file) || file.length < LEAST_BYTES) throw new Error('not an ELF module');
  const depends = new TextDecoder('latin1')
    .decode(sectionNamed(file, '.modinfo'))
    .split('\0')
    .find(entry => entry.startsWith('depends='));
  return depends?.slice('depends='.length).split(',').filter(Boolean) ?? [];
}

/** A module's name as the kernel spells it: file names may have dashes. */
export function moduleName(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.ko$/, '').replaceAll('-', '_');
}
