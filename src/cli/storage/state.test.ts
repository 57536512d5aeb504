import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const command = fileURLToPath(new URL('../../../bin/ringside.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ringside-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const state = join(folder, 'state');

const storage = (...args: string[]): Promise<{ status: number; out: string; err: string }> =>
  new Promise(resolve => {
    const child = execFile(process.execPath, [command, 'storage', '--state', state, ...args], (_error, out, err) => resolve({ status: child.exitCode ?? -1, out, err }));
  });

/** mov dx, port; mov al, value; out dx, al */
const out = (port: number, value: number): number[] => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee];
/** mov dx, 0x1f7; in al, dx; test al, mask; jz or jnz back to the IN */
const until = (mask: number, jump: number): number[] => [0x66, 0xba, 0xf7, 0x01, 0xec, 0xa8, mask, jump, 0xfb];
const notBusy = until(0x80, 0x75),
  dataRequest = until(0x08, 0x74);
/** For n = 1, 2, …: fills sector n mod 256 with n, flushes, and shows a dot when the drive says that it is durable. */
const body = [
  0x43, // inc ebx
  ...notBusy, ...out(0x1f6, 0xe0), ...out(0x1f2, 1),
  0x66, 0xba, 0xf3, 0x01, 0x88, 0xd8, 0xee, // mov dx, 0x1f3; mov al, bl; out
  ...out(0x1f4, 0), ...out(0x1f5, 0), ...out(0x1f7, 0x30), ...dataRequest,
  0x66, 0xba, 0xf0, 0x01, 0xb9, 128, 0, 0, 0, 0x89, 0xd8, 0xef, 0xe2, 0xfd, // mov dx, 0x1f0; mov ecx, 128; mov eax, ebx; out dx, eax; loop
  ...notBusy, ...out(0x1f7, 0xe7), ...notBusy, ...out(0x3f8, 0x2e),
];
const program = [0x31, 0xdb, ...body, 0xe9, ...new Uint8Array(Int32Array.of(-(body.length + 5)).buffer)];

/** A multiboot 1 kernel of these bytes. */
function kernel(code: number[]): Uint8Array {
  const bytes = new Uint8Array(0x20 + code.length);
  const view = new DataView(bytes.buffer);
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), 0x100000, 0x100000, 0x100000 + bytes.length, 0x100000 + bytes.length, 0x100020].forEach((word, i) =>
    view.setInt32(i * 4, word | 0, true),
  );
  bytes.set(code, 0x20);
  return bytes;
}

const config = join(folder, 'writer.cfg');
writeFileSync(join(folder, 'writer.elf'), kernel(program));
writeFileSync(config, "name = 'writer'\ntype = 'hvm'\nmemory = 4\nkernel = 'writer.elf'\ndisk = ['phy:/dev/vg0/web,xvda,w']\n");

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

/** Of each sector the number that fills it. */
async function numbers(): Promise<Uint32Array> {
  const file = join(folder, 'web.img');
  expect(await storage('dd', 'if=/dev/vg0/web', `of=${file}`)).toMatchObject({ status: 0 });
  const bytes = readFileSync(file);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 256 * 128);
  return Uint32Array.from({ length: 256 }, (_, sector) => {
    const part = words.subarray(sector * 128, sector * 128 + 128);
    expect([...new Set(part)], `sector ${sector} is of one write`).toHaveLength(1);
    return part[0];
  });
}

describe('a host whose state is kept', () => {
  it('has after being killed all that a guest was told to be durable', async () => {
    expect(await storage('lvcreate', '-L', '8M', '-n', 'web', 'vg0')).toEqual({ status: 0, out: '  Logical volume "web" created.\n', err: '' });
    for (const dots of [40, 300, 520, 20]) {
      const { child, shown } = await start(dots);
      if (dots === 300) {
        const second = await storage('lvs');
        expect(second.status).toBe(1);
        expect(second.err).toMatch(/^ringside storage: .* is held by process \d+ \(ringside boot .*\) since 2.*\. Stop that first/);
      }
      await kill(child);
      const acknowledged = shown();
      const found = await numbers();
      for (let n = Math.max(1, acknowledged - 255); n <= acknowledged; n++) expect(found[n % 256], `write ${n} of ${acknowledged}`).toBeGreaterThanOrEqual(n);
      found.forEach((n, sector) => n > 0 && expect(n % 256).toBe(sector));
      // The next run begins anew.
      await storage('lvremove', 'vg0/web');
      expect((await storage('lvcreate', '-L', '8M', '-n', 'web', 'vg0')).status).toBe(0);
    }
  });

  it('tells where in its files a guest’s sector is', async () => {
    const { child } = await start(30);
    await kill(child);
    const { out } = await storage('disk-path', '/dev/vg0/web', '17');
    const way = /^volume vg0\/web: sector 17 .*\npartition sda4: sector \d+\ndisk sda: sector (\d+) \(extent \d+\)\nfile disk\.data: byte (\d+) \(slot \d+\)\n$/.exec(out);
    expect(way).not.toBeNull();
    const bytes = Buffer.alloc(512);
    readSync(openSync(join(state, 'disk.data'), 'r'), bytes, 0, 512, Number(way![2]));
    expect(new Set(new Uint32Array(bytes.buffer, bytes.byteOffset, 128))).toEqual(new Set([17]));
  });

  it('refuses what it cannot do in the tools’ words', async () => {
    expect(await storage('lvremove', 'vg0/none')).toEqual({ status: 5, out: '', err: '  Failed to find logical volume "vg0/none"\n' });
    expect((await storage('lvcreate', '-L', 'much', '-n', 'x', 'vg0')).err).toContain('Invalid argument for --size: much');
    expect((await storage('format', 'c:')).status).toBe(3);
    const child = spawn(process.execPath, [command, 'boot', '--state', state, '--disk', 'phy:/dev/vg0/none'], { stdio: 'pipe' });
    const err = await new Promise<string>(resolve => {
      let text = '';
      child.stderr.on('data', data => (text += data));
      child.on('close', () => resolve(text));
    });
    expect(err).toBe('ringside: /dev/vg0/none: there is no such device. lvs lists the volumes, sfdisk -l the partitions.\n');
  });
});
