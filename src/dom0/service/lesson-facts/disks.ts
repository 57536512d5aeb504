/** What went through the block back end, by disk. */
import type { Family } from './told.ts';

export const disks: Family = ({ host, id, member }, { counts: told }) => {
  if (!member.attached) return;
  for (const {
    vdev,
    counts: { reads, writes, readSectors, writtenSectors },
  } of host.toolstack.services.diskCounts(id)) {
    for (const [what, count] of Object.entries({
      reads,
      writes,
      read_sectors: readSectors,
      written_sectors: writtenSectors,
    }))
      told[`disk.${vdev}.${what}`] = count;
  }
};
