/** Opens media of domains' drives in Domain 0, and devices of the host among them. */
import type { DomainListener } from '../../hypervisor/domain/index.ts';
import type { OverlayDisk } from '../../hypervisor/disks/index.ts';
import type { DriveImage, OpenMedium } from '../../hypervisor/index.ts';
import { backend } from '../backends/index.ts';
import type { DefinedDisk } from '../definitions/config/index.ts';
import { type Attachment, Attachments } from './attachments.ts';
import { openInDomain0, queuedMedium } from './devices/index.ts';
import { kindOf, type ModelPlace } from './kinds/index.ts';
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

/** A drive that is to be opened here. */
interface Wanted {
  image: DriveImage;
  defined?: DefinedDisk | undefined;
}

/** How. */
interface Opening {
  /** Reports a sentence about the medium. */
  say: (sentence: string) => void;
  /** What the guest had changed of its drives, as another domain. */
  changes?: Uint8Array[] | undefined;
  /** The emulated drives are in another worker. */
  isQueued?: boolean;
}

/** Its drive in a definition. One of a saved state may be known by its place alone. */
export const definedAs = ({ vdev, place }: DriveImage, disks: readonly DefinedDisk[]): DefinedDisk | undefined =>
  disks.find(disk => (vdev === undefined ? disk.place === place : disk.vdev === vdev));

export class OpenedDrives {
  private readonly parts: OpeningParts;

  constructor(parts: OpeningParts) {
    this.parts = parts;
  }

  /**
   * The drives that a domain begins with. Domain 0 opens those of PV drivers, which emulated drives share with them, and devices of the host. A device model in
   * a worker of its own reaches them through a queue (hypervisor/disks/drive-queue.ts); its CDs and floppy disks of files it opens itself.
   */
  open(member: Member, model: ModelPlace, { problem: say }: DomainListener): void {
    const { blueprint, record } = member;
    const { diskChanges: changes, saved, definition, drives = [] } = blueprint;
    const kind = kindOf(definition);
    const wanted = drives.map((image): Wanted => ({ image, defined: definedAs(image, definition.disks) }));
    const isHere = ({ image }: Wanted): boolean => kind.opensInDomain0(image, model, drives);
    const opened = this.attach(member, wanted.filter(isHere), { say, changes, isQueued: model.queues });
    member.attachments = new Attachments(wanted.map(one => (isHere(one) ? opened.shift()! : one)));
    if (record.drivesOffset === 0) return;
    // Of a state that comes they come later.
    if (!saved?.arriving) this.restoreChanges(member);
    this.parts.services.attachDrives(record, member.attachments.ide);
  }

  /** Opens drives, and divides what is open between emulated drives and PV drivers. @throws Error with a sentence: nothing of them is open then */
  attach(member: Member, wanted: readonly Wanted[], { say, changes, isQueued = false }: Opening): Attachment[] {
    // What opens drives is loaded with the first of them.
    if (wanted.length === 0) return [];
    const held: Attachment[] = [];
    try {
      // What the domain before this one had changed is put into the disks once all are open.
      for (const one of wanted) held.push({ ...one, ...this.holding(member, one, say, changes === undefined) });
      const opened = openInDomain0(
        held.map(({ image }) => image),
        kindOf(member.blueprint.definition),
        images => backend('drives').attachDrives(images, this.parts.openMedium, say, changes),
        isQueued,
      );
      return held.map((drive, i) => ({ ...drive, image: wanted[i].image, opened: opened[i] }));
    } catch (error) {
      new Attachments(held).close();
      throw error;
    }
  }

  /** Where the drives of the guest that was saved were elsewhere, what it had changed of them is with the rest of it. */
  restoreChanges({ record, blueprint, attachments }: Member): void {
    if (record.drivesOffset === 0) return;
    for (const { place, changes } of blueprint.saved?.state.disks ?? [])
      backend('drives').restoreChanges(attachments.media, place, changes);
  }

  /** The drives of a domain as its worker gets them: media that are open here, through the queue. */
  elsewhere({ blueprint, attachments }: Member): DriveImage[] {
    const drives = (blueprint.drives ?? []).filter(({ place }) => place >= 0);
    return drives.map(drive => {
      const disk = attachments.at(drive.place)?.opened?.emulated?.disk;
      return disk ? { ...drive, medium: queuedMedium(drive.medium?.name ?? '', disk) } : drive;
    });
  }

  /** A drive whose medium Domain 0 alone has open, with that open. `isNew`: the guest has changed nothing of it yet. @throws Error with a sentence */
  private holding(
    member: Member,
    { image: drive, defined }: Wanted,
    say: (sentence: string) => void,
    isNew: boolean,
  ): Pick<Attachment, 'image' | 'held'> {
    const { medium, readOnly, kind } = drive;
    // What guests write to a file is stored for each of them.
    if (defined?.shared && medium && !('device' in medium))
      throw new Error(`${medium.name} cannot be shared. Take a volume.`);
    if (medium && 'keptAs' in medium && medium.keptAs !== undefined) {
      const [{ disk }] = backend('drives').attachDrives([drive], this.parts.openMedium, say);
      const held = this.parts.keepWrites?.(disk as OverlayDisk, medium.keptAs, member.name, { isNew, say });
      return { image: { ...drive, medium: { name: medium.name, disk: disk! } }, held };
    }
    if (!medium || !('device' in medium)) return { image: drive };
    const { openDevice } = this.parts;
    if (!openDevice) throw new Error(`${medium.name}: this host has no disk of its own. Take a file.`);
    const held = openDevice(medium.name, member.name, {
      uuid: member.uuid,
      readOnly,
      sectorBytes: kind === 'cdrom' ? 2048 : 512,
      format: defined?.format,
      shared: defined?.shared,
      say,
      ...(kindOf(member.blueprint.definition).hasStore || this.parts.elsewhere()
        ? {}
        : { late: () => this.parts.poke() }),
    });
    return { image: { ...drive, medium: { name: medium.name, disk: held.disk } }, held };
  }
}
