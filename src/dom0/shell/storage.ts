/** lvs, lvcreate, sfdisk and the other commands for the host's disk as programs of the shell. */
import { COMMANDS, runStorageCommand, type Storage } from '../storage/index.ts';
import type { Program } from './program.ts';

export function storagePrograms(storage: Storage): Program[] {
  return Object.entries(COMMANDS).map(([name, { usage, about }]) => ({
    name,
    summary: about,
    run: async words => {
      if (words.includes('--help')) return { stdout: `Usage: ${usage}\n`, stderr: '', status: 0 };
      const { status, out, err } = runStorageCommand(storage, [name, ...words]);
      return { stdout: out, stderr: err, status };
    },
    complete: () => storage.volumes.map(volume => `vg0/${volume.name}`),
  }));
}
