/**
 * `sfdisk`: lists the partitions of a disk, dumps them as a script, and makes those that a script on standard input names, with a PC's master boot record.
 * Source: sfdisk(8) of util-linux 2.38 for scripts, output and refusals.
 */
import { type BlockDevice, MemoryDisk } from '../../formats/blocks/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { type Partition, readPartitions, TYPE, writePartitions } from '../../formats/file-systems/index.ts';
import { isDevice, type Storage, StorageError } from '../host/storage/index.ts';
import { MOST, PartitionScript, ScriptError } from './partition-script.ts';
import { onDisk } from './disk-paths.ts';
import { failed, type Program, type Ran, succeeded, type Surroundings } from '../toolstack/programs/index.ts';
import { noOption } from './small-tools/options.ts';

const SECTOR_BYTES = 512;
const USAGE = `Usage:
 sfdisk [-l | -d] [DEVICE | FILE ...]
 sfdisk DEVICE | FILE < SCRIPT

 -l, --list   list the partitions (of /dev/sda where nothing is named)
 -d, --dump   dump them as a script
`;
const LIST = ['-l', '--list'],
  DUMP = ['-d', '--dump'];
const DISK_ID = 440;
const NAMES: Record<number, string> = {
  0x05: 'Extended',
  0x06: 'FAT16',
  0x07: 'HPFS/NTFS/exFAT',
  0x0b: 'W95 FAT32',
  [TYPE.FAT32]: 'W95 FAT32 (LBA)',
  [TYPE.FAT16]: 'W95 FAT16 (LBA)',
  0x0f: "W95 Ext'd (LBA)",
  [TYPE.SWAP]: 'Linux swap / Solaris',
  [TYPE.LINUX]: 'Linux',
  0x85: 'Linux extended',
  [TYPE.LVM]: 'Linux LVM',
  0xa5: 'FreeBSD',
  0xee: 'GPT',
  0xef: 'EFI (FAT-12/16/32)',
  0xfd: 'Linux raid autodetect',
};

/** sfdisk's own words, with status 1. */
class Refused extends Error {}

/** A device that is looked at and written. */
interface Disk {
  path: string;
  device: BlockDevice;
  /** What was written is kept where `kept`. */
  close(kept?: boolean): Promise<void>;
}

/** 4M, 15.5G: as a column has it; 465.76 GiB: as a sentence has it. */
export function sizeText(bytes: number, inSentence = false): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < 4; unit++) value /= 1024;
  const number = String(Number(value.toFixed(inSentence ? 2 : 1)));
  return inSentence ? `${number} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}` : `${number}${'BKMGT'[unit]}`;
}

const partitionName = (path: string, number: number): string => `${path}${/\d$/.test(path) ? 'p' : ''}${number}`;
const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** Of a disk without a master boot record undefined. */
function labelId({ device }: Disk): number | undefined {
  if (device.bytes < SECTOR_BYTES) return undefined;
  const sector = new Uint8Array(SECTOR_BYTES);
  device.read(0, sector);
  return sector[510] === 0x55 && sector[511] === 0xaa
    ? new DataView(sector.buffer).getUint32(DISK_ID, true)
    : undefined;
}

const partitionsOf = ({ device }: Disk): Partition[] => (device.bytes < SECTOR_BYTES ? [] : readPartitions(device));

function head({ path, device: { bytes } }: Disk): string {
  const unit = `${SECTOR_BYTES} bytes`;
  return `Disk ${path}: ${sizeText(bytes, true)}, ${bytes} bytes, ${Math.floor(bytes / SECTOR_BYTES)} sectors\nUnits: sectors of 1 * ${SECTOR_BYTES} = ${unit}\nSector size (logical/physical): ${unit} / ${unit}\nI/O size (minimum/optimal): ${unit} / ${unit}\n`;
}

/** What lies on it, without a line for the disk itself; '' where no partition does. */
function rowsOf(path: string, partitions: readonly Partition[]): string {
  if (partitions.length === 0) return '';
  const rows = partitions.map(({ number, active, type, firstSector, sectors }) => [
    partitionName(path, number),
    active ? '*' : '',
    String(firstSector),
    String(firstSector + sectors - 1),
    String(sectors),
    sizeText(sectors * SECTOR_BYTES),
    type.toString(16),
    NAMES[type] ?? 'unknown',
  ]);
  const heads = ['Device', 'Boot', 'Start', 'End', 'Sectors', 'Size', 'Id', 'Type'],
    hints = [10, 1, 5, 5, 5, 5, 2, 0];
  // libsmartcols: a head that is wider than its cells is as wide as they get; else a column has at least what it is meant to have.
  const widths = heads.map((each, i) => {
    const widest = Math.max(...rows.map(row => row[i]!.length));
    return widest < each.length ? each.length : each.length < hints[i]! ? Math.max(widest, hints[i]!) : widest;
  });
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i >= 2 && i <= 6 ? cell.padStart(widths[i]!) : i === 7 ? cell : cell.padEnd(widths[i]!)))
      .join(' ');
  const inOrder = partitions.every(({ firstSector }, i) => i === 0 || firstSector > partitions[i - 1]!.firstSector);
  return (
    [heads, ...rows].map(row => `${line(row)}\n`).join('') +
    (inOrder ? '' : '\nPartition table entries are not in disk order.\n')
  );
}

const label = (id: number): string => `Disklabel type: dos\nDisk identifier: ${hex(id)}\n`;

function list(disk: Disk): string {
  const id = labelId(disk);
  const rows = rowsOf(disk.path, partitionsOf(disk));
  return head(disk) + (id === undefined ? '' : label(id)) + (rows === '' ? '' : `\n${rows}`);
}

function dump(disk: Disk): string {
  const id = labelId(disk);
  if (id === undefined) throw new Refused(`sfdisk: ${disk.path}: does not contain a recognized partition table`);
  const lines = partitionsOf(disk).map(
    ({ number, active, type, firstSector, sectors }) =>
      `${partitionName(disk.path, number)} : start=${String(firstSector).padStart(12)}, size=${String(sectors).padStart(12)}, type=${type.toString(16)}${active ? ', bootable' : ''}\n`,
  );
  return `label: dos\nlabel-id: ${hex(id)}\ndevice: ${disk.path}\nunit: sectors\nsector-size: ${SECTOR_BYTES}\n\n${lines.join('')}`;
}

/** Makes what the script names; what it says of each step. `random`: an identifier for the disk where the script has none. */
function make(disk: Disk, script: string, random: number): Ran & { done: boolean } {
  const old = labelId(disk);
  const before = old === undefined ? '' : `${label(old)}\nOld situation:\n\n${rowsOf(disk.path, partitionsOf(disk))}`;
  let stdout = `Checking that no-one is using this disk right now ... OK\n\n${head(disk)}${before}\n`;
  const made: Partition[] = [];
  try {
    const reader = new PartitionScript(script, disk.device.bytes / SECTOR_BYTES);
    const id = reader.labelId ?? random;
    stdout += `${'>>> Script header accepted.\n'.repeat(reader.headers)}>>> Created a new DOS (MBR) disklabel with disk identifier ${hex(id)}.\n`;
    for (let next = reader.next(); next; next = reader.next()) {
      made.push(next);
      stdout += `${partitionName(disk.path, next.number)}: Created a new partition ${next.number} of type '${NAMES[next.type] ?? 'unknown'}' and of size ${sizeText(next.sectors * SECTOR_BYTES, true)}.\n`;
    }
    made.sort((a, b) => a.number - b.number);
    const code = new Uint8Array(DISK_ID);
    disk.device.read(0, code);
    writePartitions(disk.device, made, id);
    // A boot loader's first sector stays.
    disk.device.write(0, code);
    return {
      ...succeeded(
        `${stdout}${made.length === MOST ? 'All partitions used.' : `${partitionName(disk.path, made.length + 1)}: Done.`}\n\nNew situation:\n${label(id)}\n${rowsOf(disk.path, made)}\nThe partition table has been altered.\nSyncing disks.\n`,
      ),
      done: true,
    };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return { stdout: `${stdout}Leaving.\n\n`, stderr: `${error.message}\n`, status: 1, done: false };
  }
}

async function open(host: CommandHost, written: string, writes: boolean, around: Surroundings): Promise<Disk> {
  const device = await onDisk(host, written, around).catch((error: Error) => {
    throw new Refused(`sfdisk: cannot open ${written}: No such file or directory\n${error.message}`);
  });
  if (device) {
    const { storage } = device;
    const { medium, path, close } = writes ? openAlone(storage, device.path) : storage.look(device.path, 'sfdisk');
    return {
      path: isDevice(written) ? path : written,
      device: medium,
      close: async kept => {
        try {
          if (kept) medium.flush();
        } finally {
          close();
        }
      },
    };
  }
  const { readFile, writeFile } = around;
  const file = await readFile(written).catch(() => {
    throw new Refused(`sfdisk: cannot open ${written}: No such file or directory`);
  });
  const bytes = writes ? file.slice() : file;
  return {
    path: written,
    device: new MemoryDisk(bytes.subarray(0, bytes.length - (bytes.length % SECTOR_BYTES))),
    close: async kept => {
      if (kept) await writeFile(written, bytes);
    },
  };
}

const IN_USE = 'This disk is currently in use - repartitioning is probably a bad idea.';

function openAlone(storage: Storage, written: string): ReturnType<Storage['open']> {
  try {
    return storage.open(written, 'sfdisk', true);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const own = /^\/dev\/sda$/.test(written)
      ? 'Its partitions are the host’s own: make volumes with lvcreate, and partitions on those.'
      : error.message;
    throw new Refused(`Checking that no-one is using this disk right now ... FAILED\n\n${IN_USE}\n${own}`);
  }
}

async function sfdisk(
  host: CommandHost,
  newDiskId: () => number,
  words: readonly string[],
  around: Surroundings,
): Promise<Ran> {
  const wrong = words.find(word => word.startsWith('-') && ![...LIST, ...DUMP].includes(word));
  if (wrong !== undefined) throw new Refused(`sfdisk: ${noOption(wrong)}\nTry 'sfdisk --help' for more information.`);
  const paths = words.filter(word => !word.startsWith('-'));
  const reads = words.some(word => LIST.includes(word))
    ? list
    : words.some(word => DUMP.includes(word))
      ? dump
      : undefined;
  if (reads) {
    const texts: string[] = [];
    for (const path of paths.length > 0 ? paths : ['/dev/sda']) {
      const disk = await open(host, path, false, around);
      try {
        texts.push(reads(disk));
      } finally {
        await disk.close();
      }
    }
    return succeeded(texts.join('\n\n'));
  }
  const [path, another] = paths;
  if (path === undefined) throw new Refused('sfdisk: no disk device specified');
  if (another !== undefined) throw new Refused('sfdisk: unexpected arguments');
  if (around.stdin.trim() === '')
    throw new Refused(
      `sfdisk: ${path}: there is no script. Write it to a file, and sfdisk ${path} < FILE; sfdisk -d shows what one looks like.`,
    );
  const disk = await open(host, path, true, around);
  let ran: (Ran & { done: boolean }) | undefined;
  try {
    ran = make(disk, around.stdin, newDiskId());
  } finally {
    await disk.close(ran?.done);
  }
  const { stdout, stderr, status } = ran;
  return { stdout, stderr, status };
}

export function sfdiskProgram(host: CommandHost, storage: Pick<Storage, 'newDiskId'>): Program {
  return {
    name: 'sfdisk',
    summary: 'lists the partitions of a disk or an image, dumps them, and makes those of a script',
    run: async (words, around): Promise<Ran> => {
      if (words.includes('--help') || words.includes('-h')) return succeeded(USAGE);
      try {
        return await sfdisk(host, () => storage.newDiskId(), words, around);
      } catch (error) {
        return failed(error instanceof Refused ? error.message : `sfdisk: ${(error as Error).message}`);
      }
    },
    complete: () => ['/dev/sda'],
  };
}

/** `fdisk -l`; its questions are not asked here. */
export function fdiskProgram(host: CommandHost, storage: Pick<Storage, 'newDiskId'>): Program {
  const { run, complete } = sfdiskProgram(host, storage);
  return {
    name: 'fdisk',
    summary: 'lists the partitions of a disk or an image (fdisk -l)',
    run: async (words, around): Promise<Ran> => {
      if (!words.some(word => LIST.includes(word)))
        return failed('fdisk: only fdisk -l [DEVICE | FILE …] is here. sfdisk makes partitions from a script.');
      const { stdout, stderr, status } = await run(words, around);
      return { stdout, stderr: stderr.replace(/^sfdisk/gm, 'fdisk'), status };
    },
    ...(complete ? { complete } : {}),
  };
}
