/** Our end of NBD with the programs of Debian's qemu-utils, libnbd-bin and nbdkit at the other. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { nodeSockets } from '../src/cli/sockets.ts';
import { connectNbd, type Listening, type NbdDisk, type NbdExport, serveNbd } from '../src/dom0/host/nbd/index.ts';
import { type BlockRequest, MemoryDisk } from '../src/formats/blocks/index.ts';
import { program, strict } from './support/needs.ts';

const PROGRAMS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo', 'nbdcopy', 'nbdkit'];
const missing = PROGRAMS.filter(name => program(name) === undefined);
const BYTES = 3 * 1024 * 1024;
const HERE = '127.0.0.1';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'ringside-nbd-'));
const at = (name: string): string => join(folder, name);
const pattern = (seed: number): Uint8Array => Uint8Array.from({ length: BYTES }, (_, i) => (i >> 9) * seed + i);

let listening: Listening | undefined;
const started: ChildProcess[] = [];
afterEach(() => {
  listening?.close();
  for (const child of started.splice(0)) child.kill();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The address of a server of ours that has these bytes. */
async function serve(data: Uint8Array, more: Partial<NbdExport> = {}): Promise<string> {
  const entry = { device: new MemoryDisk(data), readOnly: false, close: () => {}, ...more };
  const find = (name: string): NbdExport | string => (name === 'web' ? entry : `There is no export ‘${name}’ here.`);
  listening = await nodeSockets.listen({ host: HERE, port: 0 }, channel =>
    serveNbd(channel, { names: () => ['web'], open: find, look: find }),
  );
  return `nbd://${HERE}:${listening.port}`;
}

/** A server of somebody else's, on a free port. */
async function theirs(start: (port: number) => ChildProcess): Promise<number> {
  const taken = await nodeSockets.listen({ host: HERE, port: 0 }, channel => channel.close());
  taken.close();
  started.push(start(taken.port));
  for (;;) {
    const channel = await nodeSockets.connect({ host: HERE, port: taken.port }).catch(() => undefined);
    if (channel) {
      channel.close();
      return taken.port;
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

const done = (disk: NbdDisk, request: BlockRequest): Promise<Error | undefined> =>
  new Promise(resolve => disk.request(request, resolve));

async function exercise(port: number, name: string, before: Uint8Array): Promise<void> {
  const disk = await connectNbd(await nodeSockets.connect({ host: HERE, port }), name);
  expect(disk.bytes).toBe(BYTES);
  const pieces = [new Uint8Array(512), new Uint8Array(BYTES - 512)];
  expect(await done(disk, { op: 'read', at: 0, pieces })).toBeUndefined();
  expect(Buffer.compare(Buffer.concat(pieces), before)).toBe(0);
  const written = [new Uint8Array(512).fill(7), new Uint8Array(1024).fill(8)];
  expect(await done(disk, { op: 'write', at: 4096, pieces: written })).toBeUndefined();
  expect(await done(disk, { op: 'flush' })).toBeUndefined();
  disk.close();
}

if (missing.length > 0 && !strict)
  it.skip(`NBD with Debian's programs (${missing.join(', ')} not installed)`, () => {});
else
  describe('NBD', () => {
    it('is served to nbdinfo, nbdcopy, qemu-img and qemu-io', async () => {
      const data = pattern(3);
      const address = await serve(data, { description: 'the volume web' });
      const list = await run('nbdinfo', ['--list', '--json', address]);
      const [{ 'export-name': name, description, 'export-size': size, can_fua, can_zero, is_read_only }] = JSON.parse(
        list.stdout,
      ).exports;
      expect({ name, description, size, can_fua, can_zero, is_read_only }).toEqual({
        name: 'web',
        description: 'the volume web',
        size: BYTES,
        can_fua: true,
        can_zero: true,
        is_read_only: false,
      });
      await run('nbdcopy', [`${address}/web`, at('copied')]);
      expect(Buffer.compare(readFileSync(at('copied')), data)).toBe(0);
      await run('qemu-img', ['convert', '-O', 'qcow2', `${address}/web`, at('image.qcow2')]);
      await run('qemu-img', ['compare', at('image.qcow2'), `${address}/web`]);
      const commands = ['write -P 9 1M 64k', 'write -f -P 10 100k 4k', 'write -z 2M 1M', 'aio_read 0 3M', 'flush'];
      const io = await run('qemu-io', ['-f', 'raw', ...commands.flatMap(line => ['-c', line]), `${address}/web`]);
      expect(io.stdout).toContain('wrote 65536/65536 bytes at offset 1048576');
      expect([data[1024 * 1024], data[100 * 1024 + 4095], data[2 * 1024 * 1024]]).toEqual([9, 10, 0]);
      writeFileSync(at('other'), pattern(5));
      await run('nbdcopy', [at('other'), `${address}/web`]);
      expect(Buffer.compare(Buffer.from(data), Buffer.from(pattern(5)))).toBe(0);
    });

    it('tells qemu-img and qemu-io what is not there, and what may not be written', async () => {
      const address = await serve(pattern(1), { readOnly: true });
      await expect(run('qemu-img', ['info', `${address}/mail`])).rejects.toThrow('There is no export ‘mail’ here.');
      await expect(run('qemu-io', ['-f', 'raw', '-c', 'write 0 512', `${address}/web`])).rejects.toThrow(
        /Permission denied/,
      );
    });

    it('reads and writes what nbdkit and qemu-nbd serve', async () => {
      const nbdkit = await theirs(port =>
        spawn('nbdkit', ['-f', '-i', HERE, '-p', `${port}`, 'memory', `size=${BYTES}`], { stdio: 'ignore' }),
      );
      await exercise(nbdkit, '', new Uint8Array(BYTES));
      writeFileSync(at('raw'), pattern(7));
      const qemu = await theirs(port =>
        spawn('qemu-nbd', ['-b', HERE, '-p', `${port}`, '-x', 'web', '-f', 'raw', '-t', at('raw')], {
          stdio: 'ignore',
        }),
      );
      await exercise(qemu, 'web', pattern(7));
      const expected = pattern(7).fill(7, 4096, 4608).fill(8, 4608, 5632);
      expect(Buffer.compare(readFileSync(at('raw')), expected)).toBe(0);
      const refused = connectNbd(await nodeSockets.connect({ host: HERE, port: qemu }), 'mail');
      await expect(refused).rejects.toThrow("export 'mail' not present");
    });

    it('says who does not answer', async () => {
      const taken = await nodeSockets.listen({ host: HERE, port: 0 }, () => {});
      await expect(nodeSockets.listen({ host: HERE, port: taken.port }, () => {})).rejects.toThrow(
        `${HERE}:${taken.port} cannot be listened on`,
      );
      taken.close();
      await expect(nodeSockets.connect({ host: HERE, port: taken.port })).rejects.toThrow(
        `${HERE}:${taken.port} does not answer`,
      );
    });
  });
