/** Disks that come and go while a guest runs. Source: tools/xl/xl_block.c of Xen 4.17. */
import type { DriveImage } from '../../../hypervisor/index.ts';
import { baseName, type NamedFile } from '../../definitions/index.ts';
import { parseDisk } from '../../definitions/config/index.ts';
import { HEAD_BYTES, imageProblem, packingOfFile, unpackedImage } from '../../definitions/images/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf, type DiskWords } from '../hypervisors/command/command-value.ts';
import { loadBackends } from '../../backends/index.ts';
import { formatBlockList } from '../devices/lists.ts';
import { kindOfMember } from '../kinds/index.ts';
import { deviceDetach } from './device-detach.ts';
import { deviceList } from './device-list.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

export const blockList = deviceList('disks', 'block-list', 'List virtual block devices for a domain', formatBlockList);

/** The device of the host that a path names, or the image on its disk, whatever links lead there; undefined: it names neither. */
async function deviceIn(host: Uses<'disk' | 'files'>, path: string): Promise<string | undefined> {
  if (host.disk.isDevice(path)) return path;
  const own = path.startsWith('/') ? await host.files.realPath(path) : path;
  return host.disk.isDevice(own) ? own : undefined;
}

/** A disk for the task log; undefined: it could not be read. */
const wordsOf = (disk: ReturnType<typeof parseDisk>): DiskWords | undefined =>
  typeof disk === 'string'
    ? undefined
    : {
        source: disk.target,
        target: disk.vdev,
        format: disk.format,
        ...(disk.kind === 'cdrom' ? { cdrom: true } : {}),
        ...(disk.readOnly ? { readOnly: true } : {}),
      };

export const blockAttach = command({
  summary: 'Create a new virtual block device',
  usage: '<Domain> <disk-spec-component(s)>...',
  modifies: true,
  /** A disk for its PV drivers, as xl.cfg writes it; `file`: what it names, where that is a file. */
  run: (host: CommandHost, id: number, spec: string, file?: NamedFile): Promise<void> => {
    const member = host.domains.living(id);
    const disk = parseDisk(spec);
    return host.tasks.run(
      commandOf('block-attach', member.name, { disk: wordsOf(disk) ?? spec }),
      async task => {
        if (typeof disk === 'string') throw new Refusal(`Unable to parse disk: ${disk}`);
        const { target, vdev, kind, readOnly } = disk;
        const { wrongDisk, attachDisk, arrived } = (await kindOfMember(member).running()).plugging;
        const wrong = wrongDisk(vdev);
        if (wrong) throw new Refusal(`Unable to parse disk: ${wrong}`);
        if (target === '') throw new Refusal('Unable to parse disk: it names no image.');
        const image: DriveImage = { place: -1, vdev, kind, readOnly };
        await host.disk.openDevices([target]).catch((error: Error) => {
          throw new Refusal(`${error.message}\nlibxl_device_disk_add failed.`);
        });
        const path = await deviceIn(host, target);
        if (path === undefined) {
          if (!file) throw new Refusal(`${target}: No such file or directory\nlibxl_device_disk_add failed.`);
          const data = await unpackedImage(baseName(target), file.data).catch((error: Error) => {
            throw new Refusal(`${error.message}\nlibxl_device_disk_add failed.`);
          });
          const problem = imageProblem(
            baseName(target),
            kind,
            new Uint8Array(await data.slice(0, HEAD_BYTES).arrayBuffer()),
            data.size,
            await packingOfFile(file.data),
          );
          if (problem) throw new Refusal(`${problem.text}\nlibxl_device_disk_add failed.`);
          image.medium = await host.files.mediumOf(file, !readOnly && kind !== 'cdrom');
        }
        await loadBackends(['drives', 'vbd']);
        const defined = { ...disk, target: file?.name ?? target, place: -1, at: { line: 1, column: 1 } };
        await host.disk
          .orNoTransferDisk(member.name, () => {
            if (path !== undefined) image.medium = host.disk.deviceMedium(path, member.name);
            const say = (sentence: string): void => host.tasks.note(member.name, 'failed', sentence);
            return attachDisk(host.toolstack, member, { image, defined }, say);
          })
          .catch((error: Error) => {
            throw new Refusal(`${error.message}\nlibxl_device_disk_add failed.`);
          });
        task.message = `${vdev} (${target}) ${arrived}`;
      },
      id,
    );
  },
  xl: async ({ host, words, read, absolute = written => written }, run) => {
    const { rest } = readWords(words);
    atLeast('block-attach', rest, 2);
    const [domain, ...parts] = rest;
    const id = findDomain(host, domain);
    if (id === 0) throw new Refusal('Domain 0 has its disks from the host.');
    let spec = parts.join(',');
    const disk = parseDisk(spec);
    let path = typeof disk === 'string' ? '' : disk.target;
    await host.disk.openDevices();
    if (path !== '' && !host.disk.isDevice(path) && (await deviceIn(host, absolute(path))) !== undefined) {
      spec = spec.replace(path, () => absolute(path));
      path = absolute(path);
    }
    const file =
      path === '' || (await deviceIn(host, path)) !== undefined
        ? undefined
        : await read(path).then(
            data => ({ name: absolute(path), data }),
            () => undefined,
          );
    await run(id, spec, file);
    return '';
  },
});

export const blockDetach = deviceDetach('disks', 'block-detach', {
  summary: "Destroy a domain's virtual block device",
  usage: '[option] <Domain> <DevId>',
  option: '-f, --force',
  unknown: device => `Error: Device ${device} not connected.`,
  failed: 'libxl_device_disk_remove failed.',
});
