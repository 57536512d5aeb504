/** Media of domains' drives that Domain 0 has open, and devices of the host among them. */
import type { DomainListener } from '../../hypervisor/domain/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { OverlayDisk } from '../../hypervisor/disks/index.ts';
import type { DriveImage, OpenMedium } from '../../hypervisor/index.ts';
import { backend } from '../backends/index.ts';
import type { Definition } from '../definitions/config/index.ts';
import { isOpenOnce, openInDomain0, queuedMedium } from './devices/index.ts';
import { kindOf } from './kinds/index.ts';
import type { KeepsWrites, Member, OpenHostDevice } from './running-domain.ts';
import type { Services } from './services.ts';

/** What opening needs of the toolstack. */
interface OpeningParts {
  services: Services;
  openMedium: OpenMedium;
  /** Absent: the host has no disk of its own. */
  openDevice?: OpenHostDevice | undefined;
  /** Absent: what guests write to images is in memory alone. */
  keepWrites?: KeepsWrites | undefined;
  /** Domains run in workers of their own. */
  elsewhere(): boolean;
  /** Domains on this thread may have something to do. */
  poke(): void;
}

/** What a definition says of the image in a drive. */
export type DefinedImage = Pick<Definition['disks'][number], 'format' | 'shared'>;

/** Of a domain's drive. A drive of a saved state may be known by its place alone. */
const definedImage = ({ blueprint: { definition } }: Member, { vdev, place }: DriveImage): DefinedImage | undefined =>
  definition.disks.find(disk => (vdev === undefined ? disk.place === place : disk.vdev === vdev));

export class OpenedDrives {
  private readonly parts: OpeningParts;

  constructor(parts: OpeningParts) {
    this.parts = parts;
  }

  /**
   * Media that Domain 0 opens: those of PV drivers, which emulated drives share with them, and devices of the host. A device model in a worker of its own
   * reaches them through a queue (hypervisor/disks/drive-queue.ts); its CDs and floppy disks of files it opens itself.
   */
  open(member: Member, modelHere: boolean, { problem }: DomainListener): void {
    const { blueprint, record } = member;
    const { diskChanges, saved, definition } = blueprint;
    const kind = kindOf(definition);
    const elsewhere = this.parts.elsewhere();
    // A PC of this thread opens its files itself.
    if (!kind.isOfXen && !elsewhere && !blueprint.drives?.some(isOpenOnce)) return;
    const inWorker = elsewhere && !modelHere && kind.hasBoard;
    const here = (blueprint.drives ?? [])
      .filter(drive => kind.opensInDomain0(drive, inWorker))
      .map(drive =>
        // What the domain before this one had changed is put into the disks once all are open.
        this.withDevice(member, drive, definedImage(member, drive), problem, diskChanges === undefined),
      );
    if (here.length > 0)
      member.opened = openInDomain0(
        here,
        definition.kind,
        images => backend('drives').attachDrives(images, this.parts.openMedium, problem, diskChanges),
        inWorker,
      );
    if (record.drivesOffset === 0) return;
    // Of a state that comes they come later.
    if (!saved?.arriving) this.restoreChanges(member);
    this.parts.services.attachDrives(record, member.opened?.ide ?? []);
  }

  /** Where the drives of the guest that was saved were elsewhere, what it had changed of them is with the rest of it. */
  restoreChanges({ record, blueprint, opened }: Member): void {
    if (record.drivesOffset === 0) return;
    for (const { place, changes } of blueprint.saved?.state.disks ?? [])
      backend('drives').restoreChanges(opened?.all ?? [], place, changes);
  }

  /** The drives of a domain as its worker gets them: media that are open here, through the queue. */
  elsewhere({ blueprint, opened }: Member): DriveImage[] {
    const drives = kindOf(blueprint.definition).hasBoard
      ? (blueprint.drives ?? []).filter(({ place }) => place >= 0)
      : [];
    return drives.map(drive => {
      const disk = opened?.ide.find(({ place }) => place === drive.place)?.disk;
      return disk ? { ...drive, medium: queuedMedium(drive.medium?.name ?? '', disk) } : drive;
    });
  }

  /** A drive whose medium Domain 0 alone has open, with that open; `defined`: what is said of its image. `isNew`: the guest has changed nothing of it yet. @throws Error with a sentence */
  withDevice(
    member: Member,
    drive: DriveImage,
    defined: DefinedImage | undefined,
    say: (sentence: string) => void,
    isNew = true,
  ): DriveImage {
    const { medium, readOnly, kind } = drive;
    // What guests write to a file is stored for each of them.
    if (defined?.shared && medium && !('device' in medium))
      throw new Error(`${medium.name} cannot be shared. Take a volume.`);
    if (medium && 'keptAs' in medium && medium.keptAs !== undefined)
      return this.withKept(member, drive, medium.keptAs, { isNew, say });
    if (!medium || !('device' in medium)) return drive;
    const { openDevice } = this.parts;
    if (!openDevice) throw new Error(`${medium.name}: this host has no disk of its own. Take a file.`);
    const device = openDevice(medium.name, member.name, {
      uuid: member.uuid,
      readOnly,
      sectorBytes: kind === 'cdrom' ? 2048 : 512,
      format: defined?.format,
      shared: defined?.shared,
      say,
      ...(kindOf(member.blueprint.definition).isOfXen || this.parts.elsewhere()
        ? {}
        : { late: () => this.parts.poke() }),
    });
    member.devices.push(device);
    return { ...drive, medium: { name: medium.name, disk: device.disk } };
  }

  /** An image, with what was written to it before. */
  private withKept(member: Member, drive: DriveImage, keptAs: string, how: Parameters<KeepsWrites>[3]): DriveImage {
    const [{ disk }] = backend('drives').attachDrives([drive], this.parts.openMedium, how.say);
    const kept = this.parts.keepWrites?.(disk as OverlayDisk, keptAs, member.name, how);
    if (kept) member.kept.push(kept);
    return { ...drive, medium: { name: drive.medium!.name, disk: disk! } };
  }

  /** What is in none of a domain's drives any more is closed. */
  closeUnused(member: Member): void {
    const inUse = new Set<unknown>(member.opened?.all.map(({ disk }) => disk));
    for (const each of [...member.devices, ...member.kept]) if (!inUse.has(each.disk)) each.close();
    member.devices = member.devices.filter(({ disk }) => inUse.has(disk));
    member.kept = member.kept.filter(({ disk }) => inUse.has(disk));
  }

  /** What a disk of a domain has open is closed. */
  closeDisk(member: Member, disk: BlockDevice | null | undefined): void {
    for (const list of [member.devices, member.kept]) {
      const at = list.findIndex(each => each.disk === disk);
      if (at >= 0) for (const each of list.splice(at, 1)) each.close();
    }
  }

  /** Others may have them. */
  closeDevices(member: Member): void {
    for (const image of member.kept.splice(0)) image.close();
    for (const device of member.devices.splice(0)) device.close();
  }
}
