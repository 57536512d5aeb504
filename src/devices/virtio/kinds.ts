/**
 * The devices of virtio that are neither disk nor card, by the words that definitions have for them. A new one is a file of this folder and a line here. Its
 * program is loaded (`loadVirtio`) before a board has it: most guests have none.
 */
import type { Device } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import type { VirtioParts } from './transport.ts';

/** As a board has it. */
export interface VirtioDevice extends Device {
  readonly fn: PciFunction;
  /** Of one that people type at: whether the guest waits for bytes, and how it gets them (returns how many were taken). */
  readonly listening?: boolean;
  input?(bytes: Uint8Array): number;
}

type VirtioClass = new (parts: VirtioParts) => VirtioDevice;

interface VirtioKind {
  /** In a sentence, with the name that Linux gives it. */
  title: string;
  load(): Promise<VirtioClass>;
}

export const VIRTIO_KINDS = {
  rng: { title: 'random numbers (/dev/hwrng)', load: async () => (await import('./rng.ts')).VirtioRng },
  console: { title: 'a console (/dev/hvc0)', load: async () => (await import('./console.ts')).VirtioConsole },
} satisfies Record<string, VirtioKind>;

export type VirtioName = keyof typeof VIRTIO_KINDS;

export const isVirtioName = (name: string): name is VirtioName => Object.hasOwn(VIRTIO_KINDS, name);

/** What a guest has of them: each at most once, in the order of their slots. */
export interface VirtioWish {
  names: readonly VirtioName[];
  /** Of what they draw. */
  seed: number;
}

const loaded = new Map<VirtioName, VirtioClass>();

/** Boards can have these devices from then on. */
export const loadVirtio = async (names = Object.keys(VIRTIO_KINDS) as readonly VirtioName[]): Promise<void> =>
  void (await Promise.all(names.map(async name => loaded.set(name, await VIRTIO_KINDS[name].load()))));

/** @throws Error where nobody has loaded them */
export function virtioDevices(
  { names, seed }: VirtioWish = { names: [], seed: 0 },
  partsOf: (number: number) => Omit<VirtioParts, 'name' | 'seed'>,
): VirtioDevice[] {
  return names.map((name, number) => {
    const its = loaded.get(name);
    if (!its) throw new Error(`The device of virtio ${name} is not loaded.`);
    return new its({ ...partsOf(number), name: `virtio-${name}`, seed });
  });
}
