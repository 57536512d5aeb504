/** Programs of the shell on images that lie on the host's disk. */
import { describe, expect, it } from 'vitest';
import { testHost } from '../service/host.test-support.ts';
import { openHostState } from '../host/state/state.ts';
import { IMAGES, MemoryStore } from '../host/storage/index.ts';
import { Bash } from './bash.ts';
import { ddProgram } from './dd.ts';
import { qemuImgProgram } from './qemu-img.ts';
import { sfdiskProgram } from './sfdisk.ts';
import { truncateProgram } from './truncate.ts';

const MIB = 2 ** 20;

async function shell() {
  const state = await openHostState(new MemoryStore(), {
    epochMs: () => 0,
    random: below => below >>> 1,
    later: () => () => {},
    diskBytes: 512 * MIB,
  });
  const { storage } = state;
  const host = testHost({ files: await state.files(), storage: async () => storage });
  const programs = [ddProgram(host), qemuImgProgram(host), sfdiskProgram(host, storage), truncateProgram(host)];
  const bash = new Bash({
    fs: await state.files(),
    programs,
    sleep: async () => {},
    directory: IMAGES,
    environment: {},
    random: () => 0,
  });
  const run = async (line: string): Promise<string> => {
    const { stdout, stderr, status } = (await bash.run(line, { isAll: true }))!;
    return status === 0 ? stdout : `${status}: ${stderr}`;
  };
  return { storage, run };
}

describe('images on the host’s disk', () => {
  it('are made by truncate, dd and qemu-img, and take the room that is written', async () => {
    const { storage, run } = await shell();
    expect(
      await run(
        'truncate -s 100M a.img && truncate -s +1K a.img && qemu-img create b.img 80M && dd if=/dev/zero of=c.img bs=1M count=70 status=none; stat -c %s c.img',
      ),
    ).toBe("Formatting 'b.img', fmt=raw size=83886080\n73400320\n");
    expect(storage.files.map(({ path, bytes }) => [path.slice(IMAGES.length), bytes / 1024])).toEqual([
      ['/a.img', 102401],
      ['/b.img', 81920],
      ['/c.img', 71680],
    ]);
    expect(storage.files.map(({ path }) => storage.writtenBytes(path))).toEqual([0, 0, 0]);
    expect(
      await run(
        'printf abc | dd if=/etc/hostname of=/dev/null; printf "%512s" x > s; dd if=s of=b.img seek=3 conv=notrunc status=none; stat -c %s b.img; dd if=b.img skip=3 count=1 status=none | tail -c 1',
      ),
    ).toMatch(/83886080\nx$/);
    expect(await run('dd if=s of=b.img seek=3 status=none; wc -c < b.img')).toBe('2048\n');
    expect(await run('dd if=s of=t bs=100 count=1 status=none; wc -c < t')).toBe('100\n');
    expect(await run('qemu-img info b.img')).toContain('virtual size: 2 KiB (2048 bytes)\ndisk size: 1 MiB');
  });

  it('are copied, partitioned and cut', async () => {
    const { storage, run } = await shell();
    expect(
      await run('truncate -s 64M a.img; printf "2048,,83,*\\n" | sfdisk a.img > /dev/null; sfdisk -l a.img | tail -1'),
    ).toMatch(/^a\.img1 +\* +2048 131071 /);
    expect(
      await run(
        'qemu-img convert a.img b.img; qemu-img convert a.img /dev/vg0/c; cp a.img d.img; for each in b.img d.img /dev/vg0/c; do dd if=$each bs=512 count=1 status=none | md5sum; done | sort -u | wc -l',
      ),
    ).toBe('1\n');
    expect(
      await run('truncate -s 100 a.img; wc -c < a.img; ln -s b.img link; truncate -s 1M link; wc -c < b.img'),
    ).toBe('100\n1048576\n');
    expect(storage.files.map(({ path }) => path.slice(IMAGES.length))).toEqual(['/b.img', '/d.img']);
    expect(await run('truncate -c -s 1M none; ls')).toBe('a.img\nb.img\nd.img\nlink\n');
  });

  it.each([
    ['truncate a.img', "1: truncate: you must specify either '--size' or '--reference'\n"],
    ['truncate -s 1X a.img', "1: truncate: Invalid number: '1X'\n"],
    ['truncate -s 9999999G a.img', "1: truncate: Invalid number: '9999999G': Value too large for defined data type\n"],
    ['truncate -s 1G a.img', `1: truncate: cannot truncate 'a.img': Volume group "vg0" has insufficient free space`],
    ['truncate -s 1', '1: truncate: missing file operand\n'],
    [
      'truncate -s 1G /root/a.img',
      `1: truncate: cannot truncate '/root/a.img': Volume group "vg0" has insufficient free space`,
    ],
    ['dd if=/dev/zero of=a.img bs=1M count=1024', '1: dd: Volume group "vg0" has insufficient free space'],
    ['qemu-img create a.img 1G', '1: qemu-img: a.img: Volume group "vg0" has insufficient free space'],
  ])('%s is refused, and leaves nothing', async (line, said) => {
    const { storage, run } = await shell();
    expect(await run(line)).toContain(said);
    expect([await run('ls'), storage.volumes]).toEqual(['', []]);
  });

  it('are not written while a guest has them', async () => {
    const { storage, run } = await shell();
    await run('truncate -s 1M a.img; truncate -s 1M b.img');
    const { close } = storage.open(`${IMAGES}/a.img`, 'web', true);
    for (const line of [
      'truncate -s 2M a.img',
      'dd if=b.img of=a.img',
      'qemu-img convert b.img a.img',
      'qemu-img create a.img 1M',
      'cp b.img a.img',
      'echo x > a.img',
      'rm a.img',
      'printf "2048\\n" | sfdisk a.img',
    ])
      expect(await run(line), line).toMatch(/^[1-9]\d*: .*(web has|used by web|is currently in use)/s);
    close();
    expect(storage.files.map(({ bytes }) => bytes)).toEqual([MIB, MIB]);
  });
});
