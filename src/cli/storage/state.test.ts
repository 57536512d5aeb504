import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { WarmRingside } from '../../../test/support/command-line.ts';
import { writerKernel, writerProblem } from '../../dom0/host/storage/index.ts';

const command = fileURLToPath(new URL('../../../bin/ringside.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ringside-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const state = join(folder, 'state');

async function storage(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const tool = new WarmRingside('storage', '--state', state, ...args);
  const status = await tool.end(60);
  return { status, out: tool.output, err: tool.errors };
}

const config = join(folder, 'writer.cfg');
writeFileSync(join(folder, 'writer.elf'), writerKernel);
writeFileSync(
  config,
  "name = 'writer'\ntype = 'hvm'\nmemory = 4\nkernel = 'writer.elf'\ndisk = ['phy:/dev/vg0/web,xvda,w']\n",
);

/** Starts the writer; resolves when it has shown `dots`. */
function start(dots: number): Promise<{ child: ChildProcess; shown: () => number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, 'boot', '--state', state, config], { stdio: 'pipe' });
    let shown = 0,
      err = '';
    child.stdout.on('data', (data: Buffer) => {
      shown += data.filter(byte => byte === 0x2e).length;
      if (shown >= dots) resolve({ child, shown: () => shown });
    });
    child.stderr.on('data', data => (err += data));
    child.on('close', status => reject(new Error(`it ended with ${status} after ${shown} dots: ${err}`)));
  });
}

const kill = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    child.removeAllListeners('close');
    child.on('close', () => resolve());
    child.kill('SIGKILL');
  });

/** What the volume holds. */
async function content(): Promise<Uint8Array> {
  const file = join(folder, 'web.img');
  expect(await storage('dd', 'if=/dev/vg0/web', `of=${file}`)).toMatchObject({ status: 0 });
  return readFileSync(file);
}

describe('a host whose state is kept', () => {
  it('has after being killed all that a guest was told to be durable', async () => {
    expect(await storage('lvcreate', '-L', '8M', '-n', 'web', 'vg0')).toEqual({
      status: 0,
      out: '  Logical volume "web" created.\n',
      err: '',
    });
    for (const dots of [40, 520, 20]) {
      const { child, shown } = await start(dots);
      if (dots === 520) {
        const second = await storage('lvs');
        expect(second.status).toBe(1);
        expect(second.err).toMatch(
          /^ringside storage: .* is held by process \d+ \(ringside boot .*\) since 2.*\. Stop that first/,
        );
      }
      await kill(child);
      expect(writerProblem(await content(), shown())).toBeUndefined();
      // The next run begins again.
      await storage('lvremove', 'vg0/web');
      expect((await storage('lvcreate', '-L', '8M', '-n', 'web', 'vg0')).status).toBe(0);
    }
  });

  it('is not made by a command that reads, nor by one that changes what must be there', async () => {
    const [none, empty] = [join(folder, 'none'), join(folder, 'empty')];
    mkdirSync(empty);
    for (const directory of [none, empty])
      for (const command of [['lvs'], ['lvremove', 'vg0/web'], ['check']]) {
        if (directory === empty && command[0] === 'check') continue;
        const tool = new WarmRingside('storage', '--state', directory, ...command);
        expect(await tool.end(60)).toBe(1);
        expect(tool.errors).toMatch(
          /^ringside storage: there is no state in .*, and (?:the directory was not made|nothing)/,
        );
      }
    expect(existsSync(none)).toBe(false);
    expect(readdirSync(empty)).toEqual([]);
  });

  it('tells where in its files a guest’s sector is', async () => {
    const { child } = await start(30);
    await kill(child);
    const { out } = await storage('disk-path', '/dev/vg0/web', '17');
    const way =
      /^volume vg0\/web: sector 17 .*\npartition sda4: sector \d+\ndisk sda: sector (\d+) \(extent \d+\)\nfile disk\.data: byte (\d+) \(slot \d+\)\n$/.exec(
        out,
      );
    expect(way).not.toBeNull();
    const bytes = Buffer.alloc(512);
    readSync(openSync(join(state, 'disk.data'), 'r'), bytes, 0, 512, Number(way![2]));
    expect(new Set(new Uint32Array(bytes.buffer, bytes.byteOffset, 128))).toEqual(new Set([17]));
  });

  it('refuses what it cannot do in the tools’ words', async () => {
    expect(await storage('lvremove', 'vg0/none')).toEqual({
      status: 5,
      out: '',
      err: '  Failed to find logical volume "vg0/none"\n',
    });
    expect((await storage('lvcreate', '-L', 'much', '-n', 'x', 'vg0')).err).toContain(
      'Invalid argument for --size: much',
    );
    expect((await storage('format', 'c:')).status).toBe(3);
    const child = spawn(process.execPath, [command, 'boot', '--state', state, '--disk', 'phy:/dev/vg0/none'], {
      stdio: 'pipe',
    });
    const err = await new Promise<string>(resolve => {
      let text = '';
      child.stderr.on('data', data => (text += data));
      child.on('close', () => resolve(text));
    });
    expect(err).toBe(
      'ringside: /dev/vg0/none: there is no such device. lvs lists the volumes, sfdisk -l the partitions.\n',
    );
  });
});
