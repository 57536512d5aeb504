/**
 * The simulated host as a definition: what its board has. Settings change it (options of the command line, `?host=` of the page), and it counts when the
 * host starts. What the device cannot give is refused, with what it can.
 */
import { MAX_MEMORY_MIB } from '../../../hypervisor/layout/index.ts';
import { MAX_PCPUS } from '../../../hypervisor/scheduler/index.ts';
import { DISK_BYTES } from '../../host/storage/index.ts';

export interface HostDefinition {
  /** Physical processors: as many domains may run at once (1 to 32). */
  pcpus: number;
  /** Machine memory in MiB. */
  memoryMiB: number;
  /** Whether the processors have VT-x. Without it the host is a standard computer, which runs paravirtual guests alone. */
  vt: boolean;
  /** Bytes of the disk, which it keeps from its first start on. */
  diskBytes: number;
}

/** The device that the host runs on. */
export interface HostDevice {
  /** Processors that it may use at once. */
  processors: number;
  /** MiB of memory that it is fair to take. */
  fittingMiB: number;
}

/** A definition asks for something that cannot be; a sentence with what can. */
export class HostDefinitionError extends Error {
  override name = 'HostDefinitionError';
}

export const LEAST_MEMORY_MIB = 64;
const LEAST_DISK_BYTES = 2 ** 30,
  MOST_DISK_BYTES = 2 ** 41;
const GB = 1e9;
const UNITS: Record<string, number> = { '': 1, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40, MB: 1e6, GB, TB: 1e12 };

/** A host as the device suggests it: one processor fewer than there are, for the page or the terminal, and the memory that fits. */
export function fittedHost({ processors, fittingMiB }: HostDevice): HostDefinition {
  return {
    pcpus: Math.min(MAX_PCPUS, Math.max(1, processors - 1)),
    memoryMiB: Math.min(MAX_MEMORY_MIB, Math.max(LEAST_MEMORY_MIB, fittingMiB)),
    vt: true,
    diskBytes: DISK_BYTES,
  };
}

/**
 * `key=value` words with commas or spaces between them: `pcpus=2,memory=512,vt=off,disk=20GB`. Memory is in MiB; a disk's size has a unit: M, G and T are
 * powers of two, MB, GB and TB of ten. @throws HostDefinitionError
 */
export function readHost(text: string): Partial<HostDefinition> {
  const host: Partial<HostDefinition> = {};
  for (const word of text.split(/[\s,]+/).filter(each => each !== '')) {
    const [, key, value] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (key === 'pcpus') host.pcpus = whole(word, value, 1, MAX_PCPUS);
    else if (key === 'memory') host.memoryMiB = whole(word, value, LEAST_MEMORY_MIB, MAX_MEMORY_MIB);
    else if (key === 'vt') host.vt = onOff(word, value);
    else if (key === 'disk') host.diskBytes = diskBytes(word, value);
    else
      throw new HostDefinitionError(
        `${word} says nothing about a host: write pcpus=, memory=, vt= or disk=, with a comma between them.`,
      );
  }
  return host;
}

/** As `readHost` reads it. */
export const describeHost = ({ pcpus, memoryMiB, vt, diskBytes: bytes }: HostDefinition): string =>
  `pcpus=${pcpus},memory=${memoryMiB},vt=${vt ? 'on' : 'off'},disk=${bytes % GB === 0 ? `${bytes / GB}GB` : bytes}`;

function whole(word: string, value: string, least: number, most: number): number {
  if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most)
    throw new HostDefinitionError(`${word}: write a whole number from ${least} to ${most}.`);
  return Number(value);
}

function onOff(word: string, value: string): boolean {
  if (/^(on|1|yes)$/.test(value)) return true;
  if (/^(off|0|no)$/.test(value)) return false;
  throw new HostDefinitionError(`${word}: write vt=on, or vt=off for a standard computer.`);
}

function diskBytes(word: string, value: string): number {
  const [, digits, unit = ''] = /^(\d+)([MGT]B?)?$/.exec(value) ?? [];
  const bytes = digits === undefined ? NaN : Number(digits) * UNITS[unit]!;
  if (!(bytes >= LEAST_DISK_BYTES && bytes <= MOST_DISK_BYTES))
    throw new HostDefinitionError(`${word}: a disk has 1G to 2T; write for example disk=500GB.`);
  return bytes - (bytes % 512);
}
