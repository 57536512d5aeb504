/** What an installer has put on a new host: the embedded guests with their definitions, and a script that shows them. Their source is in guests/. */
import type { HostFiles } from './files/index.ts';

/** Files of guests/, and where a host has them. */
export const EMBEDDED = {
  'minipv/minipv.elf': '/boot/minipv',
  'demo/demo.elf': '/boot/demo',
  'minipv/minipv-pv.cfg': '/etc/xen/vm/minipv-pv',
  'minipv/minipv-pvh.cfg': '/etc/xen/vm/minipv-pvh',
  'minipv/minipv-hvm.cfg': '/etc/xen/vm/minipv-hvm',
  'demo/demo.cfg': '/etc/xen/vm/demo',
  'figure.sh': '/root/figure.sh',
} as const;
export type EmbeddedName = keyof typeof EMBEDDED;

/** Reads a file of guests/. @throws Error where it cannot be had */
export type ReadEmbedded = (name: EmbeddedName) => Promise<Uint8Array>;

/** Definitions name their kernel by its path here. */
const KERNEL = /^kernel = "(\w+)\.elf"$/m;
/** What an installer makes first; see installedGrubConfig. */
const BOOT_LOADER = '/boot/grub';

/** Writes them to a host that is new: one without a boot loader. Where they cannot be had it stays so, and nothing is written. */
export async function installEmbedded(files: Pick<HostFiles, 'exists' | 'writeFile'>, read: ReadEmbedded): Promise<void> {
  if (await files.exists(BOOT_LOADER)) return;
  const names = Object.keys(EMBEDDED) as EmbeddedName[];
  const contents = await Promise.all(names.map(read)).catch(() => undefined);
  if (!contents) return;
  for (const [i, name] of names.entries()) {
    const bytes = contents[i];
    await files.writeFile(EMBEDDED[name], name.endsWith('.cfg') ? new TextEncoder().encode(new TextDecoder().decode(bytes).replace(KERNEL, 'kernel = "/boot/$1"')) : bytes);
  }
}
