/**
 * blkid, less, systemctl and mount in Domain 0's shell. The tags are those that Debian 12's blkid (util-linux 2.38) prints for images of mke2fs, mkfs.vfat, mkswap,
 * sfdisk and genisoimage with the same fields; its statuses are those.
 */
import { describe, expect, it } from 'vitest';
import { formatFatDisk, readPartitions } from '../../formats/file-systems/index.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { blkidProgram } from './blkid.ts';
import { pagers } from './pager.ts';
import { typedTerminal } from '../toolstack/terminal/terminal.test-support.ts';
import type { Program, Surroundings } from '../toolstack/programs/index.ts';
import { servicePrograms } from './services.ts';

const MIB = 2 ** 20;
const text = (bytes: Uint8Array, at: number, written: string): void => bytes.set(new TextEncoder().encode(written), at);

/** The superblock of an ext4 called `root`, of blocks of 4096 bytes. */
function ext4(): Uint8Array {
  const bytes = new Uint8Array(MIB);
  const view = new DataView(bytes.buffer, 1024);
  view.setUint32(0x18, 2, true);
  view.setUint16(0x38, 0xef53, true);
  view.setUint32(0x5c, 0x4, true);
  view.setUint32(0x60, 0x2 | 0x40, true);
  for (let i = 0; i < 16; i++) view.setUint8(0x68 + i, i);
  text(bytes, 1024 + 0x78, 'root');
  return bytes;
}
function swap(): Uint8Array {
  const bytes = new Uint8Array(MIB);
  text(bytes, 4086, 'SWAPSPACE2');
  bytes.fill(0xab, 1036, 1052);
  return bytes;
}
function gpt(): Uint8Array {
  const bytes = new Uint8Array(MIB);
  bytes.set([0, 0, 2, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 0xff, 7], 446);
  bytes.set([0x55, 0xaa], 510);
  text(bytes, 512, 'EFI PART');
  for (let i = 0; i < 16; i++) bytes[512 + 56 + i] = i;
  return bytes;
}

async function make() {
  const files = await testFiles();
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: below => below >>> 1,
    diskBytes: 256 * MIB,
  });
  const fat = new MemoryDisk(new Uint8Array(4 * MIB));
  formatFatDisk(fat, 'XFER', 0x1234abcd);
  const [{ firstSector }] = readPartitions(fat);
  for (const [name, bytes] of Object.entries({
    ext4: ext4(),
    disk: fat.data,
    fat: fat.data.slice(firstSector * 512),
    swap: swap(),
    gpt: gpt(),
    none: new Uint8Array(MIB),
  }))
    await files.writeFile(`/root/${name}.img`, bytes);
  await files.writeFile('/root/long', Array.from({ length: 30 }, (_, i) => `line ${i + 1}\n`).join(''));
  const host = testHost({ files, storage: async () => storage });
  const around = {
    stdin: '',
    directory: '/root',
    signal: new AbortController().signal,
    readFile: (path: string) =>
      files
        .readFileBuffer(path.startsWith('/') ? path : `/root/${path}`)
        .catch(() => Promise.reject(new Error(`${path}: No such file or directory`))),
  } as unknown as Surroundings;
  const programs = [blkidProgram(host), ...pagers(), ...servicePrograms(host)];
  const program = (name: string): Program => programs.find(each => each.name === name)!;
  const said = async (line: string): Promise<[status: number, text: string]> => {
    const [name = '', ...words] = line.split(' ');
    const { status, stdout, stderr } = await program(name).run(words, around);
    return [status, stdout + stderr];
  };
  return { storage, around, program, said };
}

it('blkid tells what is in an image and on the disk', async () => {
  const { said, storage } = await make();
  storage.createVolume('empty', 4 * MIB);
  const EXT = 'LABEL="root" UUID="00010203-0405-0607-0809-0a0b0c0d0e0f" BLOCK_SIZE="4096" TYPE="ext4"';
  expect(await said('blkid ext4.img')).toEqual([0, `ext4.img: ${EXT}\n`]);
  expect(await said('blkid -o value -s TYPE ext4.img')).toEqual([0, 'ext4\n']);
  expect(await said('blkid -s TYPE --output=export ext4.img swap.img')).toEqual([
    0,
    'DEVNAME=ext4.img\nTYPE=ext4\n\nDEVNAME=swap.img\nTYPE=swap\n',
  ]);
  expect(await said('blkid swap.img')).toEqual([
    0,
    'swap.img: UUID="abababab-abab-abab-abab-abababababab" TYPE="swap"\n',
  ]);
  expect(await said('blkid disk.img')).toEqual([0, 'disk.img: PTUUID="1234abcd" PTTYPE="dos"\n']);
  // As mkfs.vfat's with the same name and number.
  expect(await said('blkid fat.img')).toEqual([
    0,
    'fat.img: SEC_TYPE="msdos" LABEL_FATBOOT="XFER" LABEL="XFER" UUID="1234-ABCD" BLOCK_SIZE="512" TYPE="vfat"\n',
  ]);
  expect(await said('blkid gpt.img')).toEqual([
    0,
    'gpt.img: PTUUID="03020100-0504-0706-0809-0a0b0c0d0e0f" PTTYPE="gpt"\n',
  ]);
  expect(await said('blkid none.img nobody')).toEqual([2, '']);
  expect(await said('blkid -x')).toEqual([
    1,
    "blkid: invalid option -- 'x'\nTry 'blkid --help' for more information.\n",
  ]);
  expect(await said('blkid /dev/sda')).toEqual([
    0,
    expect.stringMatching(/^\/dev\/sda: PTUUID="[0-9a-f]{8}" PTTYPE="dos"\n$/),
  ]);
  const [, all] = await said('blkid');
  expect(all).toMatch(/^\/dev\/sda4: UUID="\w{6}(?:-\w{4}){5}-\w{6}" TYPE="LVM2_member" PARTUUID="[0-9a-f]{8}-04"$/m);
  expect(all).not.toContain('empty');
});

describe('less', () => {
  it('is cat without a terminal, and says what is not there', async () => {
    const { said, program, around } = await make();
    const [, long] = await said('less long');
    expect(long.split('\n').length).toBe(31);
    expect(await said('more none')).toEqual([1, 'more: cannot open none: No such file or directory\n']);
    expect(await said('less')).toEqual([1, 'Missing filename ("less --help" for help)\n']);
    expect((await program('less').run([], { ...around, stdin: 'piped\n' })).stdout).toBe('piped\n');
  });

  it('turns pages at a terminal, searches and is left by q', async () => {
    const { program, around } = await make();
    const { owned: terminal, type, shown } = typedTerminal(20, 6);
    const over = program('less').own!(['long'])!(terminal, around);
    await new Promise(resolve => setTimeout(resolve));
    /** The rows that a key leaves, without control sequences. */
    const press = (typed: string): string[] => {
      shown();
      type(typed);
      return shown()
        .replace(/\x1b\[[0-9?]*[a-zA-Z]/g, '')
        .split('\r\n');
    };
    expect(press(' ')).toEqual([6, 7, 8, 9, 10].map(i => `line ${i}`).concat(':'));
    expect(press('b')[0]).toBe('line 1');
    expect(press('j\x1b[B')[0]).toBe('line 3');
    expect(press('/2.')).toEqual(expect.arrayContaining(['line 3', '/2.']));
    expect(press('\r')[0]).toBe('line 20');
    expect(press('n')[0]).toBe('line 21');
    expect(press('G')).toEqual(expect.arrayContaining(['line 30', '(END)']));
    expect(press('/none\r').at(-1)).toBe('Pattern not found  (press RETURN)');
    press('q');
    expect(await over).toBe(0);
  });
});

it('systemctl, mount and ss say what Domain 0 has, and what it has not', async () => {
  const { said } = await make();
  expect(await said('systemctl is-active xenstored')).toEqual([0, 'active\n']);
  expect(await said('systemctl is-active xenconsoled.service libvirtd')).toEqual([0, 'active\ninactive\n']);
  expect(await said('systemctl is-active libvirtd')).toEqual([3, 'inactive\n']);
  expect(await said('systemctl status xenstored')).toEqual([
    0,
    expect.stringMatching(
      /^● xenstored\.service - The Xen xenstore\n {5}Loaded: .*\n {5}Active: active \(running\) since \d{4}-/,
    ),
  ]);
  expect(await said('systemctl status libvirtd')).toEqual([
    4,
    'Unit libvirtd.service could not be found. virsh acts on the toolstack itself, and needs no libvirtd.\n',
  ]);
  expect(await said('systemctl restart xenstored')).toEqual([1, expect.stringMatching(/^Failed to restart xenstored/)]);
  expect(await said('systemctl start nginx')).toEqual([
    5,
    'Failed to start nginx.service: Unit nginx.service not found.\n',
  ]);
  expect(await said('systemctl frob')).toEqual([1, 'Unknown command verb frob.\n']);
  expect(await said('mount')).toEqual([
    0,
    expect.stringMatching(/\n\/dev\/vg0 on \/var\/lib\/xen\/images type volumes /),
  ]);
  expect(await said('mount -o loop a.img /mnt')).toEqual([32, expect.stringMatching(/^mount: \/mnt: /)]);
  expect(await said('ss -lnt')).toEqual([1, expect.stringMatching(/^ss: Domain 0 listens on no port/)]);
});
