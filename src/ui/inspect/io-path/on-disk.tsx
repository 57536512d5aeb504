/** Where requests' sectors lie: each one's extent in its volume, side by side, and below them their places in the part of the partition around them, or on the whole disk; all to scale. */

import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { inventory } from '../../inventory.ts';
import { ownerClass } from '../../owners.ts';
import { gigabytes, size } from '../../units.ts';

const words = {
  place: (extent: number, extents: number, volume: string, sector: number, disk: string) =>
    `Extent ${extent} of ${extents} of ${volume}; sector ${sector} of ${disk}`,
  volume: (name: string, extents: number, of: string) => `${name}: ${extents} extents of ${of}`,
  disk: (path: string, all: string, part: string) => `${path}: ${all}, ${part} in grey`,
  part: (part: string, path: string, from: string, to: string, all: string) =>
    `${part} of ${path}, from ${from} to ${to} of its ${all}`,
};

const SECTOR_BYTES = 512;
/** The picture's width, the part of it between two volumes, how low the disk lies below them, and how high all are. */
const WIDE = 1000,
  BETWEEN = 16,
  LOW = 30,
  HIGH = 13,
  /** An extent or a sector that is smaller is drawn so wide. */
  LEAST = 5,
  /** Extents are distinguished where each has so much room. */
  APART = 4,
  /** Of a partition at least this many extents are shown. */
  AROUND = 64;

/** Whose request, and the places that it passed. */
export interface Sought {
  id: number;
  steps: FollowedRequest['steps'];
}
interface Found {
  id: number;
  name: string;
  extent: number;
  extents: number;
  sector: number;
  inside: number;
  part: string;
}

/** Undefined where the sectors are no volume's. */
function find({ id, steps }: Sought): Found | undefined {
  const disk = inventory.value?.stored?.disk,
    saidAt = (place: string): string => steps.find(step => step.place === place)?.what ?? '';
  const [, name = '', extent] = /^(.+), logical extent (\d+)$/.exec(saidAt('volume')) ?? [],
    volume = disk?.volumes.find(({ path }) => path === `/dev/${name}`);
  const [, part = '', inside] = /^(\w+), sector (\d+)$/.exec(saidAt('partition')) ?? [],
    sector = Number(/sector (\d+)/.exec(saidAt('disk'))?.[1]);
  if (!disk || !volume || !disk.partitions.some(each => each.name === part) || !Number.isFinite(sector))
    return undefined;
  return {
    id,
    name,
    extent: Number(extent),
    extents: Math.ceil(volume.bytes / disk.extentBytes),
    sector,
    inside: Number(inside),
    part,
  };
}

/** First byte and length of a part that has all places in its middle half, of at least `AROUND` extents: whole extents within `whole` bytes. */
function around(places: readonly number[], extentBytes: number, whole: number): [from: number, bytes: number] {
  const low = Math.min(...places),
    high = Math.max(...places) + extentBytes,
    reach = Math.max(high - low, AROUND * extentBytes) / 2;
  const from = Math.max(0, Math.floor((low - reach) / extentBytes) * extentBytes);
  return [from, Math.min(whole, Math.ceil((high + reach) / extentBytes) * extentBytes) - from];
}

export function OnDisk({ sides }: { sides: readonly Sought[] }) {
  const disk = inventory.value?.stored?.disk,
    found = sides.map(find),
    [first] = found.filter(each => each !== undefined);
  if (!disk || !first) return null;
  const wide = (WIDE - BETWEEN * (sides.length - 1)) / sides.length,
    known = found.filter(each => each !== undefined),
    parts = [...new Map(known.map(each => [each.part, each])).values()];
  const sizeOf = (part: string): number => disk.partitions.find(({ name }) => name === part)!.bytes;
  // Of one partition their neighbourhood fills the width: on 500 GB two places fall together.
  const isOne = parts.length === 1,
    [from, bytes] = isOne
      ? around(
          known.map(({ inside }) => inside * SECTOR_BYTES),
          disk.extentBytes,
          sizeOf(first.part),
        )
      : [0, disk.bytes];
  const fromSector = isOne ? first.sector - first.inside + from / SECTOR_BYTES : 0,
    scale = (WIDE * SECTOR_BYTES) / bytes;
  return (
    <figure class="ondisk">
      <figcaption class="volnames">
        {found.map((each, i) => (
          <span key={i}>{each && words.volume(each.name, each.extents, size(disk.extentBytes))}</span>
        ))}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDE} ${LOW + HIGH}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={found
          .flatMap(each => (each ? [words.place(each.extent, each.extents, each.name, each.sector, disk.path)] : []))
          .join('. ')}
      >
        <rect class="all" y={LOW} width={WIDE} height={HIGH} />
        {parts.map(({ part, sector, inside }) => (
          <rect
            key={part}
            class="part c-hw"
            x={Math.max(0, (sector - inside - fromSector) * scale)}
            y={LOW}
            width={Math.min(WIDE, (sizeOf(part) / SECTOR_BYTES) * scale)}
            height={HIGH}
          />
        ))}
        {found.map((each, i) => {
          if (!each) return null;
          const from = i * (wide + BETWEEN),
            step = wide / each.extents,
            one = Math.max(LEAST, step),
            at = from + Math.min(wide - one, each.extent * step),
            to = Math.min(WIDE - LEAST, (each.sector - fromSector) * scale);
          return (
            <g key={each.id} class={ownerClass(each.id)}>
              <rect class="vol" x={from} width={wide} height={HIGH} />
              {step >= APART && (
                <path
                  class="apart"
                  d={Array.from({ length: each.extents - 1 }, (_, n) => `M${from + (n + 1) * step} 0v${HIGH}`).join('')}
                />
              )}
              <path class="lead-d" d={`M${at} ${HIGH}L${to} ${LOW}M${at + one} ${HIGH}L${to + LEAST} ${LOW}`} />
              <rect class="at" x={at} width={one} height={HIGH} />
              <rect class="at" x={to} y={LOW} width={LEAST} height={HIGH} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        {isOne
          ? words.part(first.part, disk.path, size(from), size(from + bytes), size(sizeOf(first.part)))
          : words.disk(disk.path, gigabytes(disk.bytes), parts.map(({ part }) => part).join(', '))}
      </figcaption>
    </figure>
  );
}
