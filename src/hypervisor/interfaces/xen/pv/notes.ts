/**
 * What a kernel says of itself to a Xen domain builder: ELF notes, or the ASCII section of older ones.
 * Source: xen/include/public/elfnote.h.
 */
import { type Elf, sectionNamed } from '../../../../formats/elf/index.ts';
import { LoadError } from '../../../loader/plan.ts';

const NOTE = {
  ENTRY: 1,
  HYPERCALL_PAGE: 2,
  VIRT_BASE: 3,
  PADDR_OFFSET: 4,
  XEN_VERSION: 5,
  GUEST_OS: 6,
  LOADER: 8,
  PAE_MODE: 9,
  FEATURES: 10,
  BSD_SYMTAB: 11,
  MOD_START_PFN: 16,
  PHYS32_ENTRY: 18,
} as const;
/** Features that a kernel may require and a PV domain has; and those that it does not have. */
const THERE = ['writable_page_tables', 'pae_pgdir_above_4gb'];
const MISSING = [
  'auto_translated_physmap',
  'supervisor_mode_kernel',
  'writable_descriptor_tables',
  'hvm_callback_vector',
  'dom0',
];

export interface PvKernel {
  guestOs: string;
  entry: number;
  virtBase: number;
  paddrOffset: number;
  hypercallPage: number | undefined;
  extendedCr3: boolean;
  ramdiskUnmapped: boolean;
  /** The kernel wants its symbol table behind its image. */
  symbols: boolean;
}

/** @throws LoadError: the kernel has 64 bits, or names the note that is missing or unsuitable. */
export function pvKernel(elf: Elf, file: Uint8Array, name: string): PvKernel {
  if (elf.bits === 64)
    throw new LoadError(
      `${name} is a 64-bit kernel, and paravirtual guests have 32 bits here. Start it with type = "pvh" or "hvm", or take one that was built for i386.`,
    );
  const notes = elf.notes.filter(({ owner }) => owner === 'Xen');
  const find = (type: number): Uint8Array | undefined => notes.find(note => note.type === type)?.value;
  const word = (type: number): number | undefined => {
    const value = find(type);
    if (!value) return undefined;
    const bytes = new Uint8Array(4);
    bytes.set(value.subarray(0, 4));
    return new DataView(bytes.buffer).getUint32(0, true);
  };
  const string = (type: number): string | undefined => {
    const value = find(type);
    return value && text(value);
  };
  const legacy = notes.length === 0 ? sectionNamed(file, '__xen_guest') : undefined;
  if (legacy) return fromSection(text(legacy), elf, name);
  const version = string(NOTE.XEN_VERSION);
  // Linux with CONFIG_XEN and without CONFIG_XEN_PV names its loader and version, too; its ELF entry is for the bare machine.
  if (notes.length > 0 && !find(NOTE.ENTRY) && find(NOTE.PHYS32_ENTRY))
    throw new LoadError(
      `${name} has no entry for a paravirtual guest (note ENTRY), only the one for PVH (note PHYS32_ENTRY). Start it with type = "pvh" or "hvm", or take a kernel that was built with Xen PV.`,
    );
  if (version === undefined && string(NOTE.GUEST_OS) === undefined)
    throw new LoadError(
      `${name} has no Xen notes (XEN_VERSION, GUEST_OS): it is no paravirtual kernel. Start it as type = "hvm", or build it for Xen PV.`,
    );
  check(name, version, string(NOTE.GUEST_OS), string(NOTE.LOADER), string(NOTE.PAE_MODE), string(NOTE.FEATURES));
  if (find(NOTE.PADDR_OFFSET) && !find(NOTE.VIRT_BASE))
    throw new LoadError(
      `${name} says where its physical addresses begin (note PADDR_OFFSET), and not where it is mapped (note VIRT_BASE). Build it again with both.`,
    );
  // INIT_P2M is for 64-bit guests; those of 32 bits have the list behind their image whatever they say.
  return {
    guestOs: string(NOTE.GUEST_OS) ?? 'unknown',
    entry: word(NOTE.ENTRY) ?? elf.entry,
    virtBase: word(NOTE.VIRT_BASE) ?? 0,
    paddrOffset: word(NOTE.PADDR_OFFSET) ?? 0,
    hypercallPage: word(NOTE.HYPERCALL_PAGE),
    extendedCr3:
      (string(NOTE.PAE_MODE) ?? '').includes('extended-cr3') ||
      (string(NOTE.FEATURES) ?? '').includes('pae_pgdir_above_4gb'),
    ramdiskUnmapped: (word(NOTE.MOD_START_PFN) ?? 0) !== 0,
    symbols: string(NOTE.BSD_SYMTAB) === 'yes',
  };
}

function fromSection(section: string, elf: Elf, name: string): PvKernel {
  const fields = new Map(
    section.split(',').map(part => {
      const at = part.indexOf('=');
      return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
  const number = (key: string): number | undefined => {
    const value = fields.get(key);
    return value === undefined ? undefined : Number(value);
  };
  check(
    name,
    fields.get('XEN_VER'),
    fields.get('GUEST_OS'),
    fields.get('LOADER'),
    fields.get('PAE'),
    fields.get('FEATURES'),
  );
  const virtBase = number('VIRT_BASE') ?? 0;
  const page = number('HYPERCALL_PAGE');
  return {
    guestOs: fields.get('GUEST_OS') ?? 'unknown',
    entry: number('VIRT_ENTRY') ?? elf.entry,
    virtBase,
    paddrOffset: number('ELF_PADDR_OFFSET') ?? virtBase,
    hypercallPage: page === undefined ? undefined : (virtBase + page * 4096) >>> 0,
    extendedCr3: (fields.get('PAE') ?? '').includes('extended-cr3'),
    ramdiskUnmapped: false,
    symbols: fields.has('BSD_SYMTAB'),
  };
}

/** In the order in which Xen's own builder looks at them. */
function check(name: string, version = '', guestOs = '', loader = '', pae = 'no', features = ''): void {
  if (!loader.startsWith('generic') && !guestOs.startsWith('linux'))
    throw new LoadError(
      `${name} ${loader === '' ? 'names no loader' : `wants the loader ${loader}`} (note LOADER); there is only the generic one. Build it for that.`,
    );
  if (!version.startsWith('xen-3.0'))
    throw new LoadError(`${name} is for Xen interface ${version || '(none)'} (note XEN_VERSION), and this is xen-3.0.`);
  if (!/^(yes|bimodal)/.test(pae))
    throw new LoadError(`${name} has no PAE paging (note PAE_MODE is "${pae}"); Xen runs 32-bit guests with PAE only.`);
  for (const feature of features.split('|')) {
    if (!feature.startsWith('!') || THERE.includes(feature.slice(1))) continue;
    const why = MISSING.includes(feature.slice(1))
      ? 'which a paravirtual domain does not have'
      : 'which is no feature that is known';
    throw new LoadError(`${name} requires ${feature.slice(1)} (note FEATURES), ${why}.`);
  }
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
}
