/** What the charts of the host draw: a line for each domain, disk and network, of readings. */

import { hypervisorName } from '../../hypervisors/of-host.ts';
import type { Reading } from '../../readings.ts';
import { viewStrings } from '../../view-strings.ts';
import { ownerToken } from '../../owners.ts';
import type { Line } from '../chart.tsx';

const words = viewStrings.hostPage;
export const KIB = 1024,
  MIB = 1024 ** 2;
export const per = (unit: number, n: number | undefined): number | undefined =>
  n === undefined ? undefined : n / unit;

export interface HistoryLines {
  cpu: Line[];
  memory: Line[];
  disk: Line[];
  net: Line[];
}

/** `owners`: domains with their names, Domain-0 among them; `all`: readings, oldest first. */
export function historyLines(
  all: readonly Reading[],
  owners: readonly { id: number; name: string }[],
  machineMiB: number,
): HistoryLines {
  const line = ({ id, name }: { id: number; name: string }, of: (reading: Reading) => number | undefined): Line => ({
    name,
    token: ownerToken(id),
    fill: `${ownerToken(id)}-fill`,
    values: all.map(of),
  });
  const free = all.map(({ freeMiB }) => freeMiB),
    ownedMiB = all.map(({ memoryMiB }) => Object.values(memoryMiB).reduce((total, each) => total + each, 0));
  const disks = (reading: Reading, of: 'read' | 'written'): number | undefined =>
    per(
      MIB,
      Object.values(reading.disks).reduce((total, each) => total + each[of], 0),
    );
  return {
    cpu: owners.map(owner => line(owner, ({ cpuPercent }) => cpuPercent[owner.id])),
    // What nobody of these has is Xen's own: the hypervisor's, and what it keeps about each domain.
    memory: [
      { name: words.free, token: '--text-3', fill: '--free', values: free },
      ...owners.map(owner => line(owner, ({ memoryMiB }) => memoryMiB[owner.id])),
      {
        name: hypervisorName(),
        token: '--hv',
        fill: '--hv-fill',
        values: free.map((each, i) => (each === undefined ? undefined : machineMiB - each - ownedMiB[i]!)),
      },
    ],
    disk: [
      { name: words.written, token: '--d0', fill: '--d0-tint', values: all.map(reading => disks(reading, 'written')) },
      { name: words.read, token: '--text', dash: true, values: all.map(reading => disks(reading, 'read')) },
    ],
    net: [
      {
        name: words.sent,
        token: '--d0',
        fill: '--d0-tint',
        values: all.map(({ sentPerSecond }) => per(KIB, sentPerSecond)),
      },
      {
        name: words.got,
        token: '--hw',
        fill: '--hw-tint',
        values: all.map(({ gotPerSecond }) => per(KIB, gotPerSecond)),
      },
    ],
  };
}
