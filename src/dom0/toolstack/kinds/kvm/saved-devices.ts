/**
 * Disks and cards of a guest of KVM that goes on from a saved state, or on another host: some may have come while it ran (pci-hotplug.ts), and others gone. Which
 * there are, the state's description says; the rest is in Domain 0's own record: its virtio devices, as xl.cfg would have them.
 */
import { VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import {
  channelsOf,
  hasPorts,
  ownSlot,
  type State,
  virtioProblem,
  virtioWords,
  withChannels,
} from '../../../../devices/index.ts';
import type { DriveImage } from '../../../../hypervisor/index.ts';
import {
  type DefinedDisk,
  type Definition,
  formatDisk,
  parseDisk,
  placeUnderKvm,
} from '../../../definitions/config/index.ts';
import { ideName } from '../../../definitions/index.ts';
import { settingsOf, withSettings } from '../card-settings.ts';
import type { SavedDevices } from '../running-kind.ts';

interface Devices {
  disks: string[];
  cards: string[];
  /** Devices of virtio other than disks and cards, where channels come and go or a folder came. */
  virtio?: string[];
}

const isVirtio = (disk: DefinedDisk): boolean => (placeUnderKvm(disk) ?? -1) >= VIRTIO_PLACE;

/** What a record has; a state older than this record has none, and one whose guest had one card at most has that without its address. */
function devicesIn(record: State | undefined): Partial<Devices> {
  const { disks, card, cards, virtio } = (record?.kvmDevices ?? {}) as Readonly<
    Record<keyof Devices | 'card', unknown>
  >;
  const isWords = (words: unknown): words is string[] =>
    Array.isArray(words) && words.every(each => typeof each === 'string');
  return {
    ...(isWords(disks) ? { disks } : {}),
    ...(isWords(cards) ? { cards } : typeof card === 'string' ? { cards: [card] } : {}),
    ...(isWords(virtio) ? { virtio } : {}),
  };
}

/** It came while the guest ran. */
const isPlugged = (item: string): boolean => ownSlot(item) !== undefined;

/** As its definition has them, but for the channels and for folders that came while it ran, which the record has. */
function virtioNow({ virtio = [] }: Definition, said: readonly string[]): string[] {
  const channels = said.filter(item => {
    const { name, options } = virtioWords(item);
    return name === 'channel' && virtioProblem('channel', options) === undefined;
  });
  const withController = hasPorts(virtio) || !hasPorts(said) ? virtio : [...virtio, 'serial'];
  const folders = said.filter(item => {
    const { name, options } = virtioWords(item);
    return isPlugged(item) && name === '9p' && virtioProblem('9p', options) === undefined && !virtio.includes(item);
  });
  return [...withChannels(withController, channelsOf(channels)), ...folders];
}

function diskAt(
  { place, readOnly, medium }: DriveImage,
  defined: readonly DefinedDisk[],
  said?: readonly string[],
): DefinedDisk {
  const isHere = (disk: DefinedDisk): boolean => placeUnderKvm(disk) === place;
  const at = { line: 1, column: 1 };
  const made = {
    vdev: ideName(place),
    kind: 'disk',
    format: 'raw',
    target: medium?.name ?? '',
    readOnly,
    place,
    at,
  } as const;
  if (!said) return defined.find(isHere) ?? made;
  for (const text of said) {
    const disk = parseDisk(text);
    if (typeof disk === 'string' || !isHere({ ...disk, place, at })) continue;
    return defined.find(each => isHere(each) && formatDisk(each) === text) ?? { ...disk, readOnly, place, at };
  }
  return made;
}

export const savedDevices: SavedDevices = {
  record: ({ disks, cards, virtio = [] }) => {
    const devices: Devices = {
      disks: disks.filter(isVirtio).map(formatDisk),
      cards: settingsOf(cards),
      ...(hasPorts(virtio) || virtio.some(isPlugged) ? { virtio: [...virtio] } : {}),
    };
    return { kvmDevices: { ...devices } };
  },
  restored: blueprint => {
    const { definition, drives = [], saved } = blueprint;
    const { disks: said, cards, virtio } = devicesIn(saved?.state.toolstack);
    const disks = [
      ...definition.disks.filter(disk => !isVirtio(disk)),
      ...drives.filter(({ place }) => place >= VIRTIO_PLACE).map(drive => diskAt(drive, definition.disks, said)),
    ];
    const ports = virtio ? { virtio: virtioNow(definition, virtio) } : {};
    return {
      ...blueprint,
      definition: { ...definition, disks, ...ports, cards: withSettings(definition.cards, cards) },
    };
  },
  targets: ({ toolstack }) =>
    (devicesIn(toolstack).disks ?? [])
      .map(text => parseDisk(text))
      .flatMap(disk => (typeof disk === 'string' ? [] : disk)),
};
