/** lvs, lvcreate and the other commands for the host's disk as programs of the shell. */
import { COMMANDS, runStorageCommand, type Storage } from '../host/storage/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import type { Program } from './program.ts';

export function storagePrograms(storage: Storage, host: Pick<CommandHost, 'openDevices' | 'parts'>): Program[] {
  return Object.entries(COMMANDS).map(([name, { usage, about }]) => ({
    name,
    summary: about,
    run: async words => {
      if (words.includes('--help')) return { stdout: `Usage: ${usage}\n`, stderr: '', status: 0 };
      // The way of a sector goes through the images that lie under overlays: as they are now.
      if (name === 'disk-path') await host.openDevices();
      const { virtual } = host.parts,
        all = [name, ...words],
        run = async (): Promise<ReturnType<typeof runStorageCommand>> => runStorageCommand(storage, all);
      const { status, out, err } = await (virtual ? virtual.command('diskCommand', [all], run) : run());
      return { stdout: out, stderr: err, status };
    },
    complete: () => storage.volumes.map(volume => `vg0/${volume.name}`),
  }));
}
