/** A domain's core file is written among Domain 0's files. */
import { writeWhole } from '../host/files/index.ts';
import type { Guest, Uses } from './command-host.ts';
import { coreFile } from './core-format.ts';

/** DomainService.dumpCore. @throws Error with a sentence */
export async function dumpCore(host: Uses<'toolstack' | 'files'>, member: Guest, path: string): Promise<void> {
  const { own: files } = host.files;
  if (!files) throw new Error('Domain 0 has no place for files here: the core file was not written.');
  if (member.released)
    throw new Error(`${member.name} has stopped and its memory was given back: there is nothing to write.`);
  await host.toolstack.jobs.run(member.name, 'Dump', async job => {
    const state = await host.toolstack.look(member);
    job.signal.throwIfAborted();
    const core = new Blob(coreFile(state, host.toolstack.machine.hasVt) as BlobPart[]);
    job.wrote(0, core.size);
    const bytes = new Uint8Array(await core.arrayBuffer());
    job.commit();
    await writeWhole(files, path, bytes);
    job.wrote(core.size, core.size);
  });
}
