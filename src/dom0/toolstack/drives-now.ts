/**
 * Disks and cards of a guest that goes on from a saved state, or on another host: some may have come while it ran (hotplug.ts, pci-hotplug.ts), and others gone.
 * Which there are, the state's description says; the rest is in Domain 0's own record: of a guest of KVM its virtio devices, as xl.cfg would have them, of any other
 * all that its definition has now. xl does the same: what comes and goes changes the domain's JSON configuration, which is in the file of xl save.
 */
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import {
  channelsOf,
  hasPorts,
  ownSlot,
  type State,
  virtioProblem,
  virtioWords,
  withChannels,
} from '../../devices/index.ts';
import type { DriveImage, SavedState } from '../../hypervisor/index.ts';
import {
  type DefinedDisk,
  type Definition,
  type DiskSpec,
  formatDisk,
  parseDisk,
  cardOf,
  parseVif,
  placeUnderKvm,
  type Card,
} from '../definitions/config/index.ts';
import { ideName } from '../definitions/index.ts';
import { formatRate } from '../host/network/index.ts';
import type { Blueprint } from './running-domain.ts';

interface Devices {
  disks: string[];
  card: string;
  /** Devices of virtio other than disks and card, where channels come and go or a folder came. */
  virtio?: string[];
}

const isVirtio = (disk: DefinedDisk): boolean => (placeUnderKvm(disk) ?? -1) >= VIRTIO_PLACE;

/** For Domain 0's record of it: libvirt's document, and what a guest of KVM has now. */
export function devicesRecord({ definition, document }: Pick<Blueprint, 'definition' | 'document'>): State {
  const said = document === undefined ? {} : { document };
  if (definition.kind !== 'kvm') return { ...said, devices: { ...definedNow(definition) } };
  const { disks, cards, virtio = [] } = definition;
  const devices: Devices = {
    disks: disks.filter(isVirtio).map(formatDisk),
    card: settingsOf(cards[0] ?? {}).join(','),
    ...(hasPorts(virtio) || virtio.some(isPlugged) ? { virtio: [...virtio] } : {}),
  };
  return { ...said, kvmDevices: { ...devices } };
}

/** Of a guest that is not of KVM; cards as xl.cfg has them, in their order. */
interface DefinedNow {
  disks: (DiskSpec & { place: number })[];
  cards: string[];
}

/** Of a card, as xl.cfg has them. */
const settingsOf = ({ rate, options = {} }: Card): string[] => [
  ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
  ...(rate ? [`rate=${formatRate(rate)}`] : []),
];

const definedNow = ({ disks, cards }: Definition): DefinedNow => ({
  disks: disks.map(({ at: _at, ...disk }) => disk),
  cards: cards.flatMap(card => (card.mac ? [[`mac=${card.mac}`, ...settingsOf(card)].join(',')] : [])),
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

/** What a record has; a state older than this record has none. */
function devicesIn(record: State | undefined): Partial<Devices> {
  const { disks, card, virtio } = (record?.kvmDevices ?? {}) as Readonly<Record<keyof Devices, unknown>>;
  const isWords = (words: unknown): words is string[] =>
    Array.isArray(words) && words.every(each => typeof each === 'string');
  return {
    ...(isWords(disks) ? { disks } : {}),
    ...(typeof card === 'string' ? { card } : {}),
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

/** Paths of the images that a guest had, which goes on from a saved state, with their drives: as its definition has them, and the record. */
export function targetsOf(saved: SavedState, definition: Definition): Pick<DefinedDisk, 'vdev' | 'target'>[] {
  const said = (devicesIn(saved.toolstack).disks ?? []).map(text => parseDisk(text));
  const now = definedIn(saved.toolstack)?.disks ?? said.flatMap(disk => (typeof disk === 'string' ? [] : disk));
  return [...now, ...definition.disks];
}

/** Its definition, as its text has it, becomes what the state says. */
export function withDevices(blueprint: Blueprint): Blueprint {
  if (blueprint.definition.kind !== 'kvm') return withDefined(blueprint);
  const { definition, drives = [], saved } = blueprint;
  const { disks: said, card, virtio } = devicesIn(saved?.state.toolstack);
  const disks = [
    ...definition.disks.filter(disk => !isVirtio(disk)),
    ...drives.filter(({ place }) => place >= VIRTIO_PLACE).map(drive => diskAt(drive, definition.disks, said)),
  ];
  const ports = virtio ? { virtio: virtioNow(definition, virtio) } : {};
  return { ...blueprint, definition: withCard({ ...definition, disks, ...ports }, card) };
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
  const asked = new Map(
    now.cards.map(text => {
      const { mac, ...card } = cardOf(parseVif(text));
      return [mac, card];
    }),
  );
  const cards = definition.cards.map(({ rate: _rate, options: _options, ...card }) => ({
    ...card,
    ...asked.get(card.mac),
  }));
  return { ...blueprint, definition: { ...definition, disks, cards } };
}

/** Where its card is, and how fast that may be. */
function withCard(definition: Definition, card: string | undefined): Definition {
  if (card === undefined) return definition;
  const { mac: _mac, ...asked } = cardOf(parseVif(card));
  return {
    ...definition,
    cards: definition.cards.map(({ rate: _rate, options: _options, ...rest }) => ({ ...rest, ...asked })),
  };
}
