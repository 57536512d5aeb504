/** The package in node: `import { createHost } from 'ringside'`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, type HostOptions, hostAt, hostWords } from '../api/index.ts';
import { COMMANDS } from '../dom0/toolstack/commands/index.ts';
import { runLine, shellParts } from '../dom0/shell/index.ts';
import { apiOf, readHost } from '../dom0/service/index.ts';
import { later } from './node-clock.ts';
import { bootAtOnce, hostHere, openNodeState, sleep, startNodeHost, stopNodeHost } from './node-host.ts';

export type * from '../api/index.ts';

/** Where the bundles of workers lie: next to this one, or one folder up where a part of it lies in one. */
function bundles(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return existsSync(join(here, 'worker.js')) ? here : dirname(here);
}

/**
 * A host with Xen and Domain 0 in this process, booted. It goes on until it is closed.
 * @throws Error with a sentence: an option that cannot be, a directory that another process has, an entry that starts nothing
 */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  const { state: directory, files = {}, boot, xen: xenCommandLine, scripts: _scripts, ...what } = options;
  const folder = bundles();
  const asked = readHost(hostWords(what));
  const definition = { ...hostHere(), ...asked };
  const state = await openNodeState(directory, definition, folder);
  try {
    const kept = await state.files();
    const writeFile = (path: string, bytes: Uint8Array | string): Promise<void> => kept.writeFile(path, bytes);
    for (const [path, content] of Object.entries(files)) await writeFile(path, content);
    const entry = await bootAtOnce(state, boot);
    const { host, log } = await startNodeHost(
      { state, definition, asked, folder, say: sentence => process.emitWarning(sentence) },
      { ...entry, ...(xenCommandLine === undefined ? {} : { xenCommandLine }) },
    );
    await host.startAutomatic();
    const shell = shellParts(host, state, sleep, (_what, say) => stopNodeHost(host, say), log);
    return await hostAt({
      api: apiOf(host, COMMANDS),
      later,
      run: async line => runLine(await shell, line),
      readFile: async path => new Uint8Array(await (await host.files.readFile(path)).arrayBuffer()),
      writeFile,
      close: async () => {
        await host.endWithGuests();
        // Their threads would keep the process.
        for (const member of [...host.toolstack.members.values()]) await host.toolstack.remove(member);
        host.toolstack.close();
        state.close();
      },
    });
  } catch (error) {
    state.close();
    throw error;
  }
}
