/** Transfer disks: each is a volume of its domain's, formatted before anybody writes to it. */
import { type BlockDevice, deviceOf } from '../../../formats/blocks/index.ts';
import { formatFatDisk } from '../../../formats/file-systems/index.ts';
import { GROUP, PE_BYTES } from './device-names.ts';
import type { LogicalVolume } from './lvm.ts';
import { bytesOf } from './segments.ts';
import { StorageError } from './store.ts';
import { isTransfer, namesSize, transferBytes, transferVolume } from './transfer-names.ts';

const MIB = 2 ** 20;

interface Parts {
  volumes(): readonly LogicalVolume[];
  create(name: string, bytes: number): LogicalVolume;
  medium(volume: LogicalVolume): BlockDevice;
  writtenBytes(path: string): number;
  /** From here on what lies in a volume is somebody's. */
  settle(name: string): void;
  /** Whole numbers from 0 to `below` − 1. */
  random(below: number): number;
}

/** As one looks at it before its domain is there: nothing is made. @throws StorageError */
export function emptyTransfer(target: string): BlockDevice {
  const bytes = transferBytes(target);
  if (typeof bytes === 'string') throw new StorageError(bytes);
  return deviceOf(bytes, (_at, into) => void into.fill(0));
}

/** The volume that is a domain's transfer disk; undefined: it has none. */
export function transferOf(volumes: readonly LogicalVolume[], domain: string): string | undefined {
  const name = transferVolume(domain);
  return volumes.some(each => each.name === name) ? `/dev/${GROUP}/${name}` : undefined;
}

/** The path of what a domain's definition names: a transfer disk is its volume, made where there is none yet. @throws StorageError */
export function deviceFor(target: string, domain: string, parts: Parts): string {
  if (!isTransfer(target)) return target;
  const bytes = transferBytes(target);
  if (typeof bytes === 'string') throw new StorageError(bytes);
  const name = transferVolume(domain);
  const path = `/dev/${GROUP}/${name}`;
  const volume = parts.volumes().find(each => each.name === name) ?? parts.create(name, bytes);
  const has = bytesOf(volume.segments);
  if (namesSize(target) && has !== Math.ceil(bytes / PE_BYTES) * PE_BYTES)
    throw new StorageError(
      `${target}: the transfer disk of ${domain} is there, and has ${has / MIB} MiB. Write transfer:${has / MIB}M, or remove it with what is in it: lvremove ${GROUP}/${name}.`,
    );
  // Whatever anybody has written to it stays.
  if (volume.unformatted || (!volume.overlay && parts.writtenBytes(path) === 0)) {
    formatFatDisk(parts.medium(volume), 'transfer', parts.random(2 ** 32));
    parts.settle(name);
  }
  return path;
}
