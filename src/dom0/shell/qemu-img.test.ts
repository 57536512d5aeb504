import { describe, expect, it, vi } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';
import type { KeptFiles } from '../host/files/kept-files.ts';
import { openHostState } from '../host/state/state.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { Volume } from '../host/storage/volume.ts';
import { qemuImgProgram } from './qemu-img.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';

const MIB = 2 ** 20;

const parts = { epochMs: () => 0, random: (below: number) => below >>> 1, diskBytes: 128 * MIB };

async function make(store = new MemoryStore()) {
  const files = await testFiles(store);
  return over(files, await Storage.open({ store, ...parts }));
}

/** The same with images on the host's disk. */
async function makeWithImages(store: MemoryStore) {
  const state = await openHostState(store, { ...parts, later: () => () => {} });
  return { ...over(await state.files(), state.storage), close: () => state.close() };
}

function over(files: KeptFiles, storage: Storage) {
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
  it('compares images, in whichever format, and leads from what is not here (qemu-img 7.2)', async () => {
    const { files, qemuImg } = await make();
    const a = new Uint8Array(3 * MIB).fill(7, 0, MIB);
    await files.writeFile('/root/a.img', a);
    await files.writeFile('/root/b.img', a.slice(0, 2 * MIB));
    await files.writeFile('/root/c.img', a.slice().fill(1, 2.5 * MIB + 700, 2.5 * MIB + 701));
    await files.writeFile('/root/d.img', a.slice().fill(1, 0, 1));
    expect(await qemuImg('compare a.img a.img')).toBe('Images are identical.\n');
    expect(await qemuImg('compare a.img b.img')).toBe('Warning: Image size mismatch!\nImages are identical.\n');
    expect(await qemuImg('compare -s a.img b.img')).toMatch(/^1: /);
    expect(await qemuImg('compare a.img c.img')).toMatch(/^1: /);
    expect(await qemuImg('compare a.img no.img')).toMatch(/^2: qemu-img: Could not open 'no.img'/);
    expect(await qemuImg('compare a.img')).toMatch(/^2: qemu-img: Expecting two image file names/);
    expect(await qemuImg('convert -O qcow2 a.img /var/lib/xen/images/a.qcow2')).toBe('');
    expect(await qemuImg('compare a.img /var/lib/xen/images/a.qcow2')).toBe('Images are identical.\n');
    for (const name of ['snapshot -l a.img', 'commit a.img', 'rebase -b b.img a.img'])
      expect(await qemuImg(name)).toMatch(/^1: qemu-img: \w+ is not here\. \S.*(?:snapshot|convert)/);
  });

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
    expect(await qemuImg('resize q.img 2M')).toMatch(/^1: .*written below \/var\/lib\/xen\/images/);
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
    await host.disk.openDevices();
  });

  it('makes qcow2 images that are written in place, also on others, which stay as they are', async () => {
    const store = new MemoryStore();
    const first = await makeWithImages(store);
    const at = '/var/lib/xen/images';
    await first.files.writeFile(`${at}/base.img`, new Uint8Array(2 * MIB).fill(1));
    expect(await first.qemuImg(`create -f qcow2 ${at}/empty.qcow2 8M`)).toBe(
      `Formatting '${at}/empty.qcow2', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib size=8388608 lazy_refcounts=off refcount_bits=16\n`,
    );
    expect(await first.qemuImg(`create -f qcow2 -b ${at}/base.img ${at}/one.qcow2`)).toMatch(
      /^1: .*Backing file specified without backing format\nDetected format of raw\.\n$/,
    );
    expect(await first.qemuImg(`create -f qcow2 -b ${at}/base.img -F raw ${at}/one.qcow2 4M`)).toMatch(/^Formatting/);
    expect(await first.qemuImg(`create -f qcow2 -b ${at}/one.qcow2 -F qcow2 ${at}/two.qcow2`)).toMatch(/^Formatting/);
    const guest = first.storage.open(`${at}/two.qcow2`, 'web', true);
    guest.medium.write(MIB, new Uint8Array(1024).fill(2));
    guest.medium.write(3 * MIB, new Uint8Array(1024).fill(3));
    // What it lies on is nobody's to write, and what is written is nobody else's.
    for (const name of ['one.qcow2', 'base.img'])
      expect(() => first.storage.open(`${at}/${name}`, 'other', true)).toThrow(/mounted read-only in web/);
    expect(await first.qemuImg(`resize ${at}/two.qcow2 5M`)).toMatch(/web has it open/);
    guest.close();
    expect(() => first.storage.open(`${at}/base.img`, 'other', true)).toThrow(/lies under the overlay/);
    await first.files.cp(`${at}/two.qcow2`, `${at}/copy.qcow2`);
    await first.files.mv(`${at}/two.qcow2`, `${at}/moved.qcow2`);
    await first.close();
    const { files, storage, qemuImg } = await makeWithImages(store);
    expect(await qemuImg(`info ${at}/moved.qcow2`)).toMatch(
      /file format: qcow2\nvirtual size: 4 MiB .*\ndisk size: .*\ncluster_size: 65536\nbacking file: .*one\.qcow2\nbacking file format: qcow2\n/,
    );
    for (const name of ['moved', 'copy']) {
      expect(await qemuImg(`check ${at}/${name}.qcow2`)).toMatch(/^No errors were found/);
      const read = (byte: number): number => {
        const into = new Uint8Array(1);
        storage.medium(`${at}/${name}.qcow2`).read(byte, into);
        return into[0];
      };
      expect([0, MIB, MIB + 1024, 2 * MIB, 3 * MIB, 4 * MIB - 1].map(read)).toEqual([1, 2, 1, 0, 3, 0]);
    }
    expect(await qemuImg(`resize ${at}/moved.qcow2 +1M`)).toBe('Image resized.\n');
    expect(storage.medium(`${at}/moved.qcow2`).bytes).toBe(5 * MIB);
    expect(await qemuImg(`convert -O qcow2 ${at}/moved.qcow2 ${at}/whole.qcow2`)).toBe('');
    expect(await qemuImg(`info ${at}/whole.qcow2`)).not.toContain('backing');
    expect(await qemuImg(`convert ${at}/whole.qcow2 ${at}/raw.img`)).toBe('');
    const raw = await files.readFileBuffer(`${at}/raw.img`);
    expect([raw.length, raw[MIB], raw[3 * MIB], raw[3 * MIB + 1024]]).toEqual([5 * MIB, 2, 3, 0]);
    await files.rm(`${at}/one.qcow2`);
    expect(await qemuImg(`convert ${at}/copy.qcow2 ${at}/raw.img`)).toMatch(/which is not there\. Put that file back/);
  });

  it.each([
    ['info no.img', "qemu-img: Could not open 'no.img': Could not open 'no.img': No such file or directory"],
    ['create a.img', 'qemu-img: a.img: Image creation needs a size parameter'],
    ['create a.img lots', 'qemu-img: Invalid image size specified.'],
    ['create a.img 1T', 'qemu-img: a.img: EFBIG: a file of Domain 0 has at most 60 MiB'],
    ['create -f qcow2 a.img 1M', 'qemu-img: a.img: qcow2 images are written below /var/lib/xen/images'],
    ['create -f qcow2 -b b.img -F raw a.img', "qemu-img: Could not open 'b.img'"],
    ['create -f vmdk a.img 1M', "qemu-img: a.img: Unknown file format 'vmdk'"],
    ['convert -O vmdk a b', "qemu-img: b: Unknown file format 'vmdk'"],
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
        read: path => host.files.readFile(path),
        write: async () => {},
      });
    expect(await virsh('undefine a --remove-all-storage')).toBe("Domain 'a' has been undefined\n\n");
    expect(storage.volumes.map(({ name }) => name)).toEqual(['two']);
    expect(await xm('delete --storage b')).toBe('/dev/vg0/two is removed.\n');
    expect(storage.volumes).toEqual([]);
  });
});
