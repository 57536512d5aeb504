/** Which guests others can start where their host is lost, and what a host needs for that. */
import { fingerprintOfFile } from '../../../hypervisor/disks/index.ts';
import { judgeDefinition, writeXlConfig } from '../../definitions/config/index.ts';
import { type NamedFile, judgeFiles } from '../../definitions/index.ts';
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { type CommandHost, filesFor, type Guest, type Uses } from '../../toolstack/index.ts';
import type { Guarded, GuardedFile } from '../shared-state.ts';

/** Disks of a guest that lie on its host alone. */
export const localDisks = ({ blueprint: { drives = [] } }: Pick<Guest, 'blueprint'>): string[] =>
  drives.flatMap(({ medium }) => (medium && 'device' in medium && !isNetworkDisk(medium.name) ? [medium.name] : []));

/** It is to be started again (ha = 1), and nothing of it lies on its host alone. */
export const isGuarded = (guest: Pick<Guest, 'blueprint'>): boolean =>
  guest.blueprint.definition.ha === true && localDisks(guest).length === 0;

/** What others need to start it, with its UUID and its cards' addresses. @throws Error with a sentence: a file of it cannot be read */
export async function guardedAs(host: CommandHost, { blueprint, name, uuid }: Guest): Promise<Guarded> {
  const definition = writeXlConfig({ ...blueprint.definition, name, uuid });
  return { name, definition, files: await filesOf(host, definition) };
}

/** Files of Domain 0 that a definition names. */
async function filesOf(host: Uses<'disk' | 'files'>, text: string): Promise<GuardedFile[]> {
  const { kernel, ramdisk, biosPath, disks } = judgeDefinition('', text).definition;
  const paths = [kernel, ramdisk, biosPath, ...disks.map(({ target }) => target)].filter(
    path => path !== undefined && path !== '' && !host.disk.isDevice(path),
  ) as string[];
  return Promise.all(
    [...new Set(paths)].map(async path => {
      const file = await host.files.readFile(path);
      return { path, bytes: file.size, fingerprint: await fingerprintOfFile(file) };
    }),
  );
}

/** What this host would create. @throws Error with a sentence: it cannot */
export async function filesHere(host: Uses<'domains' | 'files'>, guarded: Guarded): Promise<NamedFile[]> {
  for (const { path, bytes, fingerprint } of guarded.files) {
    const file = await host.files.readFile(path).catch(() => undefined);
    if (!file) throw new Error(`${path} is not here.`);
    if (file.size !== bytes || (await fingerprintOfFile(file)) !== fingerprint)
      throw new Error(`${path} is another file here.`);
  }
  const definition = `${guarded.name}.cfg`;
  const read = async (path: string): Promise<Blob> =>
    path === definition ? new Blob([guarded.definition]) : host.files.readFile(path);
  const files = await filesFor({ read }, definition);
  const { plan, domain } = judgeFiles(await host.files.read(files), host.domains.facts);
  if (!domain) throw new Error(plan.errors[0]?.text ?? 'Its definition cannot be used here.');
  return files;
}
