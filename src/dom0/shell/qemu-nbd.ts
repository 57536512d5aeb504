/**
 * `qemu-nbd`: a volume or an image on the host's disk, for clients of NBD by TCP. Source: qemu-nbd(8) of QEMU 7.2 for options, words and when it ends.
 * Ours waits on 127.0.0.1 where no address is said, and not on all: there is no TLS.
 */
import { nbd } from '../host/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { LOOPBACK, type ByteChannel, type NbdExport, type NbdExports } from '../host/nbd/index.ts';
import { NBD_PORT } from '../../formats/nbd/index.ts';
import { onDisk } from './disk-paths.ts';
import { aborted, failed, type Program, type Ran, succeeded, type Surroundings } from '../toolstack/programs/index.ts';
import { read } from './small-tools/options.ts';

const HINT = "Try `qemu-nbd --help' for more information.";
const USAGE = `Usage: qemu-nbd [OPTIONS] FILE
QEMU Disk Network Block Device Server

  -h, --help                display this help and exit
  -p, --port=PORT           port to listen on (default \`10809')
  -b, --bind=IFACE          interface to bind to (default \`127.0.0.1')
  -e, --shared=NUM          device can be shared by NUM clients (default '1', 0 for unlimited)
  -t, --persistent          don't exit on the last connection
  -x, --export-name=NAME    expose export by name (default is empty string)
  -D, --description=TEXT    export a human-readable description
  -r, --read-only           export read-only
  -f, --format=FORMAT       set image format: raw

FILE is a device of the host (/dev/vg0/web), or an image on its disk.
`;
/** Options with a value, and without one. */
const VALUED = 'pbexDf',
  FLAGS = 'trhv';
const LONG: Record<string, string> = {
  '--port': 'p',
  '--bind': 'b',
  '--shared': 'e',
  '--export-name': 'x',
  '--description': 'D',
  '--format': 'f',
  '--persistent': 't',
  '--read-only': 'r',
  '--help': 'h',
  '--verbose': 'v',
};

class Wrong extends Error {}

interface Wanted {
  values: Map<string, string>;
  file: string;
}

/** @throws Wrong */
function readWords(words: readonly string[]): Wanted {
  const { given: values, rest, wrong, lacking } = read(words, VALUED, FLAGS, LONG);
  if (wrong !== undefined) throw new Wrong(`unrecognized option '${wrong}'\n${HINT}`);
  if (lacking !== undefined) throw new Wrong(`option requires an argument -- '${lacking.replace(/^--?/, '')}'`);
  if (values.has('h')) return { values, file: '' };
  const [file, more] = rest;
  if (file === undefined || more !== undefined) throw new Wrong(`Invalid number of arguments\n${HINT}`);
  if ((values.get('f') ?? 'raw') !== 'raw') throw new Wrong(`Unknown file format '${values.get('f')}': raw is served`);
  return { values, file };
}

/** @throws Wrong */
function whole(text: string, what: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Infinity;
  if (value > most) throw new Wrong(`Invalid ${what} '${text}'`);
  return value;
}

export const qemuNbdProgram = (host: CommandHost): Program => ({
  name: 'qemu-nbd',
  summary: 'serve a volume or an image of the host’s disk by NBD: qemu-nbd -t -x web /dev/vg0/web',
  run: async (words, around) => {
    try {
      return await serve(host, readWords(words), around);
    } catch (error) {
      return failed(`qemu-nbd: ${(error as Error).message}`);
    }
  },
  complete: words => (words.length > 0 ? Object.keys(LONG) : []),
});

/** Serves until the last client has gone, or with -t until somebody ends it. @throws Error with a sentence */
async function serve(host: CommandHost, { values, file }: Wanted, around: Surroundings): Promise<Ran> {
  if (values.has('h')) return succeeded(USAGE);
  const { sockets } = host.parts;
  if (!sockets)
    throw new Wrong('a page has no TCP that others could reach. Run the host with ringside sh, and serve it there.');
  const port = whole(values.get('p') ?? `${NBD_PORT}`, 'port', 65_535);
  const most = whole(values.get('e') ?? '1', 'shared device number', 2 ** 31) || Infinity;
  const found = await onDisk(host, file, around);
  if (!found)
    throw new Wrong(`Failed to blk_new_open '${file}': it is no device of the host, and no image on its disk`);
  const name = values.get('x') ?? '';
  const readOnly = values.has('r');
  const { medium: device, close } = found.storage.open(found.path, 'qemu-nbd', !readOnly);
  const description = values.get('D');
  const shared = { name, device, readOnly, ...(description === undefined ? {} : { description }) };
  const clients = new Clients(shared, most);
  const allGone = new Promise<void>(resolve => {
    if (!values.has('t')) clients.whenAllGone = resolve;
  });
  const { serveNbd } = await nbd.load();
  const channels = new Set<ByteChannel>();
  try {
    const listening = await sockets.listen({ host: values.get('b') ?? LOOPBACK, port }, channel => {
      channels.add(channel);
      serveNbd(channel, clients, () => channels.delete(channel));
    });
    await Promise.race([aborted(around.signal), allGone]);
    listening.close();
    for (const channel of channels) channel.close();
    return succeeded('');
  } finally {
    close();
  }
}

/** One export, for this many at once. */
class Clients implements NbdExports {
  whenAllGone: () => void = () => {};
  private readonly shared: Omit<NbdExport, 'close'> & { name: string };
  private readonly most: number;
  private count = 0;

  constructor(shared: Clients['shared'], most: number) {
    this.shared = shared;
    this.most = most;
  }

  names(): string[] {
    return [this.shared.name];
  }

  look(wanted: string): Omit<NbdExport, 'close'> | string {
    const { name } = this.shared;
    return wanted === name ? this.shared : `export '${wanted}' not present: there is '${name}'`;
  }

  open(wanted: string): NbdExport | string {
    const found = this.look(wanted);
    if (typeof found === 'string') return found;
    if (this.count >= this.most)
      return `export '${wanted}' has ${this.count} client${this.count === 1 ? '' : 's'} already: --shared says how many`;
    this.count++;
    return {
      ...found,
      close: () => {
        if (--this.count === 0) this.whenAllGone();
      },
    };
  }
}
