/** What somebody is to look at on a host: guests that fell, that wait for room, that were lost, definitions that cannot start, a disk that is nearly full. */

import type { DefinedDomain, DiskInfo, DomainInfo } from '../../../dom0/service/index.ts';
import type { Place } from '../../place.ts';
import { size } from '../../units.ts';

export interface Alert {
  key: string;
  sentence: string;
  /** The page that says more, and what it is called. */
  to: Place;
  go: string;
}

/** Of a volume group. */
const NEARLY_FULL = 0.05;

const words = {
  fell: (name: string, why: string) => `${name} crashed. ${why}`,
  postMortem: 'Post-mortem',
  waits: (name: string) => `${name} waits to write: the host’s disk has no room.`,
  lost: (name: string) => `${name} was lost when its host ended.`,
  guest: 'Look at it',
  cannot: (name: string, why: string) => `${name} cannot start. ${why}`,
  definition: 'Its definition',
  full: (group: string, free: string) => `${group} is nearly full: ${free} are free.`,
  storage: 'Storage',
};

export function alertsOf(
  domains: readonly DomainInfo[],
  defined: readonly DefinedDomain[],
  disk: Pick<DiskInfo, 'group' | 'groupBytes' | 'freeBytes'> | undefined,
): Alert[] {
  const storage: Place = { kind: 'home', tab: 'storage' };
  return [
    ...domains.flatMap(({ id, name, fell, lost, waitsForRoom, ended = '' }): Alert[] => [
      ...(lost
        ? [{ key: `lost ${id}`, sentence: words.lost(name), to: { kind: 'domain', id }, go: words.guest }]
        : fell
          ? [
              {
                key: `fell ${id}`,
                sentence: words.fell(name, ended).trim(),
                to: { kind: 'domain', id, tab: 'post-mortem' },
                go: words.postMortem,
              },
            ]
          : []),
      ...(waitsForRoom ? [{ key: `room ${id}`, sentence: words.waits(name), to: storage, go: words.storage }] : []),
    ]),
    ...(disk && disk.freeBytes < NEARLY_FULL * disk.groupBytes
      ? [{ key: 'full', sentence: words.full(disk.group, size(disk.freeBytes)), to: storage, go: words.storage }]
      : []),
    ...defined
      .filter(({ errors }) => errors.length > 0)
      .map(({ name, errors }) => ({
        key: `defined ${name}`,
        sentence: words.cannot(name, errors[0]!),
        to: { kind: 'defined', name },
        go: words.definition,
      })),
  ];
}
