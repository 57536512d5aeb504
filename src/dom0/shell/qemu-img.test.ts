import { describe, expect, it, vi } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { Volume } from '../host/storage/volume.ts';
import { qemuImgProgram } from './qemu-img.ts';
import { virshProgram } from './virsh.ts';

const MIB = 2 ** 20;

async function make(store = new MemoryStore()) {
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: below => below >>> 1, diskBytes: 128 * MIB });
  const host = testHost({ files, storage: async () => storage, readsWhole: true });
  const abort = new AbortController();
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: abort.signal,
  };
  const said =
    (program: ReturnType<typeof qemuImgProgram>) =>
    async (line: string): Promise<string> => {
      const { stdout, stderr, status } = await program.run(line.split(' '), around);
      return status === 0 ? stdout : `${status}: ${stderr}`;
    };
  return {
    files,
    storage,
    host,
    interrupt: () => abort.abort(),
    qemuImg: said(qemuImgProgram(host)),
    virsh: said(virshProgram(host)),
  };
}

describe('qemu-img', () => {
  it('resizes raw images, and makes them smaller only when told so (qemu-img 7.2)', async () => {
    const { files, storage, qemuImg } = await make();
    await files.writeFile('/root/a.img', new Uint8Array(MIB).fill(9));
    expect(await qemuImg('resize a.img +512K')).toBe('Image resized.\n');
    expect((await files.readFileBuffer('/root/a.img')).length).toBe(1.5 * MIB);
    expect(await qemuImg('resize a.img 1M')).toMatch(
      /^1: qemu-img: Use the --shrink option to perform a shrink operation\./,
    );
    expect(await qemuImg('resize --shrink a.img -1M')).toBe('Image resized.\n');
    expect(await files.readFileBuffer('/root/a.img')).toEqual(new Uint8Array(MIB / 2).fill(9));
    expect(await qemuImg('resize --shrink a.img -1M')).toBe('1: qemu-img: New image size must be positive\n');
    storage.createVolume('v', MIB);
    expect(await qemuImg('resize /dev/vg0/v 2M')).toMatch(/lvextend/);
    await files.writeFile('/root/q.img', Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3));
    expect(await qemuImg('resize q.img 2M')).toMatch(/^1: .*not written/);
  });

  it('makes, tells of and copies raw images', async () => {
    const { files, storage, qemuImg } = await make();
    expect(await qemuImg('create a.img 1.5M')).toBe("Formatting 'a.img', fmt=raw size=1572864\n");
    await files.writeFile('/root/a.img', new Uint8Array(3 * 512).fill(9));
    expect(await qemuImg('info a.img')).toBe(
      'image: a.img\nfile format: raw\nvirtual size: 1.5 KiB (1536 bytes)\ndisk size: 1.5 KiB\n',
    );
    expect(await qemuImg('convert -O raw a.img /dev/vg0/new')).toBe('');
    expect(await qemuImg('info /dev/vg0/new')).toBe(
      'image: /dev/vg0/new\nfile format: raw\nvirtual size: 4 MiB (4194304 bytes)\ndisk size: 1 MiB\n',
    );
    expect(await qemuImg('convert /dev/vg0/new b.img')).toBe('');
    const copy = await files.readFileBuffer('/root/b.img');
    expect([copy.length, copy[1535], copy[1536]]).toEqual([4 * MIB, 9, 0]);
    storage.open('vg0/new', 'web', true);
    expect(await qemuImg('convert a.img /dev/vg0/new')).toMatch(
      /^1: qemu-img: Device \/dev\/vg0\/new is mounted read-write in web/,
    );
  });

  it('refuses to copy a device over itself, or over a part of itself, and leaves no volume where a copy fails', async () => {
    const { files, storage, qemuImg } = await make();
    storage.createVolume('a-b', 4 * MIB);
    storage.medium('vg0/a-b').write(0, new Uint8Array(512).fill(7));
    for (const from of ['/dev/vg0/a-b', '/dev/mapper/vg0-a--b', '/dev/sda', '/dev/sda4'])
      for (const to of ['/dev/vg0/a-b', '/dev/mapper/vg0-a--b'])
        expect(await qemuImg(`convert ${from} ${to}`)).toBe(
          `1: qemu-img: ${to}: the image lies there itself. Take another volume.\n`,
        );
    expect(await qemuImg('convert /dev/sda /dev/vg0/new')).toMatch(/the image lies there itself/);
    const first = new Uint8Array(1);
    storage.medium('vg0/a-b').read(0, first);
    expect(first[0]).toBe(7);
    await files.writeFile('/root/a.img', new Uint8Array(MIB));
    const read = vi.spyOn(Volume.prototype, 'read').mockImplementation(() => {
      throw new Error('bad sector');
    });
    expect(await qemuImg('convert a.img /dev/vg0/new')).toMatch(/^1: .*bad sector/);
    expect(await qemuImg('convert /dev/vg0/a-b /dev/vg0/new')).toMatch(/^1: .*bad sector/);
    read.mockRestore();
    expect(storage.volumes).toMatchObject([{ name: 'a-b', open: false }]);
    expect(await qemuImg('convert /dev/vg0/a-b /dev/vg0/new')).toBe('');
  });

  it('ends a copy that nobody waits for any more', async () => {
    const { files, storage, qemuImg, interrupt } = await make();
    await files.writeFile('/root/a.img', new Uint8Array(MIB));
    const copied = qemuImg('convert a.img /dev/vg0/new');
    interrupt();
    expect(await copied).toMatch(/interrupted after/);
    expect(storage.volumes).toEqual([]);
  });

  it('makes overlays of images, which outlive the host, and are refused once the image was changed', async () => {
    const store = new MemoryStore();
    const first = await make(store);
    await first.files.writeFile('/var/lib/xen/images/base.img', new Uint8Array(2 * MIB).fill(1));
    expect(await first.qemuImg('create -f qcow2 -b /var/lib/xen/images/base.img -F raw /dev/vg0/web')).toBe(
      "Formatting '/dev/vg0/web', fmt=overlay size=2097152 backing_file=/var/lib/xen/images/base.img\n",
    );
    first.storage.medium('vg0/web').write(MIB, new Uint8Array(512).fill(2));
    first.storage.close();
    const { files, storage, host, qemuImg } = await make(store);
    expect(await qemuImg('create -f qcow2 -b /var/lib/xen/images/base.img -F qcow2 /dev/vg0/x')).toMatch(
      /base\.img is a raw image\. Write -F raw\./,
    );
    expect(await qemuImg('create -f raw -b /var/lib/xen/images/base.img /dev/vg0/x')).toMatch(
      /Backing file not supported for file format 'raw'/,
    );
    expect(await qemuImg('create -f qcow2 -b /var/lib/xen/images/base.img /dev/vg0/x 4M')).toMatch(
      /has the image's size, and .* has 2097152 bytes\. Leave 4M out\./,
    );
    expect(await qemuImg('create -f qcow2 -b /var/lib/xen/images/base.img /dev/vg0/x 2M')).toMatch(/^Formatting/);
    storage.removeVolume('x');
    expect(await qemuImg('info /dev/vg0/web')).toBe(
      'image: /dev/vg0/web\nfile format: overlay\nvirtual size: 2 MiB (2097152 bytes)\ndisk size: 4 KiB\nbacking file: /var/lib/xen/images/base.img\n',
    );
    expect(await qemuImg('info /dev/mapper/vg0-web')).toMatch(/^image: \/dev\/mapper\/vg0-web\nfile format: overlay\n/);
    const two = new Uint8Array(513);
    storage.medium('vg0/web').read(MIB, two);
    expect(two).toEqual(Uint8Array.of(...new Uint8Array(512).fill(2), 1));
    // One byte in the middle of it.
    const changed = new Uint8Array(2 * MIB).fill(1);
    changed[1_234_567] = 0;
    await new Promise(resolve => setTimeout(resolve, 5));
    await files.writeFile('/var/lib/xen/images/base.img', changed);
    expect(await qemuImg('info /dev/vg0/web')).toMatch(
      /^1: qemu-img: \/var\/lib\/xen\/images\/base.img was changed since the overlay \/dev\/vg0\/web was made of it/,
    );
    await files.rm('/var/lib/xen/images/base.img');
    expect(await qemuImg('info /dev/vg0/web')).toMatch(/which is not there. Put that file back/);
    await host.openDevices();
  });

  it.each([
    ['info no.img', "qemu-img: Could not open 'no.img': Could not open 'no.img': No such file or directory"],
    ['create a.img', 'qemu-img: a.img: Image creation needs a size parameter'],
    ['create a.img lots', 'qemu-img: Invalid image size specified.'],
    ['create a.img 1T', 'qemu-img: a.img: EFBIG: a file of Domain 0 has at most 60 MiB'],
    ['create -f qcow2 a.img 1M', 'qemu-img: a.img: images of format qcow2 are read here, and not written.'],
    ['create -f qcow2 -b b.img a.img', 'qemu-img: a.img: what is written to another image is kept on a volume'],
    ['convert -O vmdk a b', 'qemu-img: b: images of format vmdk are read here, and not written.'],
    ['frob', 'qemu-img: Command not found: frob'],
  ])('%s is refused', async (line, sentence) => {
    expect(await (await make()).qemuImg(line)).toContain(`1: ${sentence}`);
  });
});

describe('a domain that is deleted with its storage', () => {
  it('takes its volumes with it, unless another has them', async () => {
    const { files, storage, host, virsh } = await make();
    for (const name of ['one', 'two']) storage.createVolume(name, MIB);
    const text = (name: string, ...volumes: string[]): string =>
      `name = "${name}"\ntype = "pvh"\nkernel = "/k"\ndisk = [ ${volumes.map((volume, i) => `'phy:/dev/vg0/${volume},xvd${'ab'[i]},w'`).join(', ')} ]\n`;
    await files.writeFile('/etc/xen/vm/a', text('a', 'one', 'two'));
    await files.writeFile('/etc/xen/vm/b', text('b', 'two'));
    const xm = (line: string): Promise<string> =>
      runXl(COMMANDS, {
        host,
        program: 'xm',
        words: line.split(' '),
        read: path => host.readFile(path),
        write: async () => {},
      });
    expect(await virsh('undefine a --remove-all-storage')).toBe("Domain 'a' has been undefined\n\n");
    expect(storage.volumes.map(({ name }) => name)).toEqual(['two']);
    expect(await xm('delete --storage b')).toBe('/dev/vg0/two is removed.\n');
    expect(storage.volumes).toEqual([]);
  });
});
