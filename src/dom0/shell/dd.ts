/** `dd`: copies between the host's devices and files, in blocks. Source: dd(1) of coreutils for operands and what it says. */
import { SECTOR_BYTES, Storage } from '../storage/index.ts';
import { failed, type Program, type Ran, type Surroundings } from './program.ts';

const UNITS: Record<string, number> = { '': 1, c: 1, w: 2, b: 512, k: 2 ** 10, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, kB: 1e3, MB: 1e6, GB: 1e9 };
const OPERANDS = ['if', 'of', 'bs', 'skip', 'seek', 'count', 'conv', 'status'];
const CONVERSIONS = ['notrunc', 'fsync', 'fdatasync'];
/** A file of Domain 0 and a pipe have at most so much. */
const MOST_BYTES = 60 * 2 ** 20;
const PIECE_BYTES = 2 ** 20;

/** Numbers as dd reads them. @throws Error */
function numberOf(text: string): number {
  const match = /^(\d{1,15})([a-zA-Z]*)$/.exec(text);
  const value = match && Object.hasOwn(UNITS, match[2]) ? Number(match[1]) * UNITS[match[2]] : NaN;
  if (!Number.isSafeInteger(value)) throw new Error(`invalid number: '${text.slice(0, 40)}'`);
  return value;
}

interface Source {
  bytes: number;
  read(at: number, into: Uint8Array): void;
}

/** A file that is not there is empty; one that cannot be read must not be taken for that. @throws Error: any other */
function emptyWhereMissing(error: Error): Uint8Array {
  if (!error.message.endsWith(': No such file or directory')) throw error;
  return new Uint8Array();
}

async function open(storage: Storage, path: string, { readFile }: Surroundings): Promise<Source> {
  if (Storage.isDevice(path)) {
    // To look at a device a guest may have it: what it reads is what lies there now.
    const medium = storage.medium(path);
    return { bytes: medium.bytes, read: (at, into) => medium.read(at, into) };
  }
  const file = await readFile(path);
  return { bytes: file.length, read: (at, into) => into.set(file.subarray(at, at + into.length)) };
}

/** Writes to the device from byte `at` on, alone; durable when it returns. @throws StorageError, Error of the store */
function toDevice(storage: Storage, path: string, at: number, from: Source, start: number, bytes: number): void {
  const { medium, close } = storage.open(path, 'dd', true);
  try {
    if (at + bytes > medium.bytes) throw new Error(`error writing '${path}': No space left on device`);
    const piece = new Uint8Array(PIECE_BYTES);
    for (let done = 0; done < bytes; done += PIECE_BYTES) {
      const part = piece.subarray(0, Math.min(PIECE_BYTES, bytes - done));
      from.read(start + done, part);
      medium.write(at + done, part);
    }
    medium.flush();
  } finally {
    close();
  }
}

async function copy(storage: Storage, words: readonly string[], around: Surroundings): Promise<Ran> {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name, value] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || !OPERANDS.includes(name)) throw new Error(`unrecognized operand '${word.slice(0, 60)}'`);
    given.set(name, value);
  }
  const number = (name: string, absent: number): number => (given.has(name) ? numberOf(given.get(name) as string) : absent);
  const conversion = given.get('conv')?.split(',').find(each => !CONVERSIONS.includes(each));
  if (conversion !== undefined) throw new Error(`invalid conversion: '${conversion}'`);
  const input = given.get('if'),
    output = given.get('of');
  if (input === undefined) throw new Error('name what to read: if=/dev/sda, if=FILE');
  const blockBytes = number('bs', SECTOR_BYTES);
  if (blockBytes === 0) throw new Error("invalid number: '0'");
  const source = await open(storage, input, around);
  const start = number('skip', 0) * blockBytes,
    seek = number('seek', 0) * blockBytes;
  const bytes = Math.max(0, Math.min(source.bytes - start, number('count', Infinity) * blockBytes));
  const blocks = `${Math.floor(bytes / blockBytes)}+${bytes % blockBytes === 0 ? 0 : 1}`;
  const said = given.get('status') === 'none' ? '' : `${blocks} records in\n${blocks} records out\n${bytes} bytes copied\n`;
  const ran = { stdout: '', stderr: said, status: 0 };
  if (output !== undefined && Storage.isDevice(output)) {
    toDevice(storage, output, seek, source, start, bytes);
    return ran;
  }
  if (seek + bytes > MOST_BYTES) throw new Error(`${output ?? 'a pipe'} takes at most ${MOST_BYTES / 2 ** 20} MiB here: say count=, or write to a volume.`);
  const data = new Uint8Array(bytes);
  source.read(start, data);
  if (output === undefined) return { ...ran, stdout: Array.from({ length: Math.ceil(bytes / 8192) }, (_, i) => String.fromCharCode(...data.subarray(8192 * i, 8192 * (i + 1)))).join(''), isBinary: true };
  // What lies before what is written stays; what lies behind it, with notrunc alone.
  const keepsEnd = given.get('conv')?.split(',').includes('notrunc') === true;
  const old = seek > 0 || keepsEnd ? await around.readFile(output).catch(emptyWhereMissing) : new Uint8Array();
  const whole = new Uint8Array(keepsEnd ? Math.max(old.length, seek + bytes) : seek + bytes);
  whole.set(old.subarray(0, whole.length));
  whole.set(data, seek);
  await around.writeFile(output, whole);
  return ran;
}

/** The host's storage is the one that is open when it runs. */
export function ddProgram(storage: Storage): Program {
  return {
    name: 'dd',
    summary: 'copies blocks of devices and files: dd if=/dev/sda bs=512 skip=N count=1 | sha256sum',
    run: async (words, around) => {
      try {
        return await copy(storage, words, around);
      } catch (error) {
        return failed(`dd: ${(error as Error).message}`);
      }
    },
  };
}
