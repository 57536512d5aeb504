/**
 * x86 ELF files of 32 and 64 bits as loaders see them: segments, entry, notes.
 * Source: Tool Interface Standard, ELF 1.2; System V ABI, gABI (ELF-64, notes).
 */

import { LoadError } from './load-error.ts';
import { CLASSES, classOf, SECTION_TYPE, sectionHeaders, view, wordReader } from './fields.ts';

const EI_DATA = 5;
const ET_EXEC = 2;
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_NOTE = 7;

const ENTRY = 24,
  MACHINE = 18;
const EM_386 = 3,
  EM_X86_64 = 62;
const MACHINES: { [machine: number]: string } = {
  2: 'SPARC',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  40: 'ARM',
  183: 'ARM64',
  243: 'RISC-V',
};

export interface Segment {
  /** Canonical: negative in the upper half of 64-bit space. */
  virtual: number;
  physical: number;
  bytes: Uint8Array;
  memoryBytes: number;
}

export interface Elf {
  /** Of the code that it is for: a file of class 32 may hold 64-bit code, as the test framework of Xen's makes them. */
  bits: 32 | 64;
  entry: number;
  segments: Segment[];
  notes: { owner: string; type: number; value: Uint8Array }[];
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** An ELF file of 64-bit code, damaged or not. */
export const isLongElf = (bytes: Uint8Array): boolean =>
  isElf(bytes) && bytes.length > MACHINE && bytes[MACHINE] === EM_X86_64;

/** Reads an ELF file that a PC could run. */
export function readElf(bytes: Uint8Array, name: string): Elf {
  const file = view(bytes);
  const need = (offset: number, count: number) => {
    if (offset < 0 || count < 0 || offset + count > bytes.length) {
      throw new LoadError(
        `${name} is truncated: its ELF header says at least ${offset + count} bytes, the file has ${bytes.length}. Copy or fetch it again.`,
      );
    }
  };
  const width = classOf(bytes),
    fields = CLASSES[width],
    { segment } = fields,
    word = wordReader(file, width);
  need(0, fields.bytes);
  const machine = file.getUint16(MACHINE, true);
  if (bytes[EI_DATA] !== 1 || (machine !== EM_X86_64 && (machine !== EM_386 || width !== 32))) {
    throw new LoadError(
      `${name} is an ELF file for ${MACHINES[machine] ?? `machine ${machine}`}, not for x86. Use one built for i386 or x86-64.`,
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
  const programOffset = word(fields.programOffset);
  const programSize = file.getUint16(fields.programBytes, true);
  const programCount = file.getUint16(fields.programCount, true);
  if (programCount > 0 && programSize < segment.bytes)
    throw new LoadError(
      `${name} is a damaged ELF file: its program headers have ${programSize} bytes each. Fetch it again.`,
    );
  need(programOffset, programCount * programSize);
  for (let i = 0; i < programCount; i++) {
    const at = programOffset + i * programSize;
    const kind = file.getUint32(at, true);
    if (kind !== PT_LOAD && kind !== PT_NOTE) continue;
    const field = (name: keyof typeof segment): number => word(at + segment[name]);
    const memoryBytes = field('memoryBytes'),
      fileBytes = field('fileBytes'),
      offset = field('offset');
    need(offset, fileBytes);
    const content = bytes.subarray(offset, offset + fileBytes);
    if (kind === PT_NOTE) notes.push(...readNotes(content));
    else if (memoryBytes < fileBytes)
      throw new LoadError(
        `${name} is a damaged ELF file: segment ${i} has more bytes in the file than in memory. Fetch it again.`,
      );
    else if (memoryBytes > 0)
      segments.push({ virtual: field('virtual'), physical: field('physical'), bytes: content, memoryBytes });
  }
  if (notes.length === 0) notes.push(...sectionNotes(bytes));
  return { bits: machine === EM_X86_64 ? 64 : 32, entry: word(ENTRY), segments, notes };
}

/** Where each section's header lies, and its content; none where the table is damaged. */
function sectionsOf(bytes: Uint8Array): { header: number; content: Uint8Array }[] {
  const width = classOf(bytes),
    { section } = CLASSES[width],
    word = wordReader(view(bytes), width);
  return sectionHeaders(bytes).map(header => {
    const start = Math.max(0, word(header + section.offset));
    return { header, content: bytes.subarray(start, start + Math.max(0, word(header + section.size))) };
  });
}

/** Some linkers' scripts keep notes in sections only. A damaged section table means no notes: loading does not need one. */
const sectionNotes = (bytes: Uint8Array): Elf['notes'] =>
  sectionsOf(bytes)
    .filter(({ header }) => view(bytes).getUint32(header + SECTION_TYPE, true) === SHT_NOTE)
    .flatMap(({ content }) => readNotes(content));

/** Content of the first section of that name; undefined: there is none, or the section table is damaged. */
export function sectionNamed(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const file = view(bytes),
    sections = sectionsOf(bytes);
  if (sections.length === 0) return undefined;
  const strings = sections[file.getUint16(CLASSES[classOf(bytes)].sectionNames, true)]?.content;
  if (!strings) return undefined;
  return sections.find(({ header }) => {
    const start = file.getUint32(header, true),
      end = strings.indexOf(0, start);
    return end >= start && String.fromCharCode(...strings.subarray(start, Math.min(end, start + 64))) === name;
  })?.content;
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
