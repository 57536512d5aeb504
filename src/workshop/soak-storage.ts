/**
 * What `npm run -s soak:storage` (scripts/soak-storage.mjs) kills and looks at afterwards: a guest that writes and flushes for ever, and a shell that edits a
 * definition and makes and removes volumes. Here is what they do, and whether what was acknowledged is there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHostState } from '../dom0/service/index.ts';
import { writerKernel, writerProblem } from '../dom0/host/storage/index.ts';
import { nodeState } from '../cli/node-clock.ts';
import { DirectoryStore } from '../cli/storage/directory-store.ts';

/** The volume that the guest writes to. */
export const VOLUME = '/dev/vg0/web';
/** One step of the shell, which N counts: the definition says N, volume vN is there, and then the one before it is gone. */
export const STEP_SCRIPT =
  'echo $N > /etc/xen/vm/x; lvcreate -L 4M -n v$N vg0 > /dev/null; lvremove -y vg0/v$((N - 1)) > /dev/null 2> /dev/null; echo done-$((N))\n';
/** What is typed for a step: what it answers is not what is typed. */
export const STEP = 'N=$((N + 1)); . /root/s\n';
/** Before the steps: a new volume for the guest, and N as the last host left it. */
export const BEGIN = `lvremove -y vg0/web > /dev/null 2> /dev/null; lvcreate -L 8M -n web vg0 > /dev/null; echo '${STEP_SCRIPT.trim()}' > /root/s; N=$(cat /etc/xen/vm/x 2> /dev/null || echo 0); lvcreate -L 4M -n v$N vg0 > /dev/null 2> /dev/null; lvremove -y vg0/v$((N - 1)) > /dev/null 2> /dev/null; lvremove -y vg0/v$((N + 1)) > /dev/null 2> /dev/null; echo begin-$((N))\n`;

/** The guest's files. */
export function writeGuest(folder: string): { definition: string; kernel: string } {
  mkdirSync(folder, { recursive: true });
  const definition = join(folder, 'writer.cfg'),
    kernel = join(folder, 'writer.elf');
  writeFileSync(
    definition,
    `name = "writer"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["phy:${VOLUME},xvda,w"]\n`,
  );
  writeFileSync(kernel, writerKernel);
  return { definition, kernel };
}

/** What was seen before the kill: acknowledged writes of the guest, and the last step of the shell that was done. */
export interface Seen {
  dots: number;
  step: number;
}

/** What is wrong with the state in a directory after a kill; undefined: nothing. */
export async function problemOf(directory: string, { dots, step }: Seen): Promise<string | undefined> {
  const store = await DirectoryStore.open(directory);
  try {
    const state = await openHostState(store, nodeState);
    try {
      const bytes = new Uint8Array(256 * 512);
      const names = state.storage.volumes.map(({ name }) => name);
      if (!names.includes('web')) return `the volume web is not there, of ${names.join(', ')}`;
      state.storage.medium(VOLUME).read(0, bytes);
      const written = writerProblem(bytes, dots);
      if (written !== undefined) return written;
      const text = await (await state.files()).readFile('/etc/xen/vm/x').catch(() => '0\n');
      const found = Number(text);
      if (!/^\d+\n$/.test(text) || found < step)
        return `the definition says ${JSON.stringify(text)}, and step ${step} was done`;
      // Of step `found` any part may be done; where it was seen done, all of it.
      const volumes = names
        .filter(name => name !== 'web')
        .sort()
        .join(' ');
      const now = `v${found}`,
        before = `v${found - 1}`;
      const good = found === step ? [now] : [before, [before, now].sort().join(' '), now];
      return good.includes(volumes)
        ? undefined
        : `the volumes are ${volumes}, the definition says ${found}, and step ${step} was done`;
    } finally {
      state.close();
    }
  } catch (error) {
    return `it cannot be opened: ${(error as Error).message}`;
  } finally {
    store.close();
  }
}

/** Writes what a volume of the state in a directory holds to a file. @throws Error with a sentence */
export async function exportVolume(directory: string, volume: string, path: string): Promise<void> {
  const store = await DirectoryStore.open(directory);
  try {
    const state = await openHostState(store, nodeState);
    try {
      const medium = state.storage.medium(volume);
      const bytes = new Uint8Array(medium.bytes);
      medium.read(0, bytes);
      writeFileSync(path, bytes);
    } finally {
      state.close();
    }
  } finally {
    store.close();
  }
}
