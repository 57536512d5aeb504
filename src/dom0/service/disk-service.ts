/** The host's own disk, disks of other machines, and what of them lies in domains' drives. */
import { diskCommands } from './parts.ts';
import { snapshots } from '../toolstack/index.ts';
import type { DriveImage, Medium } from '../../hypervisor/index.ts';
import { isNetworkDisk } from '../../formats/nbd/index.ts';
import type { NamedFile, PlannedDrive } from '../definitions/index.ts';
import { isDevice, type Storage, transferVolume } from '../host/storage/index.ts';
import { commandOf, type DiskService, type FileService, type OpenHostDevice, type Uses } from '../toolstack/index.ts';
import { FarDisks } from './far-disks.ts';
import type { GivenFiles } from './given-files.ts';
import { guestDevice } from './guest-device.ts';
import type { HostParts } from './host-parts.ts';
import type { Images } from './images.ts';

interface DiskHost extends Uses<'toolstack' | 'tasks' | 'managed'> {
  readonly parts: Pick<HostParts, 'storage' | 'allowed' | 'later' | 'sockets' | 'files'>;
  readonly files: FileService & { readonly given: GivenFiles; images(): Promise<Images> };
}

export class DiskServiceOfDom0 implements DiskService {
  readonly far: FarDisks;
  private readonly host: DiskHost;
  /** The disk on which what an earlier host left unfinished was looked for. */
  private settled: { storage: Storage; done: Promise<void> } | undefined;
  /** Once it was opened. */
  private storage: Storage | undefined;

  constructor(host: DiskHost) {
    this.host = host;
    this.far = new FarDisks(host.parts);
  }

  isDevice(path: string): boolean {
    const { allowed, storage } = this.host.parts;
    if (isNetworkDisk(path) || allowed?.has(path)) return true;
    return storage !== undefined && (isDevice(path) || this.storage?.image(path) !== undefined);
  }

  volumeName(number: number): string {
    const name = this.storage?.volumeName(number);
    return name === undefined ? `volume ${number}` : `vg0/${name}`;
  }

  /** A command for volumes (storage/commands.ts), as a task: what it prints. @throws Error with what it says where it fails */
  async diskCommand(words: string[]): Promise<string> {
    return (await diskCommands.load()).runDiskCommand(this, this.host.tasks, words);
  }

  async openDevices(targets: readonly string[] = []): Promise<Storage | undefined> {
    const { parts, toolstack, files } = this.host;
    const { disk } = toolstack.services;
    for (const target of targets) if (isNetworkDisk(target)) await this.far.look(target);
    this.storage = await parts.storage?.();
    if (this.storage) await disk.connect(this.storage.disk);
    await disk.serveDrives();
    if (this.storage && this.settled?.storage !== this.storage)
      this.settled = { storage: this.storage, done: this.settle(this.storage) };
    await this.settled?.done;
    if (this.storage) await (await files.images()).find(this.storage);
    return this.storage;
  }

  private async settle(storage: Storage): Promise<void> {
    const { settleUnfinished } = await snapshots.load();
    await settleUnfinished(this.host, storage);
  }

  /** Ends domains that have devices of the host open: the disk goes. */
  async endUsersOfDisk(why: string): Promise<void> {
    const { toolstack, tasks, files } = this.host;
    files.given.endAll();
    for (const member of [...toolstack.members.values()]) {
      if (member.attachments.devices.every(({ path }) => isNetworkDisk(path))) continue;
      await toolstack.remove(member);
      tasks.note(commandOf('destroy', member.name), 'failed', why);
    }
    this.storage = undefined;
  }

  readonly openDevice: OpenHostDevice = (path, who, how) => {
    const { allowed, later } = this.host.parts;
    const from = isNetworkDisk(path) ? this.far : allowed?.has(path) ? allowed : this.storage;
    if (!from) throw new Error(`${path}: this host has no disk of its own. Name a file.`);
    return guestDevice(from.open(path, who, !how.readOnly, how.uuid, how.format, how.shared), path, how, later);
  };

  async drivesFrom(
    drives: readonly PlannedDrive[],
    files: readonly NamedFile[],
    domain: string,
  ): Promise<DriveImage[]> {
    return drives.length > 0
      ? (await diskCommands.load()).drivesFrom(this.host.files, this, drives, files, domain)
      : [];
  }

  async orNoTransferDisk<T>(domain: string, make: () => Promise<T> | T): Promise<T> {
    const had = this.storage?.transferOf(domain) !== undefined;
    try {
      return await make();
    } catch (error) {
      if (!had) this.storage?.removeUnused(transferVolume(domain));
      throw error;
    }
  }

  deviceMedium(target: string, domain: string): Medium {
    const isElsewhere = isNetworkDisk(target) || this.host.parts.allowed?.has(target);
    return { name: isElsewhere ? target : (this.storage?.deviceOf(target, domain) ?? target), device: true };
  }
}
