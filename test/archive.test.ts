import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHARACTER_DEVICE, FILE, FOLDER, LINK, PROGRAM, writeCpio } from '../src/formats/file-systems/cpio.ts';
import { pickFiles, readDeb } from '../scripts/archive/deb.ts';
import { debianSystem } from '../scripts/archive/debian-system.ts';
import { APPLETS, buildInitramfs } from '../scripts/archive/initramfs.ts';
import { moduleDependencies } from '../scripts/archive/modules.ts';
import { localSource, withDependencies } from '../scripts/archive/local-source.ts';
import { Archive, PackageCache, sha256, Unavailable } from '../scripts/archive/source.ts';
import { readTar } from '../scripts/archive/tar.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** A ustar header and its data, as POSIX lays them out. */
function tarEntry(path: string, data: Uint8Array, type = '0', target = ''): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(target, 157);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 511)]);
}

const tar = (...entries: Buffer[]) => Buffer.concat([...entries, Buffer.alloc(1024)]);

function ar(members: { [name: string]: Uint8Array }): Buffer {
  const parts = [Buffer.from('!<arch>\n')];
  for (const [name, data] of Object.entries(members)) {
    parts.push(
      Buffer.from(
        `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`,
      ),
    );
    parts.push(Buffer.from(data), Buffer.alloc(data.length & 1, 10));
  }
  return Buffer.concat(parts);
}

const deb = (...entries: Buffer[]) =>
  ar({ 'debian-binary': bytes('2.0\n'), 'control.tar.gz': gzipSync(tar()), 'data.tar.gz': gzipSync(tar(...entries)) });

describe('Debian packages', () => {
  it('give their files, with short, GNU long and pax paths', async () => {
    const long = `./usr/${'deep/'.repeat(30)}file`;
    const pax = `path=./usr/${'pax/'.repeat(40)}file\n`;
    const record = `${pax.length + 4} ${pax}`;
    const made = deb(
      tarEntry('./boot/vmlinuz-6', bytes('kernel')),
      tarEntry('././@LongLink', bytes(`${long}\0`), 'L'),
      tarEntry(long.slice(0, 99), bytes('long')),
      tarEntry('./PaxHeaders/file', bytes(record), 'x'),
      tarEntry('short', bytes('pax')),
    );
    const files = (await readDeb(made)).map(({ path, data }) => [path, new TextDecoder().decode(data)]);
    expect(files).toEqual([
      ['boot/vmlinuz-6', 'kernel'],
      [long.slice(2), 'long'],
      [`usr/${'pax/'.repeat(40)}file`, 'pax'],
    ]);
    await expect(pickFiles(made, ['boot/vmlinuz-6', 'boot/initrd'])).rejects.toThrow('the package has no boot/initrd');
  });

  it('are refused when damaged', async () => {
    const archive = tar(tarEntry('a', bytes('text')));
    archive[0] ^= 1;
    await expect(readTar(archive)).rejects.toThrow('damaged tar archive: Invalid tar header checksum');
    await expect(readTar(tar(tarEntry('a', new Uint8Array(2000))).subarray(0, 1024))).rejects.toThrow('truncated');
    await expect(readDeb(bytes('<html>'))).rejects.toThrow('not an ar archive');
    const whole = deb(tarEntry('a', bytes('text')));
    await expect(readDeb(whole.subarray(0, whole.length - 20))).rejects.toThrow('truncated ar archive');
    const packed = ar({ 'debian-binary': bytes('2.0\n'), 'data.tar.zst': bytes('') });
    await expect(readDeb(packed)).rejects.toThrow('not Debian 12');
  });
});

describe('an initramfs', () => {
  it('is laid out as the kernel reads it', () => {
    const archive = writeCpio([
      { path: 'dev', mode: FOLDER },
      { path: 'dev/console', mode: CHARACTER_DEVICE, major: 5, minor: 1 },
      { path: 'bin', mode: FOLDER },
      { path: 'bin/sh', mode: LINK, data: bytes('busybox') },
      { path: 'init', mode: PROGRAM, data: bytes('#!') },
      { path: 'note', mode: FILE, data: bytes('12345') },
    ]);
    // buffer-format.rst: every header is 110 characters, names and data are padded to 4 bytes.
    const text = new TextDecoder('latin1').decode(archive);
    const seen = [];
    for (let at = 0; ; ) {
      const field = (n: number) => Number.parseInt(text.slice(at + 6 + n * 8, at + 14 + n * 8), 16);
      expect(text.slice(at, at + 6)).toBe('070701');
      expect(at % 4).toBe(0);
      const nameEnd = at + 110 + field(11);
      const path = text.slice(at + 110, nameEnd - 1);
      if (path === 'TRAILER!!!') break;
      const start = (nameEnd + 3) & ~3;
      seen.push([path, field(1).toString(8), field(9), field(10), text.slice(start, start + field(6))]);
      at = (start + field(6) + 3) & ~3;
    }
    expect(seen).toEqual([
      ['dev', '40755', 0, 0, ''],
      ['dev/console', '20600', 5, 1, ''],
      ['bin', '40755', 0, 0, ''],
      ['bin/sh', '120777', 0, 0, 'busybox'],
      ['init', '100755', 0, 0, '#!'],
      ['note', '100644', 0, 0, '12345'],
    ]);
  });

  it('is the same each time, and has every applet once', () => {
    const make = () => buildInitramfs({ busybox: bytes('ELF'), hostname: 'test' });
    expect(Buffer.compare(make(), make())).toBe(0);
    expect(new Set(APPLETS).size).toBe(APPLETS.length);
  });

  it('lists modules after what they depend on', () => {
    // virtio_blk here depends on virtio_pci's file, which is named with a dash.
    const modules = new Map([
      ['lib/virtio_blk.ko', module('depends=virtio-pci\0license=GPL\0')],
      ['lib/virtio-pci.ko', module('license=GPL\0depends=\0')],
      ['lib/unwanted.ko', module('depends=\0')],
    ]);
    const text = gunzipSync(buildInitramfs({ busybox: bytes('ELF'), hostname: 'test', modules })).toString('latin1');
    expect(text).toContain('virtio_pci virtio-pci.ko\nvirtio_blk virtio-pci.ko\nvirtio_blk virtio_blk.ko\n');
    expect(text).not.toContain('unwanted');
    expect(moduleDependencies(module('depends=a,b-c\0'))).toEqual(['a', 'b-c']);
    expect(moduleDependencies(module('depends=a,b-c\0', 64))).toEqual(['a', 'b-c']);
  });
});

/** An ELF file with a .modinfo section and nothing else. */
function module(info: string, bits: 32 | 64 = 32): Uint8Array {
  const names = '\0.modinfo\0.shstrtab\0';
  const [header, entry, sections, words, offsetAt, sizeAt] =
    bits === 32 ? [52, 40, 32, 46, 16, 20] : [64, 64, 40, 58, 24, 32];
  const end = header + 3 * entry;
  const file = Buffer.alloc(end + names.length + info.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1]);
  file.writeUInt32LE(header, sections);
  file.writeUInt16LE(entry, words);
  file.writeUInt16LE(3, words + 2);
  file.writeUInt16LE(2, words + 4);
  const section = (i: number, name: number, offset: number, size: number) => {
    file.writeUInt32LE(name, header + i * entry);
    file.writeUInt32LE(offset, header + i * entry + offsetAt);
    file.writeUInt32LE(size, header + i * entry + sizeAt);
  };
  section(1, 1, end + names.length, info.length);
  section(2, 10, end, names.length);
  file.write(names + info, end, 'latin1');
  return file;
}

describe('a Debian archive', () => {
  let folder: string;
  const pool = 'pool/main/b/box/box_1%3a2_i386.deb';
  const box = deb(tarEntry('./bin/box', bytes('box')));
  const packages = gzipSync(
    `Package: box\nVersion: 1:2\nArchitecture: i386\nDepends: base (>= 1)\nFilename: ${pool}\nSize: ${box.length}\nSHA256: ${sha256(box)}\nDescription: one\n two\n .\n\nPackage: other\nVersion: 1\n`,
  );
  const wide = gzipSync(`Package: box\nVersion: 3\nArchitecture: amd64\nFilename: ${pool}\nSHA256: ${sha256(box)}\n`);
  const put = (path: string, data: Uint8Array | string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), data);
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringside-archive-'));
    put(
      'dists/bookworm/Release',
      `Suite: oldstable\nMD5Sum:\n 00 1 main/x\nSHA256:\n ${sha256(packages)} ${packages.length} main/binary-i386/Packages.gz\n ${sha256(wide)} ${wide.length} main/binary-amd64/Packages.gz\n`,
    );
    put('dists/bookworm/main/binary-i386/Packages.gz', packages);
    put('dists/bookworm/main/binary-amd64/Packages.gz', wide);
    put(pool, box);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('in a folder gives packages that match their sums', async () => {
    const archive = new Archive(folder);
    await archive.open();
    const info = archive.find('box')!;
    expect(info).toMatchObject({ version: '1:2', depends: 'base (>= 1)', file: pool });
    expect(Buffer.compare(await archive.download(info), box)).toBe(0);
    expect(archive.find('nothing')).toBeUndefined();
    expect(archive.find('box:amd64')).toMatchObject({ name: 'box:amd64', version: '3' });
    expect(archive.find('other:amd64')).toBeUndefined();
    await expect(archive.download({ ...info, sha256: '00' })).rejects.toThrow(Unavailable);
  });

  it('at an address gives the same', async () => {
    const server = createServer((request, response) => {
      const files: { [path: string]: Uint8Array | string } = {
        '/debian/dists/bookworm/InRelease':
          '-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n' +
          `Suite: oldstable\nSHA256:\n ${sha256(packages)} ${packages.length} main/binary-i386/Packages.gz\n-----BEGIN PGP SIGNATURE-----\nabc\n`,
        '/debian/dists/bookworm/main/binary-i386/Packages.gz': packages,
        [`/debian/${pool.replace('%', '%25')}`]: box,
      };
      const found = files[request.url ?? ''];
      response.writeHead(found ? 200 : 404).end(found);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const archive = new Archive(`${address}/debian/`);
      await archive.open();
      expect(Buffer.compare(await archive.download(archive.find('box')!), box)).toBe(0);
      await expect(new Archive(`${address}/elsewhere`).open()).rejects.toThrow(
        'has no Debian bookworm: there is no dists/bookworm/Release',
      );
    } finally {
      server.close();
    }
    await expect(new Archive(address).open()).rejects.toThrow('cannot be reached');
  });

  it('is refused when its index does not match Release', async () => {
    put('dists/bookworm/main/binary-i386/Packages.gz', gzipSync('Package: forged\n'));
    await expect(new Archive(folder).open()).rejects.toThrow('does not match its SHA-256 in Release');
    await expect(new Archive(join(folder, 'nowhere')).open()).rejects.toThrow('has no Debian bookworm');
  });

  it('fills a cache that notices damage', () => {
    const cacheFolder = join(folder, 'cache');
    const info = { name: 'box', version: '1:2', sha256: sha256(box), depends: '', file: pool };
    new PackageCache(cacheFolder).put(info, box);
    expect(Buffer.compare(new PackageCache(cacheFolder).get('box')!.bytes!, box)).toBe(0);
    writeFileSync(join(cacheFolder, 'box_1-2.deb'), 'damaged');
    expect(new PackageCache(cacheFolder).get('box')).toBeUndefined();
    writeFileSync(join(cacheFolder, 'index.json'), '{');
    expect(new PackageCache(cacheFolder).get('box')).toBeUndefined();
  });
});

describe('a system out of packages', async () => {
  const text = (entry?: { data?: Uint8Array }) => new TextDecoder().decode(entry?.data);
  const package_ = (control: string, ...entries: Buffer[]) =>
    ar({
      'debian-binary': bytes('2.0\n'),
      'control.tar.gz': gzipSync(tar(tarEntry('./control', bytes(control)), tarEntry('./md5sums', bytes('sums')))),
      'data.tar.gz': gzipSync(tar(...entries)),
    });
  const unit = (name: string, install: string) =>
    tarEntry(`./lib/systemd/system/${name}`, bytes(`[Unit]\nWantedBy=no\n[Install]\n${install}`));
  const tree = await debianSystem(
    [
      package_(
        'Package: base\nArchitecture: amd64\nMulti-Arch: same\nDescription: one\n more\n',
        tarEntry('./', bytes(''), '5'),
        tarEntry('./bin/mawk', bytes('program')),
        tarEntry('./bin/second', bytes(''), '1', './bin/mawk'),
        tarEntry('./usr/share/doc/base', bytes('unread')),
        tarEntry('./usr/share/base-passwd/passwd.master', bytes('root:*:0:0:\ndaemon:*:1:1:\n')),
        tarEntry('./usr/share/base-passwd/group.master', bytes('root:*:0:\n')),
        tarEntry('./usr/share/base-files/profile', bytes('profile')),
        tarEntry('./usr/share/base-files/dot.profile', bytes('')),
        tarEntry('./usr/share/base-files/dot.bashrc', bytes('')),
        tarEntry('./usr/share/libc-bin/nsswitch.conf', bytes('names')),
        tarEntry('./usr/share/pam/common-auth', bytes('# auth\n$auth_primary\n$auth_additional\nrest\n')),
      ),
      package_(
        'Package: systemd\nArchitecture: amd64\n',
        unit('getty@.service', 'WantedBy=getty.target\nDefaultInstance=tty1\n'),
        unit('remote-fs.target', 'WantedBy=multi-user.target\n'),
        unit('systemd-pstore.service', 'WantedBy=sysinit.target\n'),
        unit('systemd-networkd.service', 'WantedBy=multi-user.target\nAlso=x.socket\nAlias=dbus-net.service\n'),
        unit('x.socket', 'WantedBy=sockets.target\n'),
      ),
    ],
    { hostname: 'here', label: 'disk', foreign: 'i386' },
  );

  it('has their files in /usr, links in place of the old folders, and no manuals', () => {
    expect(text(tree.get('usr/bin/second'))).toBe('program');
    expect([text(tree.get('bin')), tree.get('bin')!.mode]).toEqual(['usr/bin', LINK]);
    expect([...tree.keys()].filter(path => /^bin\/|usr\/share\/doc/.test(path))).toEqual([]);
    expect(text(tree.get('usr/bin/awk'))).toBe('/etc/alternatives/awk');
  });

  it('tells dpkg that they are installed', () => {
    expect(text(tree.get('var/lib/dpkg/status'))).toMatch(
      /^Package: base\nStatus: install ok installed\nArchitecture: amd64\n.* more\n\nPackage: systemd\nStatus/s,
    );
    expect(text(tree.get('var/lib/dpkg/info/base:amd64.list'))).toMatch(/^\/\.\n\/bin\/mawk\n/);
    expect(text(tree.get('var/lib/dpkg/info/systemd.md5sums'))).toBe('sums');
  });

  it('has users that PAM lets in, and services as systemctl enables them', () => {
    expect(text(tree.get('etc/passwd'))).toBe('root:x:0:0:\ndaemon:x:1:1:\n');
    expect(text(tree.get('etc/shadow'))).toMatch(/^root::19000:.*\ndaemon:\*:19000:/);
    expect(tree.get('etc/shadow')!.mode.toString(8)).toBe('100640');
    expect(text(tree.get('etc/pam.d/common-auth'))).toMatch(/^# auth\nauth .* pam_unix.so nullok\n\nrest\n$/);
    const links = [...tree].filter(([path]) => path.startsWith('etc/systemd/system/'));
    expect(links.map(([path, entry]) => [path.slice(19), text(entry).slice(24)])).toEqual([
      ['getty.target.wants/getty@tty1.service', 'getty@.service'],
      ['multi-user.target.wants/remote-fs.target', 'remote-fs.target'],
      ['sysinit.target.wants/systemd-pstore.service', 'systemd-pstore.service'],
      ['multi-user.target.wants/systemd-networkd.service', 'systemd-networkd.service'],
      ['dbus-net.service', 'systemd-networkd.service'],
      ['sockets.target.wants/x.socket', 'x.socket'],
    ]);
  });
});

describe('an archive of a few packages', () => {
  const described = (text: string) => new Map(text.split('; ').map(field => field.split(': ') as [string, string]));
  const ALL = [
    'Package: shell; Pre-Depends: library (>= 2); Depends: editor | other, mailer',
    'Package: library; Version: 2',
    'Package: other; Depends: shell',
    'Package: post; Provides: mailer (= 3); Depends: other [i386] | nowhere',
    'Package: unused; Depends: nowhere',
  ].map(described);
  const names = (roots: string[]) => withDependencies(ALL, roots).map(fields => fields.get('Package'));

  it('holds what they need: the first alternative that is there, or one that is taken already, or what provides it', () => {
    expect(names(['shell'])).toEqual(['shell', 'library', 'other', 'post']);
    expect(names(['post', 'shell'])).toEqual(['post', 'shell', 'other', 'library']);
    expect(names(['library', 'library'])).toEqual(['library']);
    expect(() => names(['unused'])).toThrow('no package nowhere, which unused needs');
  });

  it('is read back with its sums', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-local-'));
    const box = bytes('a package');
    const fields = described(
      `Package: box; Version: 7; Architecture: i386; SHA256: ${sha256(box)}; Filename: pool/main/b/box/box_7_i386.deb; Description: one\ntwo`,
    );
    try {
      for (const { path, data } of localSource('bookworm', [{ fields, bytes: box }])) {
        mkdirSync(dirname(join(folder, ...path)), { recursive: true });
        writeFileSync(join(folder, ...path), data as Uint8Array);
      }
      const archive = new Archive(folder);
      await archive.open();
      expect(await archive.download(archive.find('box')!)).toEqual(Buffer.from(box));
      expect(archive.all()).toEqual([fields]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
