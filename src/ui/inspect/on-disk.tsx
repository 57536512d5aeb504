/** Where requests' sectors lie: each one's extent in its volume, side by side, and below them their places in the partition's beginning, up to where volumes end, or on the whole disk; all to scale. */

import type { FollowedRequest } from '../../dom0/index.ts';
import { inventory } from '../inventory.ts';
import { ownerClass } from '../owners.ts';
import { gigabytes, size } from '../units.ts';

const words = {
  place: (extent: number, extents: number, volume: string, sector: number, disk: string) => `Extent ${extent} of ${extents} of ${volume}; sector ${sector} of ${disk}`,
  volume: (name: string, extents: number, of: string) => `${name}: ${extents} extents of ${of}`, disk: (path: string, all: string, part: string) => `${path}: ${all}, ${part} in grey`,
  begins: (part: string, path: string, shown: string, all: string) => `${part} of ${path}: the first ${shown} of its ${all}`,
};

const SECTOR_BYTES = 512;
/** The picture's width, the part of it between two volumes, how low the disk lies below them, and how high all are. */
const WIDE = 1000,
  BETWEEN = 16,
  LOW = 30,
  HIGH = 13,
  /** An extent or a sector that is smaller is drawn so wide. */
  LEAST = 5,
  /** Extents are told apart where each has so much room. */
  APART = 4;

/** Whose request, and the places that it passed. */
export interface Sought { id: number; steps: FollowedRequest['steps'] }
interface Found { id: number; name: string; extent: number; extents: number; sector: number; inside: number; part: string }

/** Undefined where the sectors are no volume's. */
function find({ id, steps }: Sought): Found | undefined {
  const disk = inventory.value?.stored?.disk, saidAt = (place: string): string => steps.find(step => step.place === place)?.what ?? '';
  const [, name = '', extent] = /^(.+), logical extent (\d+)$/.exec(saidAt('volume')) ?? [], volume = disk?.volumes.find(({ path }) => path === `/dev/${name}`);
  const [, part = '', inside] = /^(\w+), sector (\d+)$/.exec(saidAt('partition')) ?? [], sector = Number(/sector (\d+)/.exec(saidAt('disk'))?.[1]);
  if (!disk || !volume || !disk.partitions.some(each => each.name === part) || !Number.isFinite(sector)) return undefined;
  return { id, name, extent: Number(extent), extents: Math.ceil(volume.bytes / disk.extentBytes), sector, inside: Number(inside), part };
}

export function OnDisk({ sides }: { sides: readonly Sought[] }) {
  const disk = inventory.value?.stored?.disk, found = sides.map(find), [first] = found.filter(each => each !== undefined);
  if (!disk || !first) return null;
  const wide = (WIDE - BETWEEN * (sides.length - 1)) / sides.length, known = found.filter(each => each !== undefined), parts = [...new Map(known.map(each => [each.part, each])).values()];
  const sizeOf = (part: string): number => disk.partitions.find(({ name }) => name === part)!.bytes;
  // Of one partition its beginning fills the width: on the whole disk two places fall together. Extents are given out from its start, and holes push the last one out.
  const isOne = parts.length === 1, fromSector = isOne ? first.sector - first.inside : 0;
  const shownBytes = isOne ? Math.max(disk.groupBytes - disk.freeBytes, ...known.map(({ inside }) => inside * SECTOR_BYTES + disk.extentBytes)) : disk.bytes, scale = (WIDE * SECTOR_BYTES) / shownBytes;
  return <figure class="ondisk">
    <figcaption class="volnames">{found.map((each, i) => <span key={i}>{each && words.volume(each.name, each.extents, size(disk.extentBytes))}</span>)}</figcaption>
    <svg viewBox={`0 0 ${WIDE} ${LOW + HIGH}`} preserveAspectRatio="none" role="img" aria-label={found.flatMap(each => (each ? [words.place(each.extent, each.extents, each.name, each.sector, disk.path)] : [])).join('. ')}>
      <rect class="all" y={LOW} width={WIDE} height={HIGH} />
      {parts.map(({ part, sector, inside }) => <rect key={part} class="part c-hw" x={(sector - inside - fromSector) * scale} y={LOW} width={Math.min(WIDE, sizeOf(part) / SECTOR_BYTES * scale)} height={HIGH} />)}
      {found.map((each, i) => { if (!each) return null; const from = i * (wide + BETWEEN), step = wide / each.extents, one = Math.max(LEAST, step), at = from + Math.min(wide - one, each.extent * step), to = Math.min(WIDE - LEAST, (each.sector - fromSector) * scale); return <g key={each.id} class={ownerClass(each.id)}>
        <rect class="vol" x={from} width={wide} height={HIGH} />{step >= APART && <path class="apart" d={Array.from({ length: each.extents - 1 }, (_, n) => `M${from + (n + 1) * step} 0v${HIGH}`).join('')} />}
        <path class="lead-d" d={`M${at} ${HIGH}L${to} ${LOW}M${at + one} ${HIGH}L${to + LEAST} ${LOW}`} />
        <rect class="at" x={at} width={one} height={HIGH} /><rect class="at" x={to} y={LOW} width={LEAST} height={HIGH} /></g>; })}
    </svg>
    <figcaption>{isOne ? words.begins(first.part, disk.path, size(shownBytes), size(sizeOf(first.part))) : words.disk(disk.path, gigabytes(disk.bytes), parts.map(({ part }) => part).join(', '))}</figcaption>
  </figure>;
}
