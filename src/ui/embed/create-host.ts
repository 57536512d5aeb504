/** The package in a page: `import { createHost } from './ringside.js'`. */
import { type Domain0, type Host, type HostOptions, hostAt, hostWords } from '../../api/index.ts';
import type { HostApi } from '../../dom0/service/index.ts';
import {
  BootMenu,
  bootRefusal,
  bootWithout,
  defaultGrubConfig,
  GRUB_CONFIG_PATH,
  type PageBoot,
  readGrubConfig,
} from '../../dom0/toolstack/boot/menu/index.ts';
import { later } from '../../hypervisor/worker/index.ts';
import { callsBy, followLife, startDomain0, Unanswered } from '../domain0-worker.ts';

const KEEPS_NOTHING = 'A host that is part of another page starts from scratch at each visit.';
const ENDED = 'Domain 0 of this host has ended: create another.';

/** What `PageBoot` says of the menu's entry. @throws BootError */
function entryOf({ boot: wanted, xen: commandLine, files = {} }: HostOptions): Omit<PageBoot, 'host'> {
  const config = files[GRUB_CONFIG_PATH] ?? defaultGrubConfig();
  const menu = new BootMenu({
    config: readGrubConfig(typeof config === 'string' ? config : new TextDecoder().decode(config)),
    nowMs: () => performance.now(),
    refuses: bootRefusal,
    ...(wanted === undefined ? {} : { wanted }),
  });
  const { hypervisor, xenCommandLine, dom0CommandLine } = bootWithout(menu);
  return { hypervisor, xenCommandLine: commandLine ?? xenCommandLine, dom0CommandLine, keepsNothing: KEEPS_NOTHING };
}

/**
 * A host with Xen and Domain 0 in workers of this page, booted. It goes on until it is closed, or the page is left.
 * @throws Error with a sentence: an option that cannot be, an entry that starts nothing, scripts that cannot be loaded
 */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  const { state, files = {}, boot: _boot, xen: _xen, scripts: _scripts, ...what } = options;
  if (state !== undefined)
    throw new Error('A host in a page keeps no files: leave out state, and take what is to stay with readFile.');
  const how: PageBoot = { ...entryOf(options), host: { kept: '', asked: hostWords(what) } };
  const unanswered = new Unanswered();
  const domain0 = startDomain0({ inTurns: false }, message =>
    unanswered.giveUp(new Error(`Domain 0 could not be started: ${message || 'its program could not be loaded'}.`)),
  );
  const api = callsBy(question => unanswered.wait(question(domain0.api as unknown as HostApi)));
  const close = async (): Promise<void> => {
    domain0.end();
    unanswered.giveUp(new Error(ENDED));
  };
  try {
    const { problem } = await api.boot(how);
    if (problem !== undefined) throw new Error(problem);
    const host = await hostAt({
      api: api as Domain0,
      later,
      run: line => api.runLine(line),
      readFile: path => api.readFile(path),
      writeFile: (path, bytes) => api.writeFile(path, bytes),
      close,
    });
    void followLife(domain0, () => void host.close()).catch(() => {});
    for (const [path, content] of Object.entries(files)) await host.writeFile(path, content);
    await api.startAutomatic();
    return host;
  } catch (error) {
    await close();
    throw error;
  }
}
