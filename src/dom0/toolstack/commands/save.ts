/** Saved domains. */
import { states } from '../parts.ts';
import { type Medium, type SavedState, SavedStateError, XL_HEADER_BYTES, XL_MAGIC } from '../../../hypervisor/index.ts';
import type { DomainInfo } from '../wire.ts';
import { baseName, type NamedFile, NOT_BUILT, UUID_TAKEN } from '../../definitions/index.ts';
import { behindLibxl } from '../behind-libxl.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { loadBackends } from '../../backends/index.ts';
import { blueprintOf, foundIn, labelsOf, savedDrives } from '../saved-blueprint.ts';
import { readSaved } from '../saved-file.ts';
import { StateBlob } from '../state-blob.ts';
import { refuseTaken } from '../taken.ts';
import { type Call, command, Refusal } from './command.ts';
import { openConsole } from './console.ts';
import { describeBuilt } from './life.ts';
import { viewAfter } from './vncviewer.ts';
import { atLeast, atMost, findDomain, type ReadWords, readWords } from './words.ts';

export const save = command({
  summary: 'Save a domain state to restore later',
  usage: '[options] <Domain> <CheckpointFile>',
  options: [
    ['-c', 'Leave domain running after creating the snapshot.'],
    ['-p', 'Leave domain paused after creating the snapshot.'],
    ['-D', 'Store the domain id in the configuration: it is not, a restored domain has a new one.'],
  ],
  modifies: true,
  /** Whole state of a paused or running domain, which goes on. */
  run: async (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number): Promise<Blob> => {
    const { name } = host.domains.living(id);
    return host.tasks.run(
      commandOf('save', name, { file: `${name}.save`, leaves: 'running' }),
      async task => {
        const file = new StateBlob();
        await host.toolstack.jobs.run(name, 'Save', ({ signal }) =>
          host.toolstack.save(host.domains.living(id), signal, file.put),
        );
        const blob = file.whole();
        task.message = `${(blob.size / 2 ** 20).toFixed(1)} MiB hold its memory, processors, devices and console; the guest keeps running.`;
        return blob;
      },
      id,
    );
  },
  xl: async ({ host, words, write }, run) => {
    const { options, rest } = readWords(words, { flags: 'cpD' });
    atLeast('save', rest, 2);
    atMost(rest, 3);
    if (options.has('D')) throw new Refusal('A restored domain has a new number here: save it without -D.');
    if (rest.length > 2)
      throw new Refusal(
        `The state holds the definition that ${rest[0]} has: no other is saved with it. xl config-update gives it another.`,
      );
    const id = findDomain(host, rest[0]);
    const saved = async (state: Blob): Promise<string> =>
      `Saving to ${rest[1]} new xl format (info ${(await readHead(host, state, rest[1])).info})\n`;
    const put = (state: Blob): Promise<void> =>
      write(rest[1], state).catch((error: Error) => {
        const words = NOT_OPENED.test(error.message)
          ? `Failed to open temp file ${rest[1]} for writing`
          : 'Failed to save domain, resuming domain';
        throw new Refusal(`${words}\n${error.message}`);
      });
    // As in xl's save_domain(), paused is more than running.
    const staysPaused = options.has('p');
    if (options.has('c') && !staysPaused) {
      const state = await run(id);
      await put(state);
      return saved(state);
    }
    const member = host.domains.living(id);
    return host.tasks.run(
      commandOf('save', member.name, { file: rest[1], ...(staysPaused ? { leaves: 'paused' } : {}) }),
      task =>
        host.toolstack.jobs.run(member.name, 'Save', async job => {
          // What it wrote to its disks from here on would be lost to the state.
          const file = new StateBlob();
          const { goOn } = await host.toolstack.hold(member, job.signal, file.put);
          const state = file.whole();
          job.wrote(0, state.size);
          try {
            await put(state);
            job.wrote(state.size, state.size);
            job.commit();
          } catch (error) {
            goOn();
            member.why.running = 'save canceled';
            throw error;
          }
          if (staysPaused) {
            host.toolstack.setPaused(member, true);
            goOn();
          } else await host.toolstack.remove(member, false, 'saved');
          task.message = `${(state.size / 2 ** 20).toFixed(1)} MiB hold its memory, processors, devices and console; the domain is ${staysPaused ? 'paused' : 'gone'}.`;
          return saved(state);
        }),
      id,
    );
  },
});

/** What open(2) fails with, as people see it. */
const NOT_OPENED = /: (?:No such file or directory|Not a directory|Is a directory|Permission denied)$/;

/**
 * What xl reads of a saved file before libxl does: create_domain() in tools/xl/xl_vmcontrol.c. `info`: as xl prints it, both kinds of flags and the length of
 * the configuration. @throws Refusal
 */
async function readHead({ toolstack }: Uses<'toolstack'>, state: Blob, path: string): Promise<{ info: string }> {
  const cut = (what: string): Refusal =>
    new Refusal(
      behindLibxl(
        toolstack,
        [`libxl: error: libxl_read_exactly: file/stream truncated reading ${what} from ${path}`],
        `${path} is cut short. Copy it again.`,
      ),
    );
  if (state.size < XL_HEADER_BYTES) throw cut('header');
  const head = await state.slice(0, XL_HEADER_BYTES).arrayBuffer();
  const words = new Uint32Array(head.slice(XL_MAGIC.length));
  if (!(await isSaved(state)))
    throw new Refusal(`File has wrong magic number - corrupt or for a different tool?\n${path} is no saved domain.`);
  const [, mandatory, optional, bytes] = words;
  if (state.size - XL_HEADER_BYTES < bytes) throw cut('optdata');
  return { info: `0x${mandatory.toString(16)}/0x${optional.toString(16)}/${bytes}` };
}

export const restore = command({
  summary: 'Restore a domain from a saved state',
  usage: '[options] <CheckpointFile>',
  options: [
    ['-p', 'Do not unpause domain after restoring it.'],
    ['-c', 'Connect to the console after the domain is restored.'],
    ['-e', 'Do not wait in the background for the death of the domain: Domain 0 watches over all domains here'],
    ['-d', 'Enable debug messages: there are none here.'],
    ['-V, --vncviewer', 'Connect to the VNC display after the domain is restored: to its window.'],
    ['-A, --vncviewer-autopass', 'The same: there is no password here.'],
  ],
  modifies: true,
  /** `images`: what lay in its drives, by their names. */
  run: async (
    host: CommandHost,
    state: NamedFile,
    images: NamedFile[] = [],
    wish: boolean | 'as saved' = false,
  ): Promise<DomainInfo> =>
    host.tasks.run(commandOf('restore', undefined, { file: state.name, paused: wish === true }), async (task, made) => {
      const saved = await readSaved(host.toolstack.runners, state.data, state.name);
      const { about } = saved;
      const paused = wish === 'as saved' ? saved.toolstack?.paused === true : wish;
      if (about.virtualTime && !host.parts.virtual)
        throw new Error(
          `${state.name} was saved in virtual time, in which this host does not run. Load the page with ?time=virtual, or restore it with ringside boot --virtual-time --restore ${state.name}.`,
        );
      if (host.parts.virtual && !about.virtualTime)
        throw new Error(
          `${state.name} was saved on a host that follows the clock on the wall. Load the page without ?time=virtual, and restore it there.`,
        );
      await host.disk.openDevices(labelsOf(saved));
      const found = await filesOf(host, saved, state.name, images);
      const drives = savedDrives(saved, (label, _kind, vdev) =>
        host.disk.isDevice(label) ? { name: label, device: true } : found(label, vdev),
      );
      if (drives.length > 0) await loadBackends(['drives']);
      const blueprint = blueprintOf(saved, { file: state.data }, drives, state.name);
      const { name } = blueprint.definition;
      const { uuid } = blueprint.definition;
      const kept = (await host.managed?.list())?.find(each => each.name !== name && each.definition.uuid === uuid);
      if (uuid !== undefined && kept)
        throw new Refusal(
          [...UUID_TAKEN.said, `${kept.name} has the UUID ${uuid} already. Give its definition another one.`].join(
            '\n',
          ),
        );
      refuseTaken(host, [name], uuid, 'Destroy it, and restore this one again.');
      await (await states.load()).refuseOtherPlaces(host, blueprint);
      const built = await host.toolstack.jobs.run(name, 'Restore', () =>
        host.toolstack.build(blueprint, { paused, made }),
      );
      task.message = describeBuilt(built);
      return host.domains.describe(built);
    }),
  xl: async (call, run) => {
    const { said, id, options } = await restoreBy(call, run);
    return said + (await viewAfter(call.host, id, options));
  },
  attach: words =>
    readRestore(words).options.has('c')
      ? async (call, terminal) => {
          const { said, id } = await restoreBy(call, (...given) => restore.run(call.host, ...given));
          terminal.write(said.replaceAll('\n', '\r\n'));
          await openConsole(call.host, id, terminal);
          return 0;
        }
      : undefined,
});

/** @throws Refusal */
function readRestore(words: readonly string[]): ReadWords {
  const read = readWords(words, { flags: 'pcFedVA', long: { vncviewer: 'V', 'vncviewer-autopass': 'A' } });
  atLeast('restore', read.rest, 1);
  return read;
}

/** Restores what the words say: what xl prints meanwhile, the domain, and the words' options. @throws Refusal */
async function restoreBy(
  { host, words, read }: Call,
  run: (state: NamedFile, images: NamedFile[], paused: boolean) => Promise<DomainInfo>,
): Promise<{ said: string; id: number; options: ReadWords['options'] }> {
  const { options, rest } = readRestore(words);
  const [path, ...images] = rest;
  const files = await Promise.all(images.map(async name => ({ name, data: await read(name) })));
  const state = await read(path).catch((error: Error) => {
    throw new Refusal(`Can't open restore file: ${error.message.replace(/^.*: (?=[^:]+$)/s, '')}`);
  });
  // xl restore CONFIG FILE.
  if (files.length === 1 && !(await isSaved(state)) && (await isSaved(files[0].data)))
    throw new Refusal(
      `${files[0].name} is restored with the definition in it, and not with ${path}: xl restore ${files[0].name}. xl config-update gives the domain another.`,
    );
  const { info } = await readHead(host, state, path);
  const { id } = await run({ name: path, data: state }, files, options.has('p')).catch((error: Error) => {
    throw error instanceof SavedStateError
      ? new Refusal(behindLibxl(host.toolstack, NOT_BUILT.said, error.message))
      : error;
  });
  return {
    said: `Loading new save file ${path} (new xl fmt info ${info})\n Savefile contains xl domain config in JSON format\nParsing config from <saved>\n`,
    id,
    options,
  };
}

/** What lay in its drives, by their names: as it is given, or at the paths that its definition has for them, where libxl opens it. */
async function filesOf(
  host: Uses<'disk' | 'files'>,
  saved: SavedState,
  file: string,
  given: readonly NamedFile[],
): Promise<(label: string, vdev: string) => Medium | undefined> {
  const { targetsOf } = await states.load();
  const { definition } = blueprintOf(saved, {}, [], file);
  const found = new Map<string, Medium>(given.map(({ name, data }) => [baseName(name), { name, data }]));
  const names = new Set(
    labelsOf(saved)
      .map(baseName)
      .filter(name => !found.has(name)),
  );
  const inDrives = new Map<string, Medium>();
  for (const { vdev, target: path } of await targetsOf(saved, definition)) {
    const name = baseName(path);
    if (!path.startsWith('/') || host.disk.isDevice(path) || inDrives.has(vdev) || !names.has(name)) continue;
    const data = await host.files.readFile(path).catch(() => undefined);
    if (!data) continue;
    const medium = await host.files.mediumOf({ name: path, data });
    inDrives.set(vdev, medium);
    if (!found.has(name)) found.set(name, medium);
  }
  return foundIn(inDrives, found);
}

/** Whether it begins as xl's files do. */
const isSaved = async (file: Blob): Promise<boolean> =>
  new TextDecoder('latin1').decode(await file.slice(0, XL_MAGIC.length).arrayBuffer()) === XL_MAGIC;
