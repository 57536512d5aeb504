/** What files that somebody names would make: they are read, with the firmware, devices and boot loader that they ask for, and judged. */
import { bootLoader } from './parts.ts';
import { pvBuilder } from '../../hypervisor/index.ts';
import type { Kind } from '../../hypervisor/kinds/index.ts';
import { prepareKernel } from '../../hypervisor/loader/index.ts';
import { romOf } from '../../devices/index.ts';
import {
  fileNamed,
  definitionNamed,
  type Devices,
  type Firmware,
  firmwareNamed,
  type FirmwareNeeds,
  type Given,
  goOn,
  isDefinition,
  judgeFiles,
  type Loaded,
  loaderNamed,
  type NamedFile,
  type NamedImage,
  NO_FIRMWARE,
  placesAsked,
  type Plan,
  type ReadFiles,
  readFiles,
} from '../definitions/index.ts';
import { imageHead } from '../definitions/images/index.ts';
import type { GuestMedium } from '../host/boot-loader/index.ts';
import { imageVolume, isDevice, type Storage } from '../host/storage/index.ts';
import { isNetworkDisk } from '../../formats/nbd/index.ts';
import type { Uses } from '../toolstack/index.ts';
import type { FarDisks } from './far-disks.ts';
import type { FirmwareFiles } from './firmware-files.ts';

/** How kernels of some kinds are started: by another note than others', or by a builder of their own. */
const LOADERS: Partial<Record<Kind, { note?: 'pvh'; loadBuilder?(): Promise<unknown> }>> = {
  pvh: { note: 'pvh' },
  pv: { loadBuilder: pvBuilder.load },
};

/** Whose files they are. */
export interface ReadingHost extends Uses<'toolstack' | 'network' | 'domains' | 'files'> {
  /** Throws a sentence. */
  readonly parts: { readonly fetchBytes?: (url: string) => Promise<Uint8Array> };
  readonly disk: { openDevices(): Promise<Storage | undefined>; readonly far: FarDisks };
}

export class Reading {
  firmwareFiles: FirmwareFiles | undefined;
  private readonly host: ReadingHost;
  /** Judgements asked for: an earlier one ends when it finds another number. */
  private judgements = 0;

  constructor(host: ReadingHost) {
    this.host = host;
  }

  /** Fetched when a guest needs it; a failure is tried again the next time. */
  private async firmware({ bios: wanted, card }: FirmwareNeeds): Promise<Firmware> {
    const files = this.firmwareFiles;
    const { fetchBytes } = this.host.parts;
    if (!files || !fetchBytes) return NO_FIRMWARE;
    const seabios = wanted === 'seabios' ? files.seabios : undefined;
    const { name, url } = seabios?.bios ?? files.own;
    try {
      const [image, vgaBios] = await Promise.all([fetchBytes(url), seabios && fetchBytes(seabios.vgaBios.url)]);
      const rom = card && files.roms?.find(each => each.name === romOf(card));
      return {
        bios: seabios ? 'seabios' : 'ringside',
        image,
        name,
        ...(vgaBios ? { vgaBios, forQemu: true } : {}),
        ...(rom ? { nicRom: await fetchBytes(rom.url) } : {}),
      };
    } catch (error) {
      return `Firmware is needed to boot from a disk, and ${name} could not be fetched (${(error as Error).message}). Check the connection and try again.`;
    }
  }

  /** Judges what files would make. Creates nothing. An earlier judgement ends with an error. */
  async plan(files: NamedFile[]): Promise<Plan> {
    const mine = ++this.judgements;
    return judgeFiles(await this.read(files, () => mine === this.judgements), this.host.domains.facts).plan;
  }

  /** Nobody waits for the judgement under way any more: it ends with an error. */
  cancel(): void {
    this.judgements++;
  }

  /** Files read, with the firmware that they need. What is decided on them comes after it in one go: others may create domains meanwhile. */
  async read(files: NamedFile[], wanted = (): boolean => true): Promise<ReadFiles> {
    const given = await readFiles(files, wanted);
    const needs = firmwareNamed(given);
    const firmware = needs && (await this.firmware(needs));
    const named = await Promise.all(
      (definitionNamed(given)?.disks ?? []).map(async ({ target, format }) => ({
        target,
        format,
        path: await this.ownPath(target, files.find(file => file.directory !== undefined)?.directory),
      })),
    );
    const { allowed } = this.host.files;
    const mayBeDevices = named.filter(
      ({ path }) => isDevice(path) || allowed?.has(path) || imageVolume(path) !== undefined,
    );
    const storage = mayBeDevices.length > 0 ? await this.host.disk.openDevices() : undefined;
    const devices = mayBeDevices.length > 0 ? await this.lookAt(mayBeDevices, storage) : undefined;
    const loaded = await this.load(given, files, devices, storage);
    const kernels = [
      ...given.flatMap(file => ('data' in file && !isDefinition(file) ? [file.data] : [])),
      ...(typeof loaded === 'object' ? [loaded.kernel.data] : []),
    ];
    const { note = 'note', loadBuilder } = LOADERS[definitionNamed(given)?.kind ?? 'pc'] ?? {};
    await Promise.all([...kernels.map(kernel => prepareKernel(kernel, note)), loadBuilder?.()]);
    await this.startNetworks(given);
    goOn(wanted);
    return { given, firmware, ...(devices ? { devices } : {}), ...(loaded === undefined ? {} : { loaded }) };
  }

  /** Networks that start with the host are there before a card is judged that is to be on one. */
  private async startNetworks(given: Given[]): Promise<void> {
    const definition = definitionNamed(given);
    if (definition && placesAsked(definition).length > 0) await this.host.network.startDefined();
  }

  /** The one path of what a definition in a directory of Domain 0 names as a disk. */
  private async ownPath(target: string, directory: string | undefined): Promise<string> {
    if (directory === undefined || target === '' || isDevice(target)) return target;
    return this.host.files.realPath(target.startsWith('/') ? target : `${directory}/${target}`);
  }

  /** What a definition's boot loader finds on its disks; undefined: it has none. */
  private async load(
    given: Given[],
    files: readonly NamedFile[],
    devices: Devices | undefined,
    storage: Storage | undefined,
  ): Promise<Loaded | undefined> {
    const wanted = loaderNamed(given);
    if (!wanted) return undefined;
    const { loader, cmdline, disks } = wanted;
    const { allowed } = this.host.files;
    const opened: { close(): void }[] = [];
    try {
      const { bootFromDisk, readableOf } = await bootLoader.load();
      const media: GuestMedium[] = [];
      for (const { target, vdev, kind, format } of disks) {
        if (kind === 'floppy') continue;
        const file = fileNamed(files, target);
        const device = devices?.get(target);
        if (isNetworkDisk(target))
          return `${loader.program} reads disks of this host, and ${target} is of another machine. Name the kernel in kernel.`;
        if (typeof device === 'object' && allowed?.has(device.name)) {
          const open = allowed.open(device.name, '', false, '', format);
          opened.push(open);
          media.push({ vdev, from: open.medium });
        } else if (typeof device === 'object') media.push({ vdev, from: storage!.medium(device.name) });
        else if (file)
          media.push({
            vdev,
            from: readableOf(await this.host.files.mediumOf(file), kind, this.host.toolstack.parts.openMedium),
          });
        // pygrub looks at the first one, and what is missing is reported of the disk.
        else if (media.length === 0) return `${loader.program} looks for the kernel on ${target}, which is not there.`;
      }
      return bootFromDisk(loader, cmdline, media);
    } catch (error) {
      return `${(error as Error).message}`;
    } finally {
      for (const open of opened) open.close();
    }
  }

  /** Devices as a definition is judged by them. */
  private async lookAt(
    named: readonly { target: string; path: string; format: string }[],
    storage: Storage | undefined,
  ): Promise<Devices> {
    const { disk, files } = this.host;
    const devices = new Map<string, NamedImage | string>();
    for (const { target, path, format } of named) {
      const allowed = files.allowed?.has(path) ? files.allowed : undefined;
      if (!allowed && !isDevice(path) && !storage?.image(path)) continue;
      try {
        devices.set(
          target,
          allowed
            ? { name: path, ...allowed.look(path, format), device: true }
            : isNetworkDisk(path)
              ? await disk.far.look(path)
              : lookAtOwn(path, storage),
        );
      } catch (error) {
        devices.set(target, (error as Error).message);
      }
    }
    return devices;
  }
}

/** @throws Error with a sentence's end */
function lookAtOwn(path: string, storage: Storage | undefined): NamedImage {
  if (!storage) throw new Error('this host has no disk of its own. Name a file.');
  const medium = storage.medium(path);
  return { name: path, head: imageHead(medium), bytes: medium.bytes, device: true };
}
