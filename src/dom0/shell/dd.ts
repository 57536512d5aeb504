/** `dd`: copies between the host's devices and files, in blocks. Source: dd(1) of coreutils for operands and what it says. */
import { type BlockDevice, SECTOR_BYTES } from '../../formats/blocks/index.ts';
import { MOST_FILE_BYTES } from '../host/files/index.ts';
import type { ClockService } from '../toolstack/index.ts';
import { copyInTurns, type CopyParts, imageVolume, isDevice, type Storage } from '../host/storage/index.ts';
import { type DiskHost, onDisk, storedAt } from './disk-paths.ts';
import { absolutePath, failed, type Program, type Ran, type Surroundings } from '../toolstack/programs/index.ts';

const UNITS: Record<string, number> = {
  '': 1,
  c: 1,
  w: 2,
  b: 512,
  k: 2 ** 10,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};
const OPERANDS = ['if', 'of', 'bs', 'skip', 'seek', 'count', 'conv', 'status'];
const CONVERSIONS = ['notrunc', 'fsync', 'fdatasync'];

/** Numbers as dd reads them. @throws Error */
function numberOf(text: string): number {
  const match = /^(\d{1,15})([a-zA-Z]*)$/.exec(text);
  const value = match && Object.hasOwn(UNITS, match[2]) ? Number(match[1]) * UNITS[match[2]] : NaN;
  if (!Number.isSafeInteger(value)) throw new Error(`invalid number: '${text.slice(0, 40)}'`);
  return value;
}

/** What dd needs of the host. */
export type DdHost = DiskHost & { readonly clock: Pick<ClockService, 'soon'> };

interface Source {
  bytes: number;
  read(at: number, into: Uint8Array): void;
  close(): void;
}

/** A file that is not there is empty; one that cannot be read must not be taken for that. @throws Error: any other */
function emptyWhereMissing(error: Error): Uint8Array {
  if (!error.message.endsWith(': No such file or directory')) throw error;
  return new Uint8Array();
}

async function open(host: DdHost, path: string, around: Surroundings): Promise<Source> {
  if (path === '/dev/zero') return { bytes: Infinity, read: (_at, into) => void into.fill(0), close: () => {} };
  if (path === '/dev/null') return { bytes: 0, read: () => {}, close: () => {} };
  const device = await onDisk(host, path, around);
  if (device) {
    // To look at a device a guest may have it: what it reads is what lies there now.
    const { medium, close } = device.storage.look(device.path, 'dd');
    return { bytes: medium.bytes, read: (at, into) => medium.read(at, into), close };
  }
  const file = await around.readFile(path);
  return { bytes: file.length, read: (at, into) => into.set(file.subarray(at, at + into.length)), close: () => {} };
}

/** Writes to the device from byte `at` on, alone; durable when it returns. @throws StorageError, Error of the store */
async function toDevice(
  storage: Storage,
  path: string,
  at: number,
  from: Source,
  start: number,
  bytes: number,
  turns: CopyParts,
): Promise<void> {
  const isFile = storage.files.some(file => path.endsWith(`/${file.volume}`));
  const { medium, close } = storage.open(path, 'dd', true);
  try {
    if (at + bytes > medium.bytes) throw new Error(`error writing '${path}': No space left on device`);
    await copyInTurns(bytes, turns, (done, piece) => {
      from.read(start + done, piece);
      // Of a file what is zeros takes no room, as in a file with holes.
      if (isFile && piece.every(byte => byte === 0)) clear(medium, at + done, piece);
      else medium.write(at + done, piece);
    });
    medium.flush();
  } finally {
    close();
  }
}

/** An image has the length that is written; a device has its own. */
const onDevice = async (host: DdHost, written: string, around: Surroundings) =>
  isDevice(written) ? onDisk(host, written, around) : undefined;

/** Only what there is to clear is written. */
function clear(medium: BlockDevice, at: number, zeros: Uint8Array): void {
  const old = new Uint8Array(zeros.length);
  medium.read(at, old);
  if (old.some(byte => byte !== 0)) medium.write(at, zeros);
}

/** The file on the host's disk that one becomes when it is written this long; undefined: it is none. */
async function onHostDisk(
  host: DdHost,
  written: string,
  end: number,
  keepsEnd: boolean,
  around: Surroundings,
): Promise<{ storage: Storage; path: string } | undefined> {
  const path = await host.files.realPath(absolutePath(written, around));
  const { own } = host.files;
  if (!own || (imageVolume(path) === undefined && end <= MOST_FILE_BYTES)) return undefined;
  const old = await own.stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  const bytes = keepsEnd ? Math.max(old, end) : end;
  if (bytes === 0 || (bytes <= MOST_FILE_BYTES && bytes % SECTOR_BYTES !== 0)) return undefined;
  await own.truncate(path, bytes);
  return storedAt(host, path);
}

async function copy(host: DdHost, words: readonly string[], around: Surroundings): Promise<Ran> {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name, value] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || !OPERANDS.includes(name)) throw new Error(`unrecognized operand '${word.slice(0, 60)}'`);
    given.set(name, value);
  }
  const number = (name: string, absent: number): number =>
    given.has(name) ? numberOf(given.get(name) as string) : absent;
  const conversion = given
    .get('conv')
    ?.split(',')
    .find(each => !CONVERSIONS.includes(each));
  if (conversion !== undefined) throw new Error(`invalid conversion: '${conversion}'`);
  const input = given.get('if'),
    output = given.get('of');
  if (input === undefined) throw new Error('name what to read: if=/dev/sda, if=FILE');
  const blockBytes = number('bs', SECTOR_BYTES);
  if (blockBytes === 0) throw new Error("invalid number: '0'");
  const start = number('skip', 0) * blockBytes,
    seek = number('seek', 0) * blockBytes,
    most = number('count', Infinity) * blockBytes;
  const keepsEnd = given.get('conv')?.split(',').includes('notrunc') === true;
  const source = await open(host, input, around);
  try {
    const bytes = Math.max(0, Math.min(source.bytes - start, most));
    if (bytes === Infinity) throw new Error(`${input} has no end: say count=`);
    const blocks = `${Math.floor(bytes / blockBytes)}+${bytes % blockBytes === 0 ? 0 : 1}`;
    const said =
      given.get('status') === 'none' ? '' : `${blocks} records in\n${blocks} records out\n${bytes} bytes copied\n`;
    const ran = { stdout: '', stderr: said, status: 0 };
    const turns = { soon: (callback: () => void) => host.clock.soon(callback), signal: around.signal };
    if (output === '/dev/null' || output === '/dev/zero') {
      await copyInTurns(bytes, turns, (done, piece) => source.read(start + done, piece));
      return ran;
    }
    const device =
      output === undefined
        ? undefined
        : ((await onDevice(host, output, around)) ?? (await onHostDisk(host, output, seek + bytes, keepsEnd, around)));
    if (device) {
      await toDevice(device.storage, device.path, seek, source, start, bytes, turns);
      return ran;
    }
    if (seek + bytes > MOST_FILE_BYTES)
      throw new Error(
        `${output ?? 'a pipe'} takes at most ${MOST_FILE_BYTES / 2 ** 20} MiB here: say count=, or write to a file or a volume.`,
      );
    const data = new Uint8Array(bytes);
    await copyInTurns(bytes, turns, (done, { length }) =>
      source.read(start + done, data.subarray(done, done + length)),
    );
    if (output === undefined)
      return {
        ...ran,
        stdout: Array.from({ length: Math.ceil(bytes / 8192) }, (_, i) =>
          String.fromCharCode(...data.subarray(8192 * i, 8192 * (i + 1))),
        ).join(''),
        isBinary: true,
      };
    await toFile(output, seek, data, keepsEnd, around);
    return ran;
  } finally {
    source.close();
  }
}

/** What lies before what is written stays; what lies behind it, where it is asked for. */
async function toFile(
  path: string,
  seek: number,
  data: Uint8Array,
  keepsEnd: boolean,
  { readFile, writeFile }: Surroundings,
): Promise<void> {
  const old = seek > 0 || keepsEnd ? await readFile(path).catch(emptyWhereMissing) : new Uint8Array();
  const whole = new Uint8Array(keepsEnd ? Math.max(old.length, seek + data.length) : seek + data.length);
  whole.set(old.subarray(0, whole.length));
  whole.set(data, seek);
  await writeFile(path, whole);
}

export function ddProgram(host: DdHost): Program {
  return {
    name: 'dd',
    summary: 'copies blocks of devices and files: dd if=/dev/sda bs=512 skip=N count=1 | sha256sum',
    run: async (words, around) => {
      try {
        return await copy(host, words, around);
      } catch (error) {
        return failed(`dd: ${(error as Error).message}`);
      }
    },
  };
}
