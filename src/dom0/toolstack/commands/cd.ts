/**
 * What lies in a guest's CD-ROM and floppy drives. Source: main_cd_insert() and main_cd_eject() in tools/xl/xl_cdrom.c, libxl_cdrom_insert() of Xen 4.17; floppy disks,
 * which libxl does not change, by virsh(1), change-media.
 */
import type { Medium } from '../../../hypervisor/index.ts';
import { baseName, type NamedFile } from '../../definitions/index.ts';
import { deviceNumber } from '../../definitions/config/index.ts';
import { namesFiles, pathsIn, spellFiles } from '../../host/files/index.ts';
import { CdError, makeCd } from '../../../formats/file-systems/index.ts';
import {
  HEAD_BYTES,
  imageKind,
  imageProblem,
  NO_CD,
  packingOfFile,
  unpackedImage,
} from '../../definitions/images/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { changeDisc } from '../hotplug.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** A CD image that a file is, or that is packed in it; undefined: it is none. @throws Error with a sentence where it is packed and damaged */
async function cdIn({ name, data: asGiven }: NamedFile): Promise<NamedFile | undefined> {
  const data = namesFiles(name) ? asGiven : await unpackedImage(name, asGiven);
  return imageKind(name, new Uint8Array(await data.slice(0, HEAD_BYTES).arrayBuffer())) === 'cdrom'
    ? { name, data }
    : undefined;
}

/** As a definition calls them. */
const FLOPPIES = ['fda', 'fdb'];

/** A CD image as it is; other files as a CD that is made of them. @throws CdError */
async function imageOf(files: readonly NamedFile[]): Promise<NamedFile> {
  const cd = files.length === 1 ? await cdIn(files[0]) : undefined;
  if (cd) return cd;
  const { parts } = makeCd(
    files.map(file => ({
      path: [baseName(file.name)],
      data: file.data,
      ...('lastModified' in file.data ? { modifiedMs: Number(file.data.lastModified) } : {}),
    })),
  );
  return { name: spellFiles(files.map(file => file.name)), data: new Blob(parts as BlobPart[]) };
}

/** Changes what lies in a drive; undefined: takes it out. */
async function change(
  host: Uses<'domains' | 'tasks' | 'toolstack'>,
  id: number,
  vdev: string,
  target: string,
  medium: Medium | undefined,
): Promise<void> {
  const isFloppy = FLOPPIES.includes(vdev);
  if (deviceNumber(vdev) === undefined && !isFloppy) throw new Refusal(`Unknown disk vdev: ${vdev}`);
  const member = host.domains.living(id);
  const say = (sentence: string): void => void host.tasks.note(member.name, 'failed', sentence);
  const defined = {
    target,
    format: target === '' ? 'empty' : 'raw',
    vdev,
    kind: isFloppy ? 'floppy' : 'cdrom',
    readOnly: !isFloppy,
    place: -1,
    at: { line: 1, column: 1 },
  } as const;
  await changeDisc(host.toolstack, member, { ...(medium ? { medium } : {}), defined }, say).catch((error: Error) => {
    throw new Refusal(`libxl_cdrom_insert: Domain ${id}:${error.message}`);
  });
}

export const cdInsert = command({
  summary: "Insert a cdrom into a guest's cd drive",
  usage: '<Domain> <VirtualDevice> <type:path>',
  options: [
    ['IMAGE.iso', 'a CD image, or a device of the host (/dev/vg0/NAME)'],
    ['IMAGE.img', 'a floppy disk, in fda or fdb'],
    ['files:PATH [PATH…]', 'a CD that is made of these files and folders (of PATH/ what is in it)'],
  ],
  modifies: true,
  /** A device of the host by its path, a CD image, or files of which a CD is made. A guest without emulated drives gets a virtual CD. */
  run: (host: CommandHost, id: number, vdev: string, given: NamedFile[] | string): Promise<void> => {
    const { name } = host.domains.living(id);
    return host.tasks.run(
      commandOf('cd-insert', name, {
        drive: vdev,
        media: typeof given === 'string' ? [given] : given.map(file => file.name),
      }),
      async task => {
        if (typeof given === 'string') {
          await host.disk.openDevices();
          await change(host, id, vdev, given, { name: given, device: true });
        } else {
          const isFloppy = FLOPPIES.includes(vdev);
          const image = await (isFloppy
            ? unpackedImage(given[0].name, given[0].data).then(data => ({ name: given[0].name, data }))
            : imageOf(given)
          ).catch((error: Error) => {
            throw error instanceof CdError ? new Refusal(error.message) : error;
          });
          const problem = imageProblem(
            image.name,
            isFloppy ? 'floppy' : 'cdrom',
            new Uint8Array(await image.data.slice(0, HEAD_BYTES).arrayBuffer()),
            image.data.size,
            await packingOfFile(given[0].data),
          );
          if (problem) throw new Refusal(problem.text);
          await change(host, id, vdev, image.name, await host.files.mediumOf(isFloppy ? given[0] : image, isFloppy));
        }
        task.message = FLOPPIES.includes(vdev)
          ? 'The guest finds another disk. The image stays as it is, whatever the guest writes.'
          : 'The guest finds another disc.';
      },
      id,
    );
  },
  xl: async ({ host, words, read, absolute = path => path }, run) => {
    const { rest } = readWords(words);
    atLeast('cd-insert', rest, 3);
    const [domain, vdev, first, ...more] = rest;
    const id = findDomain(host, domain);
    const target = first.replace(/^(?:(?:phy|file|raw|tap2?|aio):)+/, '');
    await host.disk.openDevices();
    const device = [target, absolute(target)].find(path => host.disk.isDevice(path));
    if (device !== undefined) return run(id, vdev, device).then(() => '');
    if (FLOPPIES.includes(vdev) && namesFiles(target))
      throw new Refusal(`${vdev} is a floppy drive: name an image of a floppy disk.`, 2);
    if (!namesFiles(target) && more.length > 0)
      throw new Refusal(
        "These are several files: write files:PATH and the others' paths, and a CD is made of them.",
        2,
      );
    const name = namesFiles(target) ? spellFiles([...pathsIn(target), ...more].map(absolute)) : target;
    const data = await read(name).catch((error: Error) => {
      throw new Refusal(namesFiles(name) ? error.message : `Cannot stat file: ${target}`);
    });
    // A file that is no CD is reported, and not put onto one.
    const isCd =
      FLOPPIES.includes(vdev) ||
      (await cdIn({ name, data }).catch((error: Error) => {
        throw new Refusal(error.message);
      }));
    if (!isCd) {
      const problem = imageProblem(
        target,
        'cdrom',
        new Uint8Array(await data.slice(0, HEAD_BYTES).arrayBuffer()),
        data.size,
        await packingOfFile(data),
      );
      throw new Refusal(
        !problem || problem.short === NO_CD
          ? `${target} is no CD image: there is no ISO 9660 volume in it. Name an .iso file, or write files:${target} to have it on a CD.`
          : problem.text,
      );
    }
    await run(id, vdev, [{ name: namesFiles(name) ? name : absolute(name), data }]);
    return '';
  },
});

export const cdEject = command({
  summary: "Eject a cdrom from a guest's cd drive",
  usage: '<Domain> <VirtualDevice>',
  modifies: true,
  /** As xl does it: whether the guest has locked the tray or not. */
  run: (host: CommandHost, id: number, vdev: string): Promise<void> =>
    host.tasks.run(
      commandOf('cd-eject', host.domains.living(id).name, { drive: vdev }),
      () => change(host, id, vdev, '', undefined),
      id,
    ),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('cd-eject', rest, 2);
    await run(findDomain(host, rest[0]), rest[1]);
    return '';
  },
});
