import { type BlockDevice, deviceOf } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import type { IdeAttachment } from '../../../devices/ide/index.ts';
import { OverlayDisk } from '../../../hypervisor/disks/overlay-disk.ts';
import { FakeGuest, FrontRing } from '../../backends/fake-guest.test-support.ts';
import { XENBUS_STATE } from '../../backends/xenbus.ts';
import { Disks, savedDisks } from './disks.ts';
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import { kindOf } from '../kinds/index.ts';
import { divideDrive, type GuestDisk, type OpenDrive } from './drives.ts';

const ID = { kind: 'vbd', domid: 7, devid: 51712 };
const SECTOR = new Uint8Array(512).fill(9);

function medium(fill = 1): OverlayDisk {
  const bytes = 64 * 512;
  return new OverlayDisk(
    deviceOf(bytes, (_at, into) => into.fill(fill)),
    { label: 'small.img' },
  );
}

const drive = (vdev = 'xvda', place = 0, disk: OverlayDisk | null = medium()): OpenDrive =>
  disk
    ? { place, vdev, kind: 'disk', readOnly: false, target: 'small.img', disk }
    : { place, vdev, kind: 'cdrom', readOnly: true, target: '', disk };

/** What a sector has, or that it could not be written. */
function first(disk: BlockDevice | null | undefined): number {
  const into = new Uint8Array(512);
  disk?.request({ op: 'read', at: 0, pieces: [into] }, () => {});
  return into[0];
}

function writes(disk: BlockDevice | null | undefined): boolean {
  let written = false;
  disk?.request({ op: 'write', at: 0, pieces: [SECTOR] }, error => (written = !error));
  return written;
}

const divideDrives = (drives: readonly OpenDrive[], kind: Kind): { ide: IdeAttachment[]; disks: GuestDisk[] } => {
  const divided = drives.map(each => divideDrive(each, kindOf({ kind })));
  return {
    ide: divided.flatMap(({ emulated }) => emulated ?? []),
    disks: divided.flatMap(({ pv }) => pv ?? []),
  };
};

describe('the drives of a guest', () => {
  it('are emulated for a PC, both for an HVM guest, and for PV drivers alone for others', () => {
    const drives = [drive(), drive('hdc', 2, null), drive('xvde', -1)];
    const shape = (kind: Kind) => {
      const { ide, disks } = divideDrives(drives, kind);
      return [ide.map(({ place }) => place), disks.map(({ vdev, place }) => [vdev, place])];
    };
    expect(shape('pc')).toEqual([[0, 2, -1], []]);
    // An empty CD-ROM drive is a virtual block device, too (libxl: a vbd for every disk of the definition).
    expect(shape('hvm')).toEqual([
      [0, 2],
      [
        ['xvda', 0],
        ['hdc', 2],
        ['xvde', -1],
      ],
    ]);
    expect(shape('pvh')).toEqual([
      [],
      [
        ['xvda', -1],
        ['hdc', -1],
        ['xvde', -1],
      ],
    ]);
    expect(shape('pv')).toEqual(shape('pvh'));
  });

  it('that are both are written by one: the emulated one until PV drivers have used the medium', () => {
    const { ide, disks } = divideDrives([drive()], 'hvm');
    expect([writes(ide[0].disk), first(disks[0].disk)]).toEqual([true, 9]);
    expect([writes(ide[0].disk), first(ide[0].disk), writes(disks[0].disk)]).toEqual([false, 9, true]);
    disks[0].begin?.();
    expect(writes(ide[0].disk)).toBe(true);
  });
});

describe("a guest's disks", () => {
  it('are in the store as libxl writes them', () => {
    const guest = new FakeGuest();
    new Disks(guest.parts, 7, divideDrives([drive()], 'pvh').disks).start();
    const front = '/local/domain/7/device/vbd/51712';
    expect(
      ['backend', 'backend-id', 'state', 'virtual-device', 'device-type'].map(name =>
        guest.client.read(`${front}/${name}`),
      ),
    ).toEqual(['/local/domain/0/backend/vbd/7/51712', '0', '1', '51712', 'disk']);
    const back = {
      frontend: front,
      'frontend-id': '7',
      online: '1',
      removable: '0',
      bootable: '1',
      state: '2',
      dev: 'xvda',
      type: 'qdisk',
      mode: 'w',
      'device-type': 'disk',
      params: 'aio:small.img',
      'feature-discard': '1',
    };
    for (const [name, value] of Object.entries(back)) expect([name, guest.backend(ID, name)]).toEqual([name, value]);
    expect(guest.client.read('/libxl/7/device/vbd/51712/backend')).toBe('/local/domain/0/backend/vbd/7/51712');
  });

  it('have a virtual device for an empty CD-ROM drive, which is not saved and gets its disc in place (libxl_cdrom_insert)', () => {
    const guest = new FakeGuest();
    const disks = new Disks(guest.parts, 7, divideDrives([drive('hda'), drive('hdb', 1, null)], 'hvm').disks);
    disks.start();
    expect(disks.list().map(({ devid, state }) => [devid, state])).toEqual([
      [768, XENBUS_STATE.INIT_WAIT],
      [832, XENBUS_STATE.INIT_WAIT],
    ]);
    expect(guest.client.read('/local/domain/7/device/vbd/832/device-type')).toBe('cdrom');
    const empty = { kind: 'vbd', domid: 7, devid: 832 };
    const nodes = (): (string | undefined)[] => ['params', 'removable', 'mode'].map(name => guest.backend(empty, name));
    expect(nodes()).toEqual(['', '1', 'r']);
    expect(disks.save(true)?.disks.map(({ vdev }) => vdev)).toEqual(['hda']);
    disks.change('hdb', { disk: medium(), target: 'cd.iso' });
    expect([nodes(), disks.list()[1].state]).toEqual([['aio:cd.iso', '1', 'r'], XENBUS_STATE.INIT_WAIT]);
  });

  it('are gone with it, and nothing of them is left in the store', () => {
    const guest = new FakeGuest();
    const disks = new Disks(guest.parts, 7, divideDrives([drive()], 'pvh').disks);
    disks.start();
    disks.close();
    expect([
      guest.client.directory('/local/domain/7/device/vbd'),
      guest.client.directory('/local/domain/0/backend/vbd/7'),
      guest.client.directory('/libxl/7/device/vbd'),
    ]).toEqual([[], [], []]);
  });

  it('come back as the guest left them: asked to suspend without their rings, unasked with them', () => {
    const guest = new FakeGuest();
    const given = divideDrives([drive()], 'pvh').disks;
    const disks = new Disks(guest.parts, 7, given);
    disks.start();
    new FrontRing([guest.grant(8)], 108);
    guest.unbound.add(3);
    guest.write(ID, { 'ring-ref': 8, 'event-channel': 3, state: XENBUS_STATE.CONNECTED });
    guest.poll();
    writes(given[0].disk);
    const asked = savedDisks(structuredClone(disks.save(false))),
      unasked = savedDisks(structuredClone(disks.save(true)));
    expect([asked, unasked].map(saved => saved?.disks.map(({ vdev, ring }) => [vdev, ring !== undefined]))).toEqual([
      [['xvda', false]],
      [['xvda', true]],
    ]);
    expect(asked?.changes).toHaveLength(1);
    expect(disks.describe()).toEqual({ ...asked, changes: [] });
    disks.close();
    const again = divideDrives([drive()], 'pvh').disks;
    new Disks(guest.parts, 7, again, asked);
    expect(first(again[0].disk)).toBe(9);
  });

  it('are not taken for others', () => {
    const guest = new FakeGuest();
    const saved = new Disks(guest.parts, 7, divideDrives([drive()], 'pvh').disks).save(false);
    const restore = (drives: OpenDrive[]): Disks => new Disks(guest.parts, 7, divideDrives(drives, 'pvh').disks, saved);
    expect(() => restore([])).toThrow(
      'The domain cannot be restored: the guest had the disk small.img as virtual disk 51712. Give it again.',
    );
    expect(() => restore([drive('xvda', 0, medium(2))])).toThrow(
      "the contents of the guest's disk small.img were others",
    );
    expect(() => restore([drive('xvdb')])).toThrow('virtual disk 51712');
    for (const bad of [null, {}, { disks: [{}], changes: [] }, { disks: [], changes: [1] }])
      expect(() => savedDisks(bad)).toThrow('Save the guest again');
    expect(savedDisks(undefined)).toBeUndefined();
  });
});
