/**
 * 32-bit x86 ELF files as loaders see them: segments, entry, notes.
 * Source: Tool Interface Standard, ELF 1.2; notes as System V ABI gABI describes them.
 */

import { LoadError } from './load-error.ts';

const EM_386 = 3;
const ET_EXEC = 2;
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_NOTE = 7;
const HEADER_BYTES = 52;
const MACHINES: { [machine: number]: string } = {
  2: 'SPARC',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  40: 'ARM',
  62: 'x86-64',
  183: 'ARM64',
  243: 'RISC-V',
};

export interface Segment {
  virtual: number;
  physical: number;
  bytes: Uint8Array;
  memoryBytes: number;
}

export interface Elf {
  entry: number;
  segments: Segment[];
  notes: { owner: string; type: number; value: Uint8Array }[];
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads an ELF file that a PC could run. */
export function readElf(bytes: Uint8Array, name: string): Elf {
  const file = view(bytes);
  const need = (offset: number, count: number) => {
    if (offset + count > bytes.length) {
      throw new LoadError(
        `${name} is truncated: its ELF header says at least ${offset + count} bytes, the file has ${bytes.length}. Copy or fetch it again.`,
      );
    }
  };
  need(0, HEADER_BYTES);
  const machine = file.getUint16(18, true);
  if (bytes[4] === 2 || machine === 62) {
    throw new LoadError(
      `${name} is a 64-bit ELF file, and the guest's processor has 32-bit modes only. Use a kernel built for 32-bit x86 (i386).`,
    );
  }
  if (bytes[4] !== 1 || bytes[5] !== 1 || machine !== EM_386) {
    throw new LoadError(
      `${name} is an ELF file for ${MACHINES[machine] ?? `machine ${machine}`}, not for 32-bit x86. Use one built for i386.`,
    );
  }
  const type = file.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) {
    throw new LoadError(
      `${name} is an ELF file that is not linked for running (type ${type}). Link it to an executable first.`,
    );
  }

  const segments: Segment[] = [];
  const notes: Elf['notes'] = [];
  const programOffset = file.getUint32(28, true);
  const programSize = file.getUint16(42, true);
  const programCount = file.getUint16(44, true);
  if (programCount > 0 && programSize < 32)
    throw new LoadError(
      `${name} is a damaged ELF file: its program headers have ${programSize} bytes each. Fetch it again.`,
    );
  need(programOffset, programCount * programSize);
  for (let i = 0; i < programCount; i++) {
    const at = programOffset + i * programSize;
    const [kind, offset, virtual, physical, fileBytes, memoryBytes] = [0, 4, 8, 12, 16, 20].map(field =>
      file.getUint32(at + field, true),
    );
    if (kind !== PT_LOAD && kind !== PT_NOTE) continue;
    need(offset, fileBytes);
    const content = bytes.subarray(offset, offset + fileBytes);
    if (kind === PT_NOTE) notes.push(...readNotes(content));
    else if (memoryBytes < fileBytes)
      throw new LoadError(
        `${name} is a damaged ELF file: segment ${i} has more bytes in the file than in memory. Fetch it again.`,
      );
    else if (memoryBytes > 0) segments.push({ virtual, physical, bytes: content, memoryBytes });
  }
  if (notes.length === 0) notes.push(...sectionNotes(bytes));
  return { entry: file.getUint32(24, true), segments, notes };
}

/** Some linkers' scripts keep notes in sections only. A damaged section table means no notes: loading does not need one. */
function sectionNotes(bytes: Uint8Array): Elf['notes'] {
  const file = view(bytes);
  const offset = file.getUint32(32, true);
  const size = file.getUint16(46, true);
  const count = file.getUint16(48, true);
  const notes: Elf['notes'] = [];
  if (size < 40 || offset + size * count > bytes.length) return notes;
  for (let i = 0; i < count; i++) {
    const at = offset + i * size;
    if (file.getUint32(at + 4, true) !== SHT_NOTE) continue;
    const start = file.getUint32(at + 16, true);
    notes.push(...readNotes(bytes.subarray(start, start + file.getUint32(at + 20, true))));
  }
  return notes;
}

/** Content of the first section of that name; undefined: there is none, or the section table is damaged. */
export function sectionNamed(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const file = view(bytes);
  const [offset, size, count, names] = [
    file.getUint32(32, true),
    file.getUint16(46, true),
    file.getUint16(48, true),
    file.getUint16(50, true),
  ];
  if (size < 40 || names >= count || offset + size * count > bytes.length) return undefined;
  const content = (index: number): Uint8Array => {
    const start = file.getUint32(offset + index * size + 16, true);
    return bytes.subarray(start, start + file.getUint32(offset + index * size + 20, true));
  };
  const strings = content(names);
  for (let i = 0; i < count; i++) {
    const start = file.getUint32(offset + i * size, true);
    const end = strings.indexOf(0, start);
    if (end >= start && String.fromCharCode(...strings.subarray(start, Math.min(end, start + 64))) === name)
      return content(i);
  }
  return undefined;
}

function readNotes(bytes: Uint8Array): Elf['notes'] {
  const data = view(bytes);
  const notes: Elf['notes'] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const ownerBytes = data.getUint32(at, true);
    const valueBytes = data.getUint32(at + 4, true);
    const type = data.getUint32(at + 8, true);
    const valueAt = at + 12 + ((ownerBytes + 3) & ~3);
    if (valueAt > bytes.length || ownerBytes > 64) break;
    const owner = String.fromCharCode(...bytes.subarray(at + 12, at + 12 + Math.max(0, ownerBytes - 1)));
    // A value may promise more than there is (the PAE_MODE note of GRUB's Xen image does, and Xen takes it): what is there counts.
    notes.push({ owner, type, value: bytes.subarray(valueAt, valueAt + valueBytes) });
    at = valueAt + ((valueBytes + 3) & ~3);
  }
  return notes;
}
