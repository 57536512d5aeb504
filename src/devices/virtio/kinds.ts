/**
 * The devices of virtio that are neither disk nor card, by the words that definitions have for them. A new one is a file of this folder and a line here. Its
 * program is loaded (`loadVirtio`) before a board has it: most guests have none.
 */
import type { Device } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import type { BalloonWish } from './balloon-words.ts';
import type { ChannelWish } from './channel-words.ts';
import type { FolderAnswer } from './folder-words.ts';
import type { VirtQueueLook } from './queue.ts';
import { virtioDevicePrograms } from './programs.ts';
import type { VirtioParts } from './transport.ts';

/** A device of virtio, of these or a disk or a card, as a board has it. */
export interface VirtioDevice extends Device {
  readonly fn: PciFunction;
  /** Its queues that are in use. */
  looks(): VirtQueueLook[];
  /** Of one that people type at: whether the guest waits for bytes, and how it gets them (returns how many were taken). */
  readonly listening?: boolean;
  input?(bytes: Uint8Array): number;
  /** Of a balloon: what is wanted of it from now on. */
  balloon?(wish: BalloonWish): void;
  /** Of a folder: what it asked for was done, or was not. */
  folderAnswer?(number: number, answer: FolderAnswer): void;
  /** Of one with channels: what is at the other end of one wants. */
  channel?(name: string, wish: ChannelWish): void;
}

export const isOfVirtio = (device: Device): device is VirtioDevice => 'looks' in device;

type VirtioClass = new (parts: VirtioParts) => VirtioDevice;

interface VirtioKind {
  /** In a sentence, with the name that Linux gives it. */
  title: string;
  /** Its class among the programs. */
  program: Exclude<keyof NonNullable<typeof virtioDevicePrograms.loaded>, 'VirtioNet'>;
  /** What may be said of it next to its name: each with what its value may be, in words and as a pattern. */
  options?: Readonly<Record<string, { may: string; pattern: RegExp; needed?: true }>>;
  /** A guest may have several. */
  several?: true;
}

const ON_OFF = { may: 'on or off', pattern: /^(on|off)$/ };

export const VIRTIO_KINDS = {
  rng: { title: 'random numbers (/dev/hwrng)', program: 'VirtioRng' },
  console: { title: 'a console (/dev/hvc0)', program: 'VirtioConsole' },
  balloon: {
    title: 'a memory balloon',
    program: 'VirtioBalloon',
    options: {
      /** The driver lets air out where memory is short; it tells of pages that are free; seconds between two statistics. */
      deflate: ON_OFF,
      reporting: ON_OFF,
      period: { may: 'seconds, 0 to 99999', pattern: /^\d{1,5}$/ },
    },
  },
  '9p': {
    title: 'a folder of Domain 0 (mount -t 9p -o trans=virtio)',
    program: 'VirtioNineP',
    several: true,
    options: {
      tag: { may: 'a name of at most 31 letters, digits, _, . and -', pattern: /^[\w.-]{1,31}$/, needed: true },
      path: { may: 'a folder of Domain 0, from / on', pattern: /^\//, needed: true },
      readonly: ON_OFF,
      /** Of one that came while its guest ran: a slot in which functions come and go. Absent: the next behind all disks. */
      slot: { may: 'a slot for disks of virtio, 5 to 12', pattern: /^(?:[5-9]|1[0-2])$/ },
    },
  },
  channel: {
    title: 'a channel (/dev/virtio-ports)',
    program: 'VirtioConsole',
    several: true,
    options: {
      name: { may: 'a name of at most 63 letters, digits, _, . and -', pattern: /^[\w.-]{1,63}$/, needed: true },
      /** Of its socket; absent: the host has one for it. */
      path: { may: 'a file, from / on', pattern: /^\// },
      /** Of its console; absent: the first that no other has. */
      port: { may: '1 to 30', pattern: /^\d{1,5}$/ },
    },
  },
  serial: {
    title: 'channels',
    program: 'VirtioConsole',
  },
} satisfies Record<string, VirtioKind>;

export type VirtioName = keyof typeof VIRTIO_KINDS;

export const isVirtioName = (name: string): name is VirtioName => Object.hasOwn(VIRTIO_KINDS, name);

/** A device in one word, `name,option=value`: its name, which may be none, and its options. */
export function virtioWords(item: string): { name: string; options: Record<string, string> } {
  const [name = '', ...said] = item.split(',');
  return {
    name,
    options: Object.fromEntries(
      said.map(word => {
        const at = word.indexOf('=');
        return at < 0 ? [word, 'on'] : [word.slice(0, at), word.slice(at + 1)];
      }),
    ),
  };
}

/** What is wrong with the options of a device, as a sentence's end; undefined: nothing. */
export function virtioProblem(name: VirtioName, options: Readonly<Record<string, string>>): string | undefined {
  const { options: known = {} }: VirtioKind = VIRTIO_KINDS[name];
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, option)) {
      const all = Object.keys(known).join(', ');
      return `${name} has no option ${option}. ${all === '' ? 'It has none.' : `Its options are ${all}.`}`;
    }
    if (!known[option].pattern.test(value)) return `${option} is ${known[option].may}.`;
  }
  for (const [option, { needed, may }] of Object.entries(known))
    if (needed && !Object.hasOwn(options, option)) return `${name} has to have ${option}=, which is ${may}.`;
  return undefined;
}

/** Whether there is one of these among a guest's. */
export const hasVirtio = (items: readonly string[] | undefined, name: VirtioName): boolean =>
  items?.some(item => virtioWords(item).name === name) ?? false;

/** Whether one more of these has no place next to a guest's. */
export const isOneTooMany = (items: readonly string[] = [], name: VirtioName): boolean => {
  const { several }: VirtioKind = VIRTIO_KINDS[name];
  return !several && hasVirtio(items, name);
};

export const isPort = (item: string): boolean => ['console', 'channel', 'serial'].includes(virtioWords(item).name);

/** Those that have a slot of their own, in the order of slots: console and channels are ports of one device, in the place of the first of them. */
export const inSlots = (items: readonly string[]): string[] => {
  const first = items.findIndex(isPort);
  return items.filter((item, i) => i === first || !isPort(item));
};

/** The slot that a device asks for; undefined: it takes the next one behind all disks. */
export function ownSlot(item: string): number | undefined {
  const { slot } = virtioWords(item).options;
  return slot === undefined ? undefined : Number(slot);
}

/** A device's name on its board: that of its kind, of a channel and its controller a console's, and where there are several its number among those from the second on. */
export const boardNames = (items: readonly string[]): string[] => {
  const names = items.map(item => virtioWords(item).name);
  return names.map((name, i) => {
    if (name === 'channel' || name === 'serial') return 'virtio-console';
    const before = names.slice(0, i).filter(each => each === name).length;
    return `virtio-${name}${before > 0 ? `-${before}` : ''}`;
  });
};

/** What a guest has of them, in the order of their slots. */
export interface VirtioWish {
  items: readonly string[];
  /** Of what they draw. */
  seed: number;
}

/** Boards can have these devices from then on. @throws PartError */
export async function loadVirtio(items: readonly string[] = Object.keys(VIRTIO_KINDS)): Promise<void> {
  if (items.length > 0) await virtioDevicePrograms.load();
}

/** One of them. @throws Error where nobody has loaded it, or there is no such device */
export function virtioDevice(item: string, parts: Omit<VirtioParts, 'options'>): VirtioDevice {
  const { name, options } = virtioWords(item);
  if (!isVirtioName(name)) throw new Error(`virtio has no device ${name}.`);
  const Program: VirtioClass = virtioDevicePrograms.get()[VIRTIO_KINDS[name].program];
  return new Program({ ...parts, options });
}

/** `first`: the slot behind all disks. @throws Error where nobody has loaded them */
export function virtioDevices(
  { items, seed }: VirtioWish = { items: [], seed: 0 },
  first: number,
  partsOf: (slot: number) => Omit<VirtioParts, 'name' | 'seed' | 'options'>,
): { slot: number; device: VirtioDevice }[] {
  const boards = boardNames(inSlots(items));
  return inSlots(items).map((item, number) => {
    const slot = ownSlot(item) ?? first + number;
    const ports = isPort(item) ? { ports: items } : {};
    return { slot, device: virtioDevice(item, { ...partsOf(slot), name: boards[number]!, seed, ...ports }) };
  });
}
