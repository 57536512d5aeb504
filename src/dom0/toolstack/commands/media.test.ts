/** Files into guests and out of them: discs in drives, and transfer disks. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pvhKernel, waitForKey } from '../../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import { MemoryStore, Storage } from '../../host/storage/index.ts';
import { virshProgram } from '../../libvirt/virsh/index.ts';
import { callOf } from '../programs/index.ts';
import { COMMANDS, runXl } from './index.ts';

const demo = readFileSync(fileURLToPath(new URL('../../../../guests/demo/demo.elf', import.meta.url)));
const DEFINITIONS: Record<string, string> = {
  hvm: 'name = "x"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo"\ndisk = [ ",hdc:cdrom" ]\n',
  pvh: 'name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/k"\n',
};

async function make(kind: string, more = '', others: Record<string, Uint8Array> = {}) {
  const files = await testFiles();
  await files.writeFile('/boot/demo', demo);
  await files.writeFile('/boot/k', pvhKernel([...waitForKey()]));
  await files.writeFile('/root/stuff/one.txt', 'one');
  await files.writeFile('/root/stuff/two/three', 'three');
  for (const [path, bytes] of Object.entries(others)) await files.writeFile(path, bytes);
  await files.writeFile('/root/x.cfg', DEFINITIONS[kind] + more);
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: below => below >> 1,
    diskBytes: 20e9,
  });
  const host = testHost({
    files,
    storage: async () => storage,
    readsWhole: true,
    epochMs: () => 0,
    fetchBytes: async () => new Uint8Array(),
  });
  const around = {
    stdin: '',
    directory: '/root',
    signal: new AbortController().signal,
    readFile: (path: string) => files.readFileBuffer(files.resolvePath('/root', path)),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(files.resolvePath('/root', path), bytes),
  };
  const xl = (line: string): Promise<string> =>
    runXl(COMMANDS, callOf(host, line.split(' ').filter(Boolean), around)).catch(
      (error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`,
    );
  const virsh = async (line: string): Promise<string> => {
    const { stdout, stderr } = await virshProgram(host).run(line.split(' '), around);
    return stdout + stderr;
  };
  expect(await xl('create x.cfg')).toBe('Parsing config from x.cfg\n');
  const drives = () =>
    [...host.toolstack.members.values()][0]!.blueprint.drives?.map(({ vdev, medium }) => [vdev, medium?.name]);
  return { host, files, storage, xl, virsh, drives };
}

describe('a disc', () => {
  it('comes into a drive and out of it while the guest runs, and is there after a restart', async () => {
    const { host, files, xl, drives } = await make('hvm');
    expect(await xl('cd-insert x hdc files:stuff')).toBe('');
    expect(drives()).toEqual([['hdc', 'files:/root/stuff']]);
    expect(host.toolstack.services.client.read('/local/domain/0/backend/vbd/1/5632/params')).toBe(
      'aio:files:/root/stuff',
    );
    await files.writeFile(
      '/root/cd.iso',
      new Uint8Array(await (await host.files.readFile('files:/root/stuff/')).arrayBuffer()),
    );
    expect(await xl('cd-insert x hdc file:/root/cd.iso')).toBe('');
    expect(drives()).toEqual([['hdc', 'cd.iso']]);
    expect(await xl('trigger x reset')).toBe('');
    expect(drives()).toEqual([['hdc', 'cd.iso']]);
    await files.writeFile('/root/cd.iso.gz', new Uint8Array(gzipSync(await files.readFileBuffer('/root/cd.iso'))));
    expect([await xl('cd-insert x hdc cd.iso.gz'), drives()]).toEqual(['', [['hdc', 'cd.iso.gz']]]);
    expect(await xl('cd-eject x hdc')).toBe('');
    expect([drives(), await xl('block-list x')]).toEqual([[['hdc', undefined]], expect.stringContaining('5632')]);
    const [id] = host.toolstack.members.keys();
    expect(host.toolstack.services.client.read(`/local/domain/0/backend/vbd/${id}/5632/params`)).toBe('');
  });

  it('is a virtual CD for guests without emulated drives: another one comes and goes', async () => {
    const { xl, drives } = await make('pvh');
    expect(await xl('cd-eject x xvdc')).toBe('1: libxl_cdrom_insert: Domain 1:Virtual device not found');
    expect([await xl('cd-insert x xvdc files:stuff/ x.cfg'), drives()]).toEqual([
      '',
      [['xvdc', 'files:/root/stuff/:/root/x.cfg']],
    ]);
  });

  it("is refused in xl's words, and the drive is as it was", async () => {
    const { files, xl, drives } = await make('hvm');
    expect(await xl('cd-insert x hdd files:stuff')).toBe('1: libxl_cdrom_insert: Domain 1:Virtual device not found');
    expect(await xl('cd-insert x hdc nothing.iso')).toBe('1: Cannot stat file: nothing.iso');
    expect(await xl('cd-insert x hdc files:nothing')).toBe('1: /root/nothing: No such file or directory');
    expect(await xl('cd-insert x hdc files:stuff stuff')).toBe(
      '1: Two of the files would both be stuff/one.txt on the CD. Rename one, or put them into folders.',
    );
    expect(await xl('cd-insert x hdc x.cfg')).toContain('x.cfg is no CD image: there is no ISO 9660 volume in it');
    await files.writeFile('/root/cd.iso.lz4', Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0, 0, 0, 0));
    expect(await xl('cd-insert x hdc cd.iso.lz4')).toContain('cd.iso.lz4 is packed with lz4. Unpack it (unlz4');
    expect(await xl('block-attach x cd.iso.lz4,raw,xvdb,w')).toContain('cd.iso.lz4 is packed with lz4. Unpack it');
    expect(await xl('cd-insert x hdc /dev/vg0/none')).toContain('there is no such device');
    expect(await xl('cd-insert x nonsense files:stuff')).toBe('1: Unknown disk vdev: nonsense');
    expect(await xl('cd-insert x hdc')).toBe("2: 'xl cd-insert' requires at least 3 arguments.");
    expect(await xl('cd-eject y hdc')).toBe('1: y is an invalid domain identifier (rc=-6)');
    expect(drives()).toEqual([['hdc', undefined]]);
  });

  it('does not follow a link round in a circle', async () => {
    const { files, xl } = await make('hvm');
    await files.symlink('/root/stuff', '/root/stuff/two/again');
    expect(await xl('cd-insert x hdc files:stuff')).toContain('leads back to a folder that it lies in');
  });

  it("changes in virsh's spelling, too", async () => {
    const { virsh } = await make('hvm');
    expect(await virsh('change-media x hdc files:stuff --insert')).toBe('Successfully inserted media.\n');
    expect(await virsh('change-media x hdc files:stuff --insert')).toBe(
      "error: Failed to complete action insert on media\nerror: The disk device 'hdc' already has media\n",
    );
    expect(await virsh('change-media x hdc files:x.cfg')).toBe('Successfully updated media.\n');
    expect(await virsh('change-media x hdc --eject')).toBe('Successfully ejected media.\n');
    expect(await virsh('change-media x hdc --eject')).toContain("doesn't have media");
  });

  it('is made of the files that a definition names', async () => {
    const { drives } = await make('pvh', 'disk = [ "files:/root/stuff:/root/x.cfg,xvdb:cdrom" ]\n');
    expect(drives()).toEqual([['xvdb', 'files:/root/stuff:/root/x.cfg']]);
  });
});

describe('a floppy disk', () => {
  it('is changed while the guest runs, and is there after a restart (virsh(1), change-media)', async () => {
    const { files, virsh, xl, drives } = await make('hvm', 'fda = "/root/one.img"\n', {
      '/root/one.img': new Uint8Array(1_474_560),
      '/root/two.img': new Uint8Array(737_280),
    });
    const floppy = () => drives()?.find(([vdev]) => vdev === 'fda')?.[1];
    expect(floppy()).toBe('one.img');
    expect(await virsh('change-media x fda two.img')).toBe('Successfully updated media.\n');
    expect(floppy()).toBe('two.img');
    expect(await virsh('change-media x fda two.img --insert')).toContain("The disk device 'fda' already has media");
    expect([await virsh('change-media x fda --eject'), floppy()]).toEqual(['Successfully ejected media.\n', undefined]);
    expect([await xl('cd-insert x fda one.img'), floppy()]).toEqual(['', 'one.img']);
    expect([await xl('trigger x reset'), floppy()]).toEqual(['', 'one.img']);
    // What is none of a floppy disk's sizes stays out, and so does what has no drive.
    await files.writeFile('/root/odd.img', new Uint8Array(3 * 2 ** 20));
    expect(await xl('cd-insert x fda odd.img')).toContain('odd.img has 3145728 bytes, and a floppy disk has');
    expect(await xl('cd-insert x fdb one.img')).toContain('Virtual device not found');
    expect(floppy()).toBe('one.img');
  });
});

describe('a transfer disk', () => {
  it('is a volume with FAT, which stays when it is taken away, and is read by Domain 0', async () => {
    const { xl, storage, host } = await make('pvh', 'disk = [ "transfer:8M,xvdz,w" ]\n');
    expect(storage.volumes.map(({ name, bytes }) => [name, bytes])).toEqual([['transfer-x', 8 * 2 ** 20]]);
    expect([await xl('transfer ls x'), await xl('transfer ls x /none')]).toEqual([
      '',
      '1: /none: No such file or directory',
    ]);
    expect(await xl('block-detach --force x xvdz')).toBe('');
    expect(await xl('block-attach x transfer:16M,xvdy,w')).toContain(
      'the transfer disk of x is there, and has 8 MiB. Write transfer:8M, or remove it',
    );
    expect([await xl('transfer ls x'), await xl('block-attach x transfer:8M,xvdy,w')]).toEqual(['', '']);
    expect(storage.volumes).toHaveLength(1);
    expect(await xl('block-attach x transfer:,xvdx,w')).toContain(
      'Device /dev/vg0/transfer-x is mounted read-write in x',
    );
    await host.toolstack.remove(host.domains.member(1));
    expect(await xl('transfer ls x')).toBe('');
  });

  it('that is none is told', async () => {
    const { xl, storage } = await make('pvh');
    expect(await xl('transfer ls x')).toContain('x has no transfer disk. Give it one');
    expect(await xl('block-attach x transfer:1M,xvdz,w')).toContain('a transfer disk has 4M to 64G');
    await xl('block-attach x transfer:8M,xvdz,w');
    storage.medium('/dev/vg0/transfer-x').write(2 ** 20, new Uint8Array(512).fill(0x41));
    expect(await xl('transfer ls x')).toMatch(
      /The transfer disk of x cannot be read\. There is no FAT file system .* Run sync in x/,
    );
  });
});
