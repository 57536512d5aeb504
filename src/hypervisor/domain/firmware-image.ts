/** Where the image of firmware lies in memory, and where what it writes to its flash is kept. */
import type { OpenMedium } from '../disks/media.ts';
import type { Boot } from './booted.ts';
import type { DomainOptions } from './domain-options.ts';

/** Firmware in RAM that fits below 1 MiB lies there alone (hvmloader's rombios and SeaBIOS); of what is larger, as OVMF is, the last part. */
const MOST_BELOW_1_MIB = 256 * 1024,
  OF_LARGER = 64 * 1024;

/** The file where what firmware writes to its flash is kept. @throws HostError */
export const flashFileOf = (
  boot: Boot,
  openMedium: OpenMedium | undefined,
  problem: (sentence: string) => void,
): Pick<DomainOptions, 'flashFile' | 'problem'> =>
  openMedium && boot.kind === 'firmware' && boot.flash?.keep ? { flashFile: openMedium(boot.flash.keep), problem } : {};

/** Keeps there what the firmware of this name has written from byte `at` of its flash on, or says that it cannot. */
export const keepFlash = (
  { flashFile, problem }: Pick<DomainOptions, 'flashFile' | 'problem'>,
  name: string,
  at: number,
  bytes: Uint8Array,
): void =>
  flashFile?.request({ op: 'write', at, pieces: [bytes] }, error => {
    if (error) problem?.(`What ${name} writes to its flash cannot be kept in its file.`);
  });

/** Whether firmware that lies in RAM lies below 4 GiB, too: where it is too large to lie below 1 MiB alone. */
export const hasHighFirmware = (boot: Boot): boolean =>
  boot.kind === 'firmware' && !boot.loader && boot.image.length > MOST_BELOW_1_MIB;

/** What of it lies below 1 MiB, to its end. */
export const lowFirmware = (image: Uint8Array): Uint8Array =>
  image.length > MOST_BELOW_1_MIB ? image.subarray(-OF_LARGER) : image;
