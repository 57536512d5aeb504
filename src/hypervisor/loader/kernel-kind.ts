/** What kind of kernel a file is, by its headers and notes. Source of the note: xen/include/public/elfnote.h. */
import { isLinux } from '../../formats/bzimage/index.ts';
import { type Elf, isElf, readElf, view } from '../../formats/elf/index.ts';
import type { EntryState, LoadOptions } from './entry.ts';
import { multibootHeader } from './multiboot.ts';
import { LoadError } from './plan.ts';

const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** The entry that the note gives, undefined without one. */
export function pvhEntry(elf: Elf): number | undefined {
  const note = elf.notes.find(
    ({ owner, type, value }) => owner === 'Xen' && type === XEN_ELFNOTE_PHYS32_ENTRY && value.length >= 4,
  );
  return note && view(note.value).getUint32(0, true);
}

export const isXens = ({ owner }: { owner: string }): boolean => owner === 'Xen';

/** Which loader takes the file; undefined when it is no kernel that can be entered directly. */
export function kernelKind(
  kernel: Uint8Array,
  prefer: LoadOptions['prefer'] = 'multiboot',
): EntryState['kind'] | undefined {
  if (isLinux(kernel)) return prefer === 'pvh' ? 'pvh' : 'linux';
  const multiboot = prefer !== 'pvh' && multibootHeader(kernel) >= 0;
  if (multiboot && prefer === 'multiboot') return 'multiboot';
  if (isElf(kernel)) {
    try {
      const elf = readElf(kernel, '');
      // Without a note of Xen's it is entered where its header says; one with notes, but none to be entered by, is for PV guests.
      if (pvhEntry(elf) !== undefined || (prefer === 'note' && !multiboot && !elf.notes.some(isXens))) return 'pvh';
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
    }
  }
  return multiboot ? 'multiboot' : undefined;
}
