/**
 * IDE function of the PIIX3: two channels at their legacy places, bus-master registers in BAR 4.
 * Source: 82371FB/SB (PIIX3) datasheet, order number 290550, 2.5 (IDE configuration) and 2.6 (bus master).
 */
import type { Device, IrqLine, PortRange, State } from '../bus.ts';
import { driveDevices, loadedDrives } from '../drives.ts';
import { driveType } from '../floppy/formats.ts';
import { PciFunction } from '../pci/pci.ts';
import { subState } from '../state.ts';
import type { AtapiDrive } from './atapi-drive.ts';
import { IdeChannel } from './channel.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';

/**
 * A drive and its place: 0 primary master, 1 primary slave, 2 and 3 on the secondary channel; floppy drives, which are on a controller of their own, have 4 and
 * 5, disks of virtio those from 6 on.
 */
export type IdeAttachment = { place: number } & (
  | { kind: 'disk'; disk: BlockDevice }
  | { kind: 'cdrom' | 'floppy'; disk: BlockDevice | null }
);

/** The place of floppy drive A; B is behind it. */
export const FLOPPY_PLACE = 4;

/** The place of the first disk of virtio, and how many there may be: each is a PCI function. */
export const VIRTIO_PLACE = 6,
  VIRTIO_DISKS = 8;

/** The floppy drives among these. */
export const floppiesIn = (attachments: readonly IdeAttachment[] = []): { unit: number; disk: BlockDevice | null }[] =>
  attachments.flatMap(({ place, kind, disk }) => (kind === 'floppy' ? [{ unit: place - FLOPPY_PLACE, disk }] : []));

/** What drive is at a place that takes another disk while its machine runs. */
export const removableKind = (place: number): 'cdrom' | 'floppy' => (place >= FLOPPY_PLACE ? 'floppy' : 'cdrom');

/** Another disk, or none, is in the CD-ROM or floppy drive at a place of these. */
export function putDisc(attachments: readonly IdeAttachment[], place: number, disc: BlockDevice | null): void {
  for (const attachment of attachments)
    if (attachment.place === place && attachment.kind !== 'disk') attachment.disk = disc;
}

/** CMOS byte 10h for them: the type of drive A in the upper half, that of B in the lower one. */
export function floppyDriveTypes(attachments: readonly IdeAttachment[] = []): number {
  const types = [0, 0];
  for (const { unit, disk } of floppiesIn(attachments)) types[unit] = driveType(disk);
  return (types[0] << 4) | types[1];
}

/** Timing registers: channel decode enabled (IDETIM bit 15). */
const IDETIM = 0x40,
  DECODE = 0x8000;

export class PiixIde implements Device {
  readonly name = 'ide';
  readonly fn = new PciFunction('PIIX3 IDE', { vendor: 0x8086, device: 0x7010, class: 0x010180, status: 0x0280 });
  readonly channels: IdeChannel[];
  /** Drives as the machine was built. */
  private readonly attached: IdeChannel['drives'][];

  /** Throws RangeError for a place that does not exist or is taken. */
  constructor(irqs: [IrqLine, IrqLine], attachments: IdeAttachment[]) {
    const { fn } = this;
    this.channels = [new IdeChannel(0x1f0, 0x3f6, irqs[0], fn), new IdeChannel(0x170, 0x376, irqs[1], fn)];
    for (const attachment of attachments) {
      const { place } = attachment;
      if (attachment.kind === 'floppy' || place >= VIRTIO_PLACE) continue;
      const channel = this.channels[place >> 1];
      if (!channel) throw new RangeError(`IDE place ${place} does not exist: there are 0 to 3`);
      if (channel.drives[place & 1]) throw new RangeError(`IDE place ${place} is taken`);
      const serial = `RS${String(place).padStart(8, '0')}`;
      channel.drives[place & 1] =
        attachment.kind === 'disk'
          ? new (driveDevices().AtaDrive)(channel, attachment.disk, serial)
          : new (driveDevices().AtapiDrive)(channel, attachment.disk, serial);
    }
    this.attached = this.channels.map(channel => [...channel.drives]);
    fn.put(IDETIM, DECODE, 2);
    fn.put(IDETIM + 2, DECODE, 2);
    fn.allow(IDETIM, 4);
    fn.writable[0x44] = 0xff;
    fn.writable[0x48] = 0x0f;
    fn.allow(0x4a, 2, 0x3333);
    // Decoding of the legacy ports is on: a machine without firmware finds them so.
    fn.config[4] = 1;
    fn.addBar(4, {
      kind: 'io',
      size: 16,
      width: 4,
      read: (offset, size) => {
        let value = 0;
        for (let i = 0; i < size; i++)
          value |= this.channels[(offset + i) >> 3].readMaster((offset + i) & 7) << (8 * i);
        return value >>> 0;
      },
      write: (offset, value, size) => {
        for (let i = 0; i < size; i++)
          this.channels[(offset + i) >> 3].writeMaster((offset + i) & 7, (value >>> (8 * i)) & 0xff);
      },
    });
  }

  /** The CD-ROM drive at a place; undefined: there is none. */
  cdrom(place: number): AtapiDrive | undefined {
    const drive = this.channels[place >> 1]?.drives[place & 1];
    const drives = loadedDrives();
    return drives && drive instanceof drives.AtapiDrive ? drive : undefined;
  }

  /** Takes disks away until the next reset (all, or all but the first of the first channel); CD-ROM drives stay. */
  unplugDisks(exceptFirst: boolean): void {
    const drives = loadedDrives();
    this.channels.forEach((channel, i) => {
      channel.drives.forEach((drive, n) => {
        if (drives && drive instanceof drives.AtaDrive && !(exceptFirst && i === 0 && n === 0))
          channel.drives[n] = null;
      });
    });
  }

  get portRanges(): PortRange[] {
    return [...this.channels.flatMap(({ taskPorts, controlPorts }) => [taskPorts, controlPorts])];
  }

  reset(): void {
    this.channels.forEach((channel, i) => {
      channel.drives.splice(0, 2, ...this.attached[i]);
      channel.reset();
    });
  }

  save(): State {
    return { primary: this.channels[0].save(), secondary: this.channels[1].save() };
  }

  restore(state: State): void {
    this.channels[0].restore('ide primary', subState(this.name, state, 'primary'));
    this.channels[1].restore('ide secondary', subState(this.name, state, 'secondary'));
  }

  peek(): State {
    return { primary: this.channels[0].peek(), secondary: this.channels[1].peek() };
  }
}
