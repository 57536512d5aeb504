/** lvs, lvcreate and the other commands for the host's disk as programs of the shell. */
import { COMMANDS, runStorageCommand, type Storage } from '../host/storage/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { perform } from '../toolstack/commands/index.ts';
import type { Program } from '../toolstack/programs/index.ts';

export function storagePrograms(storage: Storage, host: CommandHost): Program[] {
  const command = {
    modifies: true as const,
    run: async (_: CommandHost, all: string[]) => runStorageCommand(storage, all),
  };
  return Object.entries(COMMANDS).map(([name, { usage, about }]) => ({
    name,
    summary: about,
    run: async words => {
      if (words.includes('--help')) return { stdout: `Usage: ${usage}\n`, stderr: '', status: 0 };
      // The way of a sector goes through the images that lie under overlays: as they are now.
      if (name === 'disk-path') await host.disk.openDevices();
      const { status, out, err } = await perform(host, 'diskCommand', command, [name, ...words]);
      return { stdout: out, stderr: err, status };
    },
    complete: () => storage.volumes.map(volume => `vg0/${volume.name}`),
  }));
}
