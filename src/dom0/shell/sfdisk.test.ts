import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { sfdiskProgram } from './sfdisk.ts';

const MIB = 2 ** 20;
const hasSfdisk = spawnSync('sfdisk', ['--version']).status === 0;

async function make() {
  const store = new MemoryStore();
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: below => below >>> 1, diskBytes: 128 * MIB });
  const host = testHost({ files, storage: async () => storage, readsWhole: true });
  const program = sfdiskProgram(host, storage);
  const around = {
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(files.resolvePath('/root', path)),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(files.resolvePath('/root', path), bytes),
    signal: new AbortController().signal,
  };
  const sfdisk = (line: string, stdin = '') =>
    program.run(
      line.split(' ').filter(word => word !== ''),
      { ...around, stdin },
    );
  await files.writeFile('/root/d.img', new Uint8Array(16 * MIB).fill(0x90, 0, 440));
  return { files, storage, sfdisk };
}

/** The same script, as sfdisk of util-linux reads it: what it says, and the image. */
function theirs(
  args: string[],
  script = '',
  image = new Uint8Array(16 * MIB),
): { stdout: string; stderr: string; status: number; image: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-sfdisk-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'd.img'), image);
  const { stdout, stderr, status } = spawnSync('sfdisk', args, { cwd: folder, input: script, encoding: 'utf8' });
  return { stdout, stderr, status: status ?? -1, image: readFileSync(join(folder, 'd.img')) };
}

describe('sfdisk', () => {
  const SCRIPTS = [
    ',4M,L\n,,82,*\n',
    'label: dos\nlabel-id: 0x12345678\n# the first one lies behind the second one\nd.img1 : start=8192, size=2048, type=8e, bootable\nd.img2 : start=2048, size=4096, type=83\n',
    'start=63, size=1000, Id=e\nsize=3M,type=uefi;\n20480 - raid\nsize=+1M\n',
  ];
  it.skipIf(!hasSfdisk).each(SCRIPTS)(
    'makes of a script what sfdisk of util-linux makes, and says the same [needs fdisk]: %j',
    async script => {
      const { files, sfdisk } = await make();
      const mine = await sfdisk('d.img', script);
      const real = theirs(['d.img'], script, new Uint8Array(16 * MIB).fill(0x90, 0, 440));
      // Without an identifier in the script each draws one.
      const alike = (text: string): string =>
        script.includes('label-id') ? text : text.replace(/0x[\da-f]{8}/g, '0x');
      expect(alike(mine.stdout)).toBe(alike(real.stdout));
      expect([mine.status, mine.stderr]).toEqual([real.status, real.stderr]);
      const image = new Uint8Array(await files.readFileBuffer('/root/d.img'));
      // A disk's identifier, and the ends in cylinders that nobody reads, are each one's own.
      const kept = (bytes: Uint8Array) => [
        ...bytes.subarray(0, 440),
        ...[0, 1, 2, 3].flatMap(i =>
          [...bytes.subarray(446 + 16 * i, 446 + 16 * i + 16)].filter((_, at) => at === 0 || at === 4 || at >= 8),
        ),
        ...bytes.subarray(510, 512),
      ];
      expect(kept(image)).toEqual(kept(real.image));
      const listed = theirs(['-l', 'd.img'], '', image),
        dumped = theirs(['-d', 'd.img'], '', image);
      expect(await sfdisk('-l d.img')).toEqual({ stdout: listed.stdout, stderr: '', status: 0 });
      expect(await sfdisk('-d d.img')).toEqual({ stdout: dumped.stdout, stderr: '', status: 0 });
    },
  );

  it('lists an empty image, and the host’s disk where nothing is named', async () => {
    const { sfdisk, files } = await make();
    await files.writeFile('/root/empty.img', new Uint8Array(4 * MIB));
    const { stdout } = await sfdisk('-l empty.img');
    expect(stdout).toBe(
      'Disk empty.img: 4 MiB, 4194304 bytes, 8192 sectors\nUnits: sectors of 1 * 512 = 512 bytes\nSector size (logical/physical): 512 bytes / 512 bytes\nI/O size (minimum/optimal): 512 bytes / 512 bytes\n',
    );
    expect((await sfdisk('-l')).stdout).toMatch(/^Disk \/dev\/sda: 128 MiB[\s\S]*\/dev\/sda4 .* 8e Linux LVM\n$/);
    expect(await sfdisk('-d empty.img')).toMatchObject({
      stderr: 'sfdisk: empty.img: does not contain a recognized partition table\n',
      status: 1,
    });
  });

  it('makes partitions on a volume that nobody has open, and keeps them', async () => {
    const { storage, sfdisk } = await make();
    storage.createVolume('web', 16 * MIB);
    expect(await sfdisk('/dev/vg0/web', ',8M\n')).toMatchObject({ status: 0, stderr: '' });
    expect((await sfdisk('-d /dev/vg0/web')).stdout).toContain(
      '/dev/vg0/web1 : start=        2048, size=       16384, type=83',
    );
    const { close } = storage.open('/dev/vg0/web', 'guest', true);
    expect(await sfdisk('/dev/vg0/web', ',4M\n')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^Checking .* FAILED\n\nThis disk is currently in use - repartitioning is probably a bad idea\.\nDevice \/dev\/vg0\/web is mounted read-write in guest/,
      ),
    });
    close();
    expect(await sfdisk('/dev/sda', ',4M\n')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('This disk is currently in use'),
    });
    expect((await sfdisk('-l /dev/vg0/web')).stdout).toContain('8M 83 Linux');
  });

  it('refuses what cannot be, in its own words, and writes nothing', async () => {
    const { files, sfdisk } = await make();
    const before = await files.readFileBuffer('/root/d.img');
    const refused: [line: string, script: string, said: string | RegExp][] = [
      [
        'd.img',
        'start=9999999\n',
        'Start sector 9999999 out of range.\nFailed to add #1 partition: Numerical result out of range\n',
      ],
      [
        'd.img',
        'start=2048,size=4096\nstart=4096,size=8192\n',
        'Start sector 4096 out of range.\nFailed to add #2 partition: Numerical result out of range\n',
      ],
      [
        'd.img',
        'start=2048,size=99G\n',
        '207618048 sectors from sector 2048 on: there is room for 30720.\nFailed to add #1 partition: Numerical result out of range\n',
      ],
      ['d.img', ',,5\n', /^An extended partition holds others/],
      ['d.img', ',1M\n,1M\n,1M\n,1M\n,1M\n', /^A disk has at most four primary partitions here\.\nFailed to add #5/],
      ['d.img', 'foo=1\n', /^line 1: unsupported command\nfoo: write start=/],
      ['d.img', 'label: gpt\n,\n', "line 1: unsupported label 'gpt'\nWrite label: dos.\n"],
      ['d.img', ',abc\n', /^line 1: failed to parse size 'abc'/],
      ['d.img', ',1M,zz\n', /^line 1: failed to parse partition type 'zz'/],
      ['d.img', '', /^sfdisk: d\.img: there is no script/],
      ['none.img', ',\n', 'sfdisk: cannot open none.img: No such file or directory\n'],
      ['/dev/vg0/none', ',\n', /there is no such device/],
      ['', '', 'sfdisk: no disk device specified\n'],
      ['-x', '', "sfdisk: invalid option -- 'x'\nTry 'sfdisk --help' for more information.\n"],
    ];
    for (const [line, script, said] of refused) {
      const { stderr, status } = await sfdisk(line, script);
      expect([status, stderr], `${line} ${script}`).toEqual([
        1,
        typeof said === 'string' ? said : expect.stringMatching(said),
      ]);
    }
    expect(Buffer.compare(await files.readFileBuffer('/root/d.img'), before)).toBe(0);
  });
});
