/** What of a device has to be copied so that a new one, or one on the same image, is the same. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import type { HostDisk } from './host-disk.ts';
import { OverlayVolume } from './overlay-volume.ts';
import { layoutOf } from './part.ts';
import { runsOf } from './volume.ts';

interface Range {
  at: number;
  bytes: number;
}

/** Of this a part that was written once is found. */
const UNIT = 2 ** 20;

/** Of an overlay what is not its image's; of any other what was ever written: all else of it reads as zeros. */
export function* writtenRanges(disk: HostDisk, medium: BlockDevice): Generator<Range> {
  if (medium instanceof OverlayVolume) return yield* medium.writtenBlocks();
  for (const run of runsOf(layoutOf(medium)!)) {
    const bytes = Math.min(run.bytes, medium.bytes - run.start);
    for (const { at, bytes: found } of within(disk, { at: run.at, bytes }))
      yield { at: run.start + at - run.at, bytes: found };
  }
}

/** By halves: what nobody wrote is soon passed. */
function* within(disk: HostDisk, { at, bytes }: Range): Generator<Range> {
  if (bytes <= 0 || disk.writtenBytes(at, bytes) === 0) return;
  if (bytes <= UNIT) return yield { at, bytes };
  const half = Math.ceil(bytes / 2 / UNIT) * UNIT;
  yield* within(disk, { at, bytes: half });
  yield* within(disk, { at: at + half, bytes: bytes - half });
}
