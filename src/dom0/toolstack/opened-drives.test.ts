/** Which format the image of a drive is opened as. */
import { expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { noMedia } from '../../hypervisor/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import { changeDisc } from './hotplug.ts';
import { IN_WORKER } from './kinds/model-place.ts';
import { OpenedDrives } from './opened-drives.ts';
import type { Member, OpenHostDevice } from './running-domain.ts';

const IMAGE_BYTES = 4096;
const medium = (name: string) => ({ name, device: true }) as const;

/** Drives of a domain in a worker, whose media say when they are opened, and as what. */
async function make(disks: object[], drives: object[]) {
  await loadBackends(['drives', 'vbd']);
  const opened: [path: string, format: string | undefined][] = [];
  const openDevice: OpenHostDevice = (path, _who, { format, readOnly, sectorBytes, say }) => {
    opened.push([path, format]);
    const disk = new (backend('drives').MediumDisk)({
      medium: new MemoryDisk(new Uint8Array(IMAGE_BYTES)),
      label: path,
      sectorBytes,
      readOnly,
      later: () => () => {},
      say,
    });
    return { disk, path, rename: () => {}, close: () => {}, isWaiting: false };
  };
  const services = { attachDrives: () => {}, attachDrive: () => {} };
  const toolstack = {
    drives: new OpenedDrives({
      services: services as never,
      openMedium: noMedia,
      openDevice,
      elsewhere: () => true,
      poke: () => {},
    }),
    runners: { elsewhere: true, poke: () => {} },
    services,
    idle: async () => {},
  };
  const member = {
    record: { id: 1, drivesOffset: 0 },
    runner: { ask: async () => {} },
    blueprint: { definition: { kind: 'pc', disks }, drives },
  } as unknown as Member;
  toolstack.drives.open(member, IN_WORKER, { problem: () => {} } as never);
  return { member, toolstack, opened };
}

it('is the one that the definition has for it, also where the drive of a saved state is known by its place alone', async () => {
  const { opened } = await make(
    [
      { vdev: 'hda', place: 0, format: 'qcow2' },
      { vdev: 'hdb', place: 1, format: 'raw' },
      { vdev: 'vda', place: 6, format: 'qcow2' },
    ],
    [
      { place: 0, kind: 'disk', readOnly: false, medium: medium('/saved.qcow2') },
      { place: 1, vdev: 'hdb', kind: 'disk', readOnly: false, medium: medium('/raw.img') },
      { place: 6, vdev: 'vda', kind: 'disk', readOnly: false, medium: medium('/new.qcow2') },
    ],
  );
  expect(opened).toEqual([
    ['/saved.qcow2', 'qcow2'],
    ['/raw.img', 'raw'],
    ['/new.qcow2', 'qcow2'],
  ]);
});

it('is that of the disc that is put into a drive, and not of the one before', async () => {
  const disc = { vdev: 'hdc', place: 2, kind: 'cdrom', readOnly: true, at: { line: 1, column: 1 } } as const;
  const { member, toolstack, opened } = await make(
    [{ ...disc, target: '/first.qcow2', format: 'qcow2' }],
    [{ place: 2, vdev: 'hdc', kind: 'cdrom', readOnly: true, medium: medium('/first.qcow2') }],
  );
  await changeDisc(
    toolstack as never,
    member,
    { medium: medium('/second.iso'), defined: { ...disc, target: '/second.iso', format: 'raw' } },
    () => {},
  );
  expect(opened).toEqual([
    ['/first.qcow2', 'qcow2'],
    ['/second.iso', 'raw'],
  ]);
});
