/**
 * Disks and cards of a guest that goes on from a saved state, or on another host: some may have come while it ran (hotplug.ts), and others gone. Domain 0's own
 * record has all that its definition has now. xl does the same: what comes and goes changes the domain's JSON configuration, which is in the file of xl save.
 */
import type { State } from '../../../../devices/index.ts';
import { type DefinedDisk, type Definition, type DiskSpec, formatDisk } from '../../../definitions/config/index.ts';
import type { Blueprint } from '../../running-domain.ts';
import { settingsOf, withSettings } from '../card-settings.ts';
import type { SavedDevices } from '../running-kind.ts';

/** Cards as xl.cfg has them, in their order. */
interface DefinedNow {
  disks: (DiskSpec & { place: number })[];
  cards: string[];
}

const definedNow = ({ disks, cards }: Definition): DefinedNow => ({
  disks: disks.map(({ at: _at, ...disk }) => disk),
  cards: settingsOf(cards),
});

const isDisk = (disk: unknown): disk is DefinedNow['disks'][number] => {
  const { target, format, vdev, kind, readOnly, others = [], place } = (disk ?? {}) as Partial<DefinedDisk>;
  return (
    [target, format, vdev].every(word => typeof word === 'string') &&
    ['disk', 'cdrom', 'floppy'].includes(String(kind)) &&
    typeof readOnly === 'boolean' &&
    Array.isArray(others) &&
    others.every(word => typeof word === 'string') &&
    Number.isInteger(place)
  );
};

/** Undefined: the state was written before the record had it, or by KVM. */
function definedIn(record: State | undefined): DefinedNow | undefined {
  const { disks, cards } = (record?.devices ?? {}) as Readonly<Record<keyof DefinedNow, unknown>>;
  const good =
    Array.isArray(disks) &&
    disks.every(isDisk) &&
    Array.isArray(cards) &&
    cards.every(each => typeof each === 'string');
  return good ? { disks, cards } : undefined;
}

function withDefined(blueprint: Blueprint): Blueprint {
  const now = definedIn(blueprint.saved?.state.toolstack);
  if (!now) return blueprint;
  const { definition } = blueprint;
  const disks = now.disks.map((disk): DefinedDisk => {
    // Where its text is, if it is still the same disk.
    const same = definition.disks.find(each => each.vdev === disk.vdev && formatDisk(each) === formatDisk(disk));
    return { ...disk, at: same?.at ?? { line: 1, column: 1 } };
  });
  const cards = withSettings(definition.cards, now.cards);
  return { ...blueprint, definition: { ...definition, disks, cards } };
}

export const savedDevices: SavedDevices = {
  record: definition => ({ devices: { ...definedNow(definition) } }),
  restored: withDefined,
  targets: ({ toolstack }) => definedIn(toolstack)?.disks ?? [],
};
