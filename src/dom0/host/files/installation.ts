/**
 * What an installation leaves in Domain 0's file tree: guests with their definitions. A path is installed once: what somebody deleted or changed stays so
 * when the host starts the next time.
 */
import type { KeptFiles } from './kept-files.ts';

export interface ShippedGuest {
  id: string;
  /** Definitions (NAME.cfg), and what they name: kernels, RAM disks. */
  files: readonly { name: string; read(): Promise<Uint8Array> }[];
  /** They are larger than a state should be, and can be fetched again: read when they are needed, and not kept. */
  fetched?: true;
}

/** Guests whose bytes come with Ringside (guests/ of the repository), and a script that shows them. */
export const OWN_GUESTS = {
  demo: ['demo.cfg', 'demo.elf', 'demo64.cfg', 'demo64.elf'],
  minipv: [
    'minipv-pv.cfg',
    'minipv-pvh.cfg',
    'minipv-hvm.cfg',
    'minipv.elf',
    'minipv64-pvh.cfg',
    'minipv64-hvm.cfg',
    'minipv64.elf',
  ],
  pcos: ['pcos.cfg', 'pcos.img'],
  figure: ['figure.sh'],
} as const;

/** Files of fetched guests are below it. */
export const FETCHED = '/srv/guests';
/** Paths that were installed, one a line. */
const INSTALLED = '/var/lib/ringside/installed';
const DEFINITION = /\.cfg$/,
  SCRIPT = /\.sh$/;

/** Where a file of a guest belongs. */
function placeOf({ id, fetched }: ShippedGuest, name: string): string {
  if (DEFINITION.test(name)) return `/etc/xen/vm/${name.replace(DEFINITION, '')}`;
  if (SCRIPT.test(name)) return `/root/${name}`;
  return fetched ? `${FETCHED}/${id}/${name}` : `/boot/${name.replace(/\.elf$/, '')}`;
}

/** Puts guests there that were not there yet. One whose bytes cannot be read is tried again at the next start. @throws Error of the tree */
export async function install(files: KeptFiles, guests: readonly ShippedGuest[]): Promise<void> {
  const before = (await files.readFile(INSTALLED).catch(() => '')).split('\n').filter(line => line !== '');
  const installed = new Set(before);
  for (const guest of guests) {
    for (const { name, read } of guest.files) {
      const path = placeOf(guest, name);
      if (guest.fetched && !DEFINITION.test(name)) await files.offer(path, read);
      else if (!installed.has(path)) {
        const bytes = (await files.exists(path)) ? undefined : await read().catch(() => null);
        if (bytes === null) continue;
        if (bytes) await files.writeFile(path, DEFINITION.test(name) ? definition(guest, bytes) : bytes);
        installed.add(path);
      }
    }
  }
  if (installed.size > before.length) await files.writeFile(INSTALLED, [...installed, ''].join('\n'));
}

/** A definition that names files next to it names them where they are now. */
function definition(guest: ShippedGuest, bytes: Uint8Array): string {
  let text = new TextDecoder().decode(bytes);
  // A disk's name has more behind it.
  for (const { name } of guest.files)
    for (const end of ['"', ',']) text = text.replaceAll(`"${name}${end}`, `"${placeOf(guest, name)}${end}`);
  return text;
}
