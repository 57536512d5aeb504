/** Media of domains' drives that Domain 0 has open, and devices of the host among them. */
import type { DomainListener } from '../../hypervisor/domain/index.ts';
import type { DriveImage, OpenMedium } from '../../hypervisor/index.ts';
import { backend } from '../backends/index.ts';
import { openInDomain0, queuedMedium } from './devices/index.ts';
import type { Member, OpenHostDevice } from './running-domain.ts';
import type { Services } from './services.ts';

/** What opening needs of the toolstack. */
interface OpeningParts {
  services: Services;
  openMedium: OpenMedium;
  /** Absent: the host has no disk of its own. */
  openDevice?: OpenHostDevice | undefined;
  /** Domains run in workers of their own. */
  elsewhere(): boolean;
  /** Domains on this thread may have something to do. */
  poke(): void;
}

/** Its medium can be open in one place alone: a device of the host, or what is open already. */
export const isOpenOnce = ({ medium }: DriveImage): boolean =>
  medium !== undefined && ('device' in medium || 'disk' in medium);

/** Of the image in a domain's drive, as its definition has it. A drive of a saved state may be known by its place alone. */
const formatOf = ({ blueprint: { definition } }: Member, { vdev, place }: DriveImage): string | undefined =>
  definition.disks.find(disk => (vdev === undefined ? disk.place === place : disk.vdev === vdev))?.format;

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
    const { diskChanges, saved, xen } = blueprint;
    const elsewhere = this.parts.elsewhere();
    // A PC of this thread opens its files itself.
    if (!xen && !elsewhere && !blueprint.drives?.some(isOpenOnce)) return;
    const inWorker = elsewhere && !modelHere && (!xen || xen === 'hvm');
    const isHere = (drive: DriveImage): boolean =>
      inWorker
        ? drive.place < 0 || isOpenOnce(drive) || (xen === 'hvm' && drive.kind === 'disk')
        : xen === 'hvm' || !xen || drive.medium !== undefined;
    const here = (blueprint.drives ?? [])
      .filter(isHere)
      .map(drive => this.withDevice(member, drive, formatOf(member, drive), problem));
    if (here.length > 0)
      member.opened = openInDomain0(
        here,
        xen,
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
    const drives =
      blueprint.xen === 'pv' || blueprint.xen === 'pvh'
        ? []
        : (blueprint.drives ?? []).filter(({ place }) => place >= 0);
    return drives.map(drive => {
      const disk = opened?.ide.find(({ place }) => place === drive.place)?.disk;
      return disk ? { ...drive, medium: queuedMedium(drive.medium?.name ?? '', disk) } : drive;
    });
  }

  /** A drive whose medium is a device of the host, with that open; `format`: of its image. @throws Error with a sentence */
  withDevice(
    member: Member,
    drive: DriveImage,
    format: string | undefined,
    say: (sentence: string) => void,
  ): DriveImage {
    const { medium, readOnly, kind } = drive;
    if (!medium || !('device' in medium)) return drive;
    const { openDevice } = this.parts;
    if (!openDevice) throw new Error(`${medium.name}: this host has no disk of its own. Take a file.`);
    const device = openDevice(medium.name, member.name, {
      uuid: member.uuid,
      readOnly,
      sectorBytes: kind === 'cdrom' ? 2048 : 512,
      format,
      say,
      ...(member.blueprint.xen || this.parts.elsewhere() ? {} : { late: () => this.parts.poke() }),
    });
    member.devices.push(device);
    return { ...drive, medium: { name: medium.name, disk: device.disk } };
  }

  /** Others may have them. */
  closeDevices(member: Member): void {
    for (const device of member.devices.splice(0)) device.close();
  }
}
