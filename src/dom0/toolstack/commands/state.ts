/** Saved domains. */
import { readState } from '../../../hypervisor/index.ts';
import type { DomainInfo, NamedFile } from '../../api.ts';
import type { HostCore } from '../../host.ts';
import { baseName } from '../../plan.ts';
import { blueprintOf, savedDrives } from '../member.ts';
import { command } from './command.ts';
import { describeBuilt } from './life.ts';
import { atLeast, findDomain, readWords } from './words.ts';

export const save = command({
  summary: 'Save a domain state to restore later',
  usage: '[options] <Domain> <CheckpointFile>',
  options: [['-c', 'Leave domain running after creating the snapshot.']],
  modifies: true,
  /** Whole state of a paused or running domain, which goes on. */
  run: async (host: HostCore, id: number): Promise<Blob> => {
    const { name } = host.living(id);
    return host.tasks.run(`xl save -c ${name} ${name}.save`, async task => {
      const blob = new Blob((await host.toolstack.save(host.living(id))) as BlobPart[], { type: 'application/octet-stream' });
      task.message = `${(blob.size / 2 ** 20).toFixed(1)} MiB hold its memory, processors, devices and console; the guest goes on.`;
      return blob;
    });
  },
  xl: async ({ host, words, write }, run) => {
    const { options, rest } = readWords(words, { flags: 'c' });
    atLeast('save', rest, 2);
    const id = findDomain(host, rest[0]);
    const saved = (size: number): string => `Saving to ${rest[1]} new xl format (info 0x3/0x0/${size})\n`;
    if (options.has('c')) {
      const state = await run(id);
      await write(rest[1], state);
      return saved(state.size);
    }
    const member = host.living(id);
    return host.tasks.run(`xl save ${member.name} ${rest[1]}`, async task => {
      // What it wrote to its disks from here on would be lost to the state.
      const { chunks, goOn } = await host.toolstack.hold(member);
      const state = new Blob(chunks as BlobPart[]);
      try {
        await write(rest[1], state);
      } catch (error) {
        goOn();
        throw error;
      }
      await host.toolstack.remove(member);
      task.message = `${(state.size / 2 ** 20).toFixed(1)} MiB hold its memory, processors, devices and console; the domain is gone.`;
      return saved(state.size);
    });
  },
});

export const restore = command({
  summary: 'Restore a domain from a saved state',
  usage: '[options] <CheckpointFile>',
  options: [['-p', 'Do not unpause domain after restoring it.']],
  modifies: true,
  /** `images`: what lay in its drives, by their names. */
  run: async (host: HostCore, state: NamedFile, images: NamedFile[] = [], paused: boolean = false): Promise<DomainInfo> =>
    host.tasks.run(`xl restore ${state.name}`, async task => {
      const bytes = new Uint8Array(await state.data.arrayBuffer());
      const saved = readState(bytes, state.name);
      const { about } = saved;
      if (about.virtualTime && !host.parts.virtual)
        throw new Error(
          `${state.name} was saved in virtual time, in which this host does not run. Load the page with ?time=virtual, or restore it with ringside boot --virtual-time --restore ${state.name}.`,
        );
      if (host.parts.virtual && !about.virtualTime) throw new Error(`${state.name} was saved on a host that follows the clock on the wall. Load the page without ?time=virtual, and restore it there.`);
      const drives = savedDrives(saved, label => {
        if (host.isDevice(label)) return { name: label, device: true };
        const image = images.find(({ name }) => baseName(name) === baseName(label));
        return image && { name: image.name, data: image.data };
      });
      const blueprint = blueprintOf(saved, bytes, drives, state.name);
      await host.openDevices();
      const { name } = blueprint.definition;
      if (host.toolstack.isTaken(name)) throw new Error(`There is a domain called ${name} already. Destroy it, and restore this one again.`);
      const built = await host.toolstack.build(blueprint, { paused });
      task.message = describeBuilt(built);
      return host.describe(built);
    }),
  xl: async ({ words, read }, run) => {
    const { options, rest } = readWords(words, { flags: 'p' });
    atLeast('restore', rest, 1);
    const [path, ...images] = rest;
    const files = await Promise.all(images.map(async name => ({ name, data: await read(name) })));
    await run({ name: path, data: await read(path) }, files, options.has('p'));
    return `Loading new save file ${path}\n`;
  },
});
