/**
 * What a guest's monitor tells of its disks: QMP's query-block and query-blockstats (qapi/block-core.json), and the human monitor's `info block`. Fields and words
 * are QEMU 7.2's for a command line as libvirt writes it, with nodes of their own (-blockdev). Times and merges are not counted here and left out.
 */
import { type DefinedDisk, placeUnderKvm } from '../../definitions/config/index.ts';
import { isDevice } from '../../host/storage/index.ts';
import { blockCounts } from '../block-counts.ts';
import type { Guest, Uses } from '../command-host.ts';
import { floppyAlias, ideAlias, unitOf, virtioDiskAlias } from './aliases.ts';

const SECTOR_BYTES = 512;

/** By its path in QEMU's tree, where it is not its own back end's parent. */
function qdevOf({ kind, vdev }: DefinedDisk): string {
  const unit = unitOf(vdev);
  if (vdev.startsWith('vd')) return `/machine/peripheral/${virtioDiskAlias(unit)}/virtio-backend`;
  return kind === 'floppy' ? floppyAlias(unit) : ideAlias(unit);
}

/** The guest's drives as its command line has them, with libvirt's names for their nodes. */
const drivesOf = ({ blueprint: { definition } }: Guest): { disk: DefinedDisk; node: string }[] =>
  definition.disks.map((disk, i) => ({ disk, node: `libvirt-${definition.disks.length - i}-format` }));

const isRemovable = ({ kind }: DefinedDisk): boolean => kind !== 'disk';

/** What is known of the file of an image; of one that the guest's own worker has open that is little. */
async function imageOf(host: Uses<'disk' | 'files'>, guest: Guest, { target, format, ...disk }: DefinedDisk) {
  const { allowed } = host.files;
  const place = placeUnderKvm({ target, format, ...disk });
  const open = place === undefined ? undefined : guest.attachments.at(place)?.opened?.medium.disk;
  const measured = allowed?.has(target) ? allowed.measure(target) : undefined;
  const storage = measured ? undefined : await host.disk.openDevices();
  const file = storage?.file(await host.files.realPath(target).catch(() => target));
  const device = isDevice(target) ? target : file && `/dev/vg0/${file.volume}`;
  const header = measured?.qcow2 ?? (storage && device ? storage.qcow2.header(device) : undefined);
  const bytes =
    open?.bytes ??
    measured?.capacityBytes ??
    (await host.files.openImage(target).then(
      ({ device: image }) => image.bytes,
      () => 0,
    ));
  const actual = measured?.allocationBytes ?? (storage && device ? storage.writtenBytes(device) : undefined);
  const isQcow2 = format === 'qcow2' && header !== undefined;
  return {
    'virtual-size': bytes,
    filename: target,
    ...(isQcow2 ? { 'cluster-size': 2 ** header.clusterBits } : {}),
    format,
    ...(actual === undefined ? {} : { 'actual-size': actual }),
    ...(isQcow2
      ? {
          'format-specific': {
            type: 'qcow2',
            data: { compat: header.version === 2 ? '0.10' : '1.1', 'refcount-bits': header.refcountBits },
          },
          ...(header.backing ? { 'backing-filename': header.backing.path } : {}),
        }
      : {}),
    'dirty-flag': false,
  };
}

/** BlockInfo of each drive. */
export const queryBlock = (host: Uses<'disk' | 'files'>, guest: Guest): Promise<object[]> =>
  Promise.all(
    drivesOf(guest).map(async ({ disk, node }) => {
      const { target, format, readOnly } = disk;
      const isFull = guest.attachments.devices.some(({ path, isWaiting }) => isWaiting && path === target);
      const image = target === '' ? undefined : await imageOf(host, guest, disk);
      return {
        'io-status': isFull ? 'nospace' : 'ok',
        device: '',
        locked: false,
        removable: isRemovable(disk),
        ...(image
          ? {
              inserted: {
                'node-name': node,
                drv: format,
                file: target,
                ro: readOnly,
                encrypted: false,
                detect_zeroes: 'off',
                write_threshold: 0,
                backing_file_depth: 'backing-filename' in image ? 1 : 0,
                ...{ bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 },
                cache: { writeback: true, direct: false, 'no-flush': false },
                image,
              },
            }
          : {}),
        qdev: qdevOf(disk),
        ...(isRemovable(disk) ? { tray_open: false } : {}),
        type: 'unknown',
      };
    }),
  );

/** BlockStats of each drive. */
export function queryBlockStats(host: Uses<'toolstack'>, guest: Guest): object[] {
  const counts = blockCounts(host.toolstack, guest);
  return drivesOf(guest).map(({ disk, node }) => {
    const { reads = 0, readSectors = 0, writes = 0, writtenSectors = 0 } = counts.get(disk.vdev) ?? {};
    return {
      device: '',
      ...(disk.target === '' ? {} : { 'node-name': node }),
      stats: {
        rd_bytes: readSectors * SECTOR_BYTES,
        wr_bytes: writtenSectors * SECTOR_BYTES,
        rd_operations: reads,
        wr_operations: writes,
      },
      qdev: qdevOf(disk),
    };
  });
}

/** `info block`. Source: print_block_info() of QEMU's block/monitor/block-hmp-cmds.c. */
export const infoBlock = (guest: Guest): string =>
  drivesOf(guest)
    .map(({ disk, node }) => {
      const { target, format, readOnly } = disk;
      const attached = `    Attached to:      ${qdevOf(disk)}\r\n`,
        removable = isRemovable(disk) ? '    Removable device: not locked, tray closed\r\n' : '';
      return target === ''
        ? `${qdevOf(disk)}: [not inserted]\r\n${attached}${removable}`
        : `${node}: ${target} (${format}${readOnly ? ', read-only' : ''})\r\n${attached}${removable}    Cache mode:       writeback\r\n`;
    })
    .join('\r\n');
