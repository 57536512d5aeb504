/**
 * Disks of virtio and the card of a guest of KVM that goes on from a saved state, or on another host: some may have come while it ran (pci-hotplug.ts), and others
 * gone. Which there are, the state's description says; the rest stands in Domain 0's own record, as xl.cfg would have it.
 */
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { channelsOf, hasPorts, type State, virtioProblem, virtioWords, withChannels } from '../../devices/index.ts';
import type { DriveImage, SavedState } from '../../hypervisor/index.ts';
import {
  type DefinedDisk,
  type Definition,
  formatDisk,
  parseDisk,
  parseVif,
  placeUnderKvm,
} from '../definitions/config/index.ts';
import { ideName } from '../definitions/index.ts';
import { formatRate } from '../host/network/index.ts';
import type { Blueprint } from './running-domain.ts';

interface Devices {
  disks: string[];
  card: string;
  /** Of virtio beside disks and card, where channels come and go. */
  virtio?: string[];
}

const isVirtio = (disk: DefinedDisk): boolean => (placeUnderKvm(disk) ?? -1) >= VIRTIO_PLACE;

/** For Domain 0's record of it: libvirt's document, and what a guest of KVM has now. */
export function devicesRecord({
  kvm,
  definition,
  document,
}: Pick<Blueprint, 'kvm' | 'definition' | 'document'>): State {
  const said = document === undefined ? {} : { document };
  if (!kvm) return said;
  const { disks, rate, cardOptions = {}, virtio = [] } = definition;
  const options = Object.entries(cardOptions).map(([name, value]) => `${name}=${value}`);
  const devices: Devices = {
    disks: disks.filter(isVirtio).map(formatDisk),
    card: [...options, ...(rate ? [`rate=${formatRate(rate)}`] : [])].join(','),
    ...(hasPorts(virtio) ? { virtio: [...virtio] } : {}),
  };
  return { ...said, kvmDevices: { ...devices } };
}

/** What a record has; a state of before it was written has none. */
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

/** As its definition has them, but for the channels, which the record has. */
function virtioNow({ virtio = [] }: Definition, said: readonly string[]): string[] {
  const channels = said.filter(item => {
    const { name, options } = virtioWords(item);
    return name === 'channel' && virtioProblem('channel', options) === undefined;
  });
  const withController = hasPorts(virtio) || !hasPorts(said) ? virtio : [...virtio, 'serial'];
  return withChannels(withController, channelsOf(channels));
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
  return [...said.flatMap(disk => (typeof disk === 'string' ? [] : disk)), ...definition.disks];
}

/** Its definition, as its text has it, becomes what the state says. */
export function withDevices(blueprint: Blueprint): Blueprint {
  const { definition, drives = [], saved } = blueprint;
  const { disks: said, card, virtio } = devicesIn(saved?.state.toolstack);
  const disks = [
    ...definition.disks.filter(disk => !isVirtio(disk)),
    ...drives.filter(({ place }) => place >= VIRTIO_PLACE).map(drive => diskAt(drive, definition.disks, said)),
  ];
  const ports = virtio ? { virtio: virtioNow(definition, virtio) } : {};
  return { ...blueprint, definition: withCard({ ...definition, disks, ...ports }, card) };
}

/** Where its card is, and how fast that may be. */
function withCard(definition: Definition, card: string | undefined): Definition {
  if (definition.nic && card === undefined) return definition;
  const { rate: _rate, cardOptions: _options, ...rest } = definition;
  if (!definition.nic) return rest;
  const { rate, others } = parseVif(card!);
  return { ...rest, ...(rate ? { rate } : {}), ...(others ? { cardOptions: others } : {}) };
}
