/** Debian's guests as `npm run guests` assembles them. */
import { existsSync } from 'node:fs';
import { file } from './needs.ts';

/** 'amd64' is there with `npm run guests -- --amd64`. */
export type Flavour = '686' | '686-pae' | 'amd64';

/** A guest's files: an xl definition, and the kernel and initrd that it names. */
export function debian(flavour: Flavour) {
  const folder = `debian-${flavour}`;
  const path = (name: string): string => file(`.cache/guests/${folder}/${name}`);
  return {
    name: folder,
    /** Names in the folder, and under guests/ of the served page. */
    files: [
      `${folder}.cfg`,
      'vmlinuz',
      ...(flavour === '686' ? ['initrd'] : ['initrd-modules', 'ide.qcow2', 'pv.qcow2']),
    ],
    definition: path(`${folder}.cfg`),
    kernel: path('vmlinuz'),
    initrd: path('initrd'),
  };
}

/** Tests that need them are skipped without; .ci/run counts that as a failure. */
export const haveGuests = existsSync(file('.cache/guests/catalogue.json'));
export const NEEDS_GUESTS = '[needs npm run guests]';

/** The line that init prints before it starts the shell, and the shell's prompt. */
export const BOOTED = 'BOOT-OK';
export const PROMPT = '/ # ';
