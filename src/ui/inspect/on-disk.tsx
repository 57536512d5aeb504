/** Where a request's sectors lie: the extent in its volume, and its place on the whole disk, each to scale. */

import type { FollowedRequest } from '../../dom0/index.ts';
import { inventory } from '../inventory.ts';
import { gigabytes, size } from '../units.ts';

const words = {
  place: (extent: number, extents: number, volume: string, sector: number, disk: string) => `Extent ${extent} of ${extents} of ${volume}; sector ${sector} of ${disk}`,
  volume: (name: string, extents: number, of: string) => `${name}: ${extents} extents of ${of}`, disk: (path: string, all: string, part: string) => `${path}: ${all}, ${part} in grey`,
};

const SECTOR_BYTES = 512;
/** The picture's width, how low the disk lies below the volume, and how high both are. */
const WIDE = 1000,
  LOW = 20,
  HIGH = 9,
  /** An extent or a sector that is smaller is drawn so wide. */
  LEAST = 5;

/** Nothing where the sectors are no volume's. */
export function OnDisk({ steps }: { steps: FollowedRequest['steps'] }) {
  const disk = inventory.value?.stored?.disk, saidAt = (place: string): string => steps.find(step => step.place === place)?.what ?? '';
  const [, name = '', extent] = /^(.+), logical extent (\d+)$/.exec(saidAt('volume')) ?? [], volume = disk?.volumes.find(({ path }) => path === `/dev/${name}`);
  const [, part = '', inside] = /^(\w+), sector (\d+)$/.exec(saidAt('partition')) ?? [], partition = disk?.partitions.find(each => each.name === part);
  const sector = Number(/sector (\d+)/.exec(saidAt('disk'))?.[1]);
  if (!disk || !volume || !partition || !Number.isFinite(sector)) return null;
  const extents = Math.ceil(volume.bytes / disk.extentBytes), wide = Math.max(LEAST, WIDE / extents), at = Math.min(WIDE - wide, (Number(extent) * WIDE) / extents);
  const scale = (WIDE * SECTOR_BYTES) / disk.bytes, to = Math.min(WIDE - LEAST, sector * scale);
  return <figure class="ondisk">
    <figcaption>{words.volume(name, extents, size(disk.extentBytes))}</figcaption>
    <svg viewBox={`0 0 ${WIDE} ${LOW + HIGH}`} preserveAspectRatio="none" role="img" aria-label={words.place(Number(extent), extents, name, sector, disk.path)}>
      <rect class="all" width={WIDE} height={HIGH} /><rect class="at" x={at} width={wide} height={HIGH} />
      <path d={`M${at} ${HIGH}L${to} ${LOW}M${at + wide} ${HIGH}L${to + LEAST} ${LOW}`} />
      <rect class="all" y={LOW} width={WIDE} height={HIGH} /><rect class="part c-hw" x={(sector - Number(inside)) * scale} y={LOW} width={partition.bytes / SECTOR_BYTES * scale} height={HIGH} /><rect class="at" x={to} y={LOW} width={LEAST} height={HIGH} />
    </svg>
    <figcaption>{words.disk(disk.path, gigabytes(disk.bytes), part)}</figcaption>
  </figure>;
}
