/** A change of a guest's drives is whole, or undone: each of its steps fails once. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { IdeAttachment } from '../../devices/ide/index.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { type DriveImage, noMedia } from '../../hypervisor/index.ts';
import type { Kind } from '../../hypervisor/kinds/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import type { DefinedDisk } from '../definitions/config/index.ts';
import type { GuestDisk } from './devices/index.ts';
import { changeDisc } from './hotplug.ts';
import { kindOf } from './kinds/index.ts';
import { IN_WORKER } from './kinds/model-place.ts';
import { OpenedDrives } from './opened-drives.ts';
import type { Member, OpenHostDevice } from './running-domain.ts';

const at = { line: 1, column: 1 };
const STEPS = ['openDevice', 'attachDrive', 'disks.add', 'disks.change', 'runner.ask'] as const;
type Step = (typeof STEPS)[number];

/** A guest in a worker whose hypervisor is not there: what each place keeps of its drives is in `kept`. */
class Guest {
  readonly member: Member;
  readonly toolstack;
  /** Fails from now on. */
  fails: Step | undefined;
  /** Paths that are open, as often as they were opened. */
  readonly open: string[] = [];
  /** Paths of disks by their places in the queue, and in the store by their names. */
  private readonly served = new Map<number, string>();
  private readonly store = new Map<string, string>();

  constructor(kind: Kind, drives: DriveImage[], disks: DefinedDisk[]) {
    const toolstack = {
      idle: async () => {},
      listener: { listed: () => {} },
      runners: { elsewhere: true, poke: () => {} },
      services: this.services(),
      drives: new OpenedDrives({
        services: this.services() as never,
        openMedium: noMedia,
        openDevice: this.openDevice,
        elsewhere: () => true,
        poke: () => {},
      }),
    };
    this.toolstack = toolstack as never;
    this.member = {
      name: 'a',
      uuid: 'u',
      attached: {},
      record: { id: 1, drivesOffset: 1 },
      runner: { ask: async () => this.step('runner.ask') },
      blueprint: { definition: { kind, disks }, drives },
    } as unknown as Member;
    toolstack.drives.open(this.member, IN_WORKER, { problem: () => {} } as never);
    for (const { vdev, target } of this.member.attachments.disks) this.store.set(vdev, target);
  }

  private step(step: Step): void {
    if (this.fails === step) throw new Error(`${step} fails.`);
  }

  private readonly openDevice: OpenHostDevice = (path, _who, { readOnly, sectorBytes, say }) => {
    this.step('openDevice');
    const medium = new MemoryDisk(new Uint8Array(4096));
    const later = (): (() => void) => () => {};
    const disk = new (backend('drives').MediumDisk)({ medium, label: path, sectorBytes, readOnly, later, say });
    this.open.push(path);
    return {
      disk,
      path,
      rename: () => {},
      close: () => void this.open.splice(this.open.indexOf(path), 1),
      isWaiting: false,
    };
  };

  private services() {
    const { served, store } = this;
    const serve = ({ place, disk }: IdeAttachment): void => {
      this.step('attachDrive');
      if (disk) served.set(place, 'label' in disk ? String(disk.label) : '?');
      else served.delete(place);
    };
    return {
      attachDrives: (_record: unknown, ide: IdeAttachment[]) => ide.forEach(serve),
      attachDrive: (_id: number, drive: IdeAttachment) => serve(drive),
      emptyDrive: (_id: number, place: number) => void served.delete(place),
      devices: () => ({
        disks: {
          find: (vdev: string) => (store.has(vdev) ? { id: { devid: vdev }, given: { vdev, place: -1 } } : undefined),
          add: ({ vdev, target }: GuestDisk) => {
            this.step('disks.add');
            store.set(vdev, target);
          },
          change: (vdev: string, { target }: GuestDisk) => {
            this.step('disks.change');
            store.set(vdev, target);
          },
          drop: ({ devid }: { devid: string }) => void store.delete(devid),
        },
      }),
    };
  }

  /** What every place has of its drives. */
  get kept() {
    const { attachments, blueprint } = this.member;
    return {
      images: blueprint.drives?.map(({ vdev, medium }) => [vdev, medium?.name]),
      defined: blueprint.definition.disks.map(({ vdev, target }) => [vdev, target]),
      media: attachments.media.length,
      ide: attachments.ide.map(({ place }) => place),
      disks: attachments.disks.map(({ vdev, target }) => [vdev, target]),
      devices: attachments.devices.map(({ path }) => path),
      open: [...this.open],
      served: [...this.served],
      store: [...this.store],
    };
  }
}

const image = (vdev: string, place: number, path: string, kind: DriveImage['kind'] = 'disk'): DriveImage => ({
  vdev,
  place,
  kind,
  readOnly: kind !== 'disk',
  medium: { name: path, device: true },
});
const defined = (vdev: string, place: number, target: string, kind: DriveImage['kind'] = 'disk'): DefinedDisk => ({
  vdev,
  place,
  kind,
  readOnly: kind !== 'disk',
  target,
  format: 'raw',
  at,
});

interface Change {
  guest(): Guest;
  run(guest: Guest): Promise<unknown>;
  /** Those that it comes to. */
  steps: readonly Step[];
  /** Media that the guest has then, and which of them are in the queue and in the store. */
  after: { has: string[]; served: string[]; stored: string[] };
}

const attach =
  (vdev: string): Change['run'] =>
  async ({ toolstack, member }) =>
    (await kindOf(member.blueprint.definition).running()).plugging.attachDisk(
      toolstack,
      member,
      { image: image(vdev, -1, '/new'), defined: defined(vdev, -1, '/new') },
      () => {},
    );

const CHANGES: Readonly<Record<string, Change>> = {
  'a disk of PV drivers comes': {
    guest: () => new Guest('pvh', [image('xvda', -1, '/a')], [defined('xvda', -1, '/a')]),
    run: attach('xvdb'),
    steps: ['openDevice', 'disks.add'],
    after: { has: ['/a', '/new'], served: [], stored: ['/a', '/new'] },
  },
  'a disk of virtio comes': {
    guest: () => new Guest('kvm', [image('vda', 6, '/a')], [defined('vda', 6, '/a')]),
    run: attach('vdb'),
    steps: ['openDevice', 'attachDrive', 'runner.ask'],
    after: { has: ['/a', '/new'], served: ['/a', '/new'], stored: [] },
  },
  'a CD is changed that PV drivers have, too': {
    guest: () => new Guest('hvm', [image('hdc', 2, '/a', 'cdrom')], [defined('hdc', 2, '/a', 'cdrom')]),
    run: ({ toolstack, member }) =>
      changeDisc(
        toolstack,
        member,
        { medium: { name: '/new', device: true }, defined: defined('hdc', -1, '/new', 'cdrom') },
        () => {},
      ),
    steps: ['openDevice', 'attachDrive', 'disks.change', 'runner.ask'],
    after: { has: ['/new'], served: ['/new'], stored: ['/new'] },
  },
  'a CD is taken out': {
    guest: () => new Guest('hvm', [image('hdc', 2, '/a', 'cdrom')], [defined('hdc', 2, '/a', 'cdrom')]),
    run: ({ toolstack, member }) =>
      changeDisc(toolstack, member, { defined: { ...defined('hdc', -1, '', 'cdrom'), format: 'empty' } }, () => {}),
    steps: ['attachDrive', 'disks.change', 'runner.ask'],
    after: { has: [], served: [], stored: [''] },
  },
};

describe.each(Object.entries(CHANGES))('where %s', (_what, { guest: make, run, steps, after }) => {
  beforeAll(() => loadBackends(['drives', 'vbd']));

  it.each(STEPS.filter(step => steps.includes(step)))('and %s fails, all is as it was', async step => {
    const guest = make();
    const before = guest.kept;
    guest.fails = step;
    await expect(run(guest)).rejects.toThrow(`${step} fails.`);
    guest.fails = undefined;
    expect(guest.kept).toEqual(before);
    // And it can be done again.
    await run(guest);
    expect(guest.kept).not.toEqual(before);
  });

  it('every place has it', async () => {
    const guest = make();
    await run(guest);
    const { images, defined: disks, devices, open, served, store } = guest.kept;
    expect(images?.flatMap(([, path]) => path ?? [])).toEqual(after.has);
    expect(disks.flatMap(([, path]) => path || [])).toEqual(after.has);
    expect([devices, open]).toEqual([after.has, after.has]);
    expect(served.map(([, path]) => path)).toEqual(after.served);
    expect(store.map(([, path]) => path)).toEqual(after.stored);
  });
});
