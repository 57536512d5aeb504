import { describe, expect, it } from 'vitest';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { channels } from '../host/nbd/channels.test-support.ts';
import { type ByteChannel, connectNbd, type NbdDisk, type Sockets } from '../host/nbd/index.ts';
import { testHost } from '../service/host.test-support.ts';
import { qemuNbdProgram } from './qemu-nbd.ts';

const MIB = 2 ** 20;

async function make() {
  const store = new MemoryStore();
  const storage = await Storage.open({ store, epochMs: () => 0, random: below => below >>> 1, diskBytes: 64 * MIB });
  storage.createVolume('web', MIB);
  let accept: ((channel: ByteChannel) => void) | undefined;
  const asked: string[] = [];
  const sockets: Sockets = {
    connect: async () => {
      throw new Error('Nobody answers.');
    },
    listen: async ({ host, port }, taken) => {
      asked.push(`${host}:${port}`);
      accept = taken;
      return {
        port,
        close: () => {
          accept = undefined;
        },
      };
    },
  };
  const program = qemuNbdProgram(testHost({ storage: async () => storage, sockets }));
  const abort = new AbortController();
  const around = {
    stdin: '',
    directory: '/root',
    readFile: async () => new Uint8Array(),
    writeFile: async () => {},
    signal: abort.signal,
  };
  const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve));
  return {
    storage,
    asked,
    abort,
    turn,
    run: (line: string) => program.run(line.split(' '), around),
    /** @throws Error as connectNbd does */
    async connect(name: string): Promise<NbdDisk> {
      for (let i = 0; i < 20 && !accept; i++) await turn();
      const [here, there] = channels();
      accept?.(there);
      return connectNbd(here, name);
    },
  };
}

const write = (disk: NbdDisk, byte: number): Promise<Error | undefined> =>
  new Promise(resolve => disk.request({ op: 'write', at: 512, pieces: [new Uint8Array(512).fill(byte)] }, resolve));

describe('qemu-nbd', () => {
  it('serves a volume to one client, and ends with it', async () => {
    const { run, connect, storage, asked, turn } = await make();
    const ran = run('-x web -p 10810 /dev/vg0/web');
    const disk = await connect('web');
    expect(asked).toEqual(['127.0.0.1:10810']);
    await expect(connect('web')).rejects.toThrow("export 'web' has 1 client already: --shared says how many");
    await expect(connect('mail')).rejects.toThrow("export 'mail' not present: there is 'web'");
    expect(() => storage.open('/dev/vg0/web', 'guest', true)).toThrow('is mounted read-write in qemu-nbd');
    expect(await write(disk, 7)).toBeUndefined();
    disk.close();
    expect(await ran).toEqual({ stdout: '', stderr: '', status: 0 });
    await turn();
    const { medium, close } = storage.open('/dev/vg0/web', 'guest', true);
    const sector = new Uint8Array(512);
    medium.read(512, sector);
    expect(sector).toEqual(new Uint8Array(512).fill(7));
    close();
  });

  it('serves several at once until it is interrupted, and writes nothing that is read-only', async () => {
    const { run, connect, abort, storage } = await make();
    const ran = run('-rt --shared=2 /dev/vg0/web');
    const disks = [await connect(''), await connect('')];
    expect(await write(disks[0], 1)).toMatchObject({ message: 'The export is read-only.' });
    disks[0].close();
    abort.abort();
    expect((await ran).status).toBe(0);
    expect((await write(disks[1], 1))?.message).toBe('The NBD server has closed the connection.');
    storage.open('/dev/vg0/web', 'guest', true).close();
  });

  it('says what is wrong, and has nothing open then', async () => {
    const { run, storage } = await make();
    for (const [line, words] of [
      ['--colour /dev/vg0/web', "unrecognized option '--colour'"],
      ['-p 70000 /dev/vg0/web', "Invalid port '70000'"],
      ['-p', "option requires an argument -- 'p'"],
      ['-f qcow2 /dev/vg0/web', "Unknown file format 'qcow2': raw is served"],
      ['/dev/vg0/web /dev/vg0/mail', 'Invalid number of arguments'],
      ['/dev/vg0/mail', 'mail'],
      ['disk.img', "Failed to blk_new_open 'disk.img'"],
    ]) {
      const { stderr, status } = await run(line);
      expect({ line, status }).toEqual({ line, status: 1 });
      expect(stderr).toContain(words);
    }
    storage.open('/dev/vg0/web', 'guest', true).close();
  });
});
