/** Which files of this machine a host may have, and who writes an image. */
import { spawn } from 'node:child_process';
import fs, {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createQcow2 } from '../../formats/qcow2/index.ts';
import { FileDevice } from '../file-device.ts';
import { socketName } from '../storage/directory-lock.ts';
import { NodeAllowedFiles } from './allowed-files.ts';

const DISK_BYTES = 2 ** 20;

/** In place of a call of the system, until the test ends. */
function replaced<Name extends 'openSync' | 'closeSync'>(
  name: Name,
  call: (own: (typeof fs)[Name]) => (typeof fs)[Name],
): void {
  const own = fs[name];
  const put = (is: (typeof fs)[Name]): void => {
    fs[name] = is;
    syncBuiltinESMExports();
  };
  put(call(own));
  onTestFinished(() => put(own));
}

/** A folder with one that is allowed and one that is not. */
function folders() {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'ringside-allowed-')));
  onTestFinished(() => rmSync(top, { recursive: true }));
  const [inside, outside] = ['inside', 'outside'].map(name => join(top, name));
  for (const folder of [inside, outside]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'disk.img'), new Uint8Array(DISK_BYTES));
  }
  return { top, inside, outside, files: new NodeAllowedFiles([inside]) };
}

function qcow2(path: string, backing?: { path: string; format: string }): void {
  const fd = openSync(path, 'w+');
  createQcow2(new FileDevice(fd, true), { bytes: DISK_BYTES, ...(backing ? { backing } : {}) });
  closeSync(fd);
}

const reader = (files: NodeAllowedFiles, path: string, format = 'raw') => files.open(path, 'a', false, '', format);
const writer = (files: NodeAllowedFiles, path: string, format = 'raw') => files.open(path, 'b', true, '', format);

describe('files of this machine', () => {
  it('are those below a folder, wherever links and dots lead', async () => {
    const { top, inside, outside, files } = folders();
    symlinkSync(join(outside, 'disk.img'), join(inside, 'out.img'));
    symlinkSync(outside, join(inside, 'out'));
    symlinkSync(join(inside, 'disk.img'), join(outside, 'in.img'));
    symlinkSync(inside, join(top, 'way'));
    const problems = {
      [`${inside}/disk.img`]: undefined,
      [`${inside}/../inside/disk.img`]: undefined,
      [`${outside}/../inside/disk.img`]: undefined,
      [`${inside}/none.img`]: 'No such file or directory',
      [`${inside}`]: 'Is a directory',
      [`${inside}/disk.img/more`]: 'Not a directory',
      [`${inside}/out.img`]: 'Permission denied',
      [`${inside}/out/disk.img`]: 'Permission denied',
      [`${inside}/../outside/disk.img`]: 'Permission denied',
    };
    for (const [path, problem] of Object.entries(problems))
      expect([path, files.has(path), files.problem(path, true)]).toEqual([path, true, problem]);
    expect(files.has(join(outside, 'disk.img'))).toBe(false);
    expect(files.has(join(top, 'insides/disk.img'))).toBe(false);
    expect(files.has('/etc/xen/vm/web')).toBe(false);
    await expect(files.readFileBuffer(`${inside}/out.img`)).rejects.toThrow('EACCES');
    await expect(files.truncate(`${inside}/out/new.img`, 0)).rejects.toThrow('EACCES');
    await expect(files.rm(`${inside}/out/disk.img`)).rejects.toThrow('EACCES');
    expect(statSync(join(outside, 'disk.img')).size).toBe(DISK_BYTES);
  });

  it('are none to which a folder on the way leads that has become a link since it was looked at', async () => {
    const { inside, outside, files } = folders();
    const [way, before] = [join(inside, 'way'), join(inside, 'before')];
    mkdirSync(way);
    writeFileSync(join(way, 'disk.img'), 'inside');
    let isLinkNext = false;
    replaced('openSync', own => (...given) => {
      if (isLinkNext) {
        isLinkNext = false;
        renameSync(way, before);
        symlinkSync(outside, way);
      }
      return own(...given);
    });
    const isFolderAgain = (): void => {
      unlinkSync(way);
      renameSync(before, way);
    };
    isLinkNext = true;
    expect(files.problem(join(way, 'disk.img'), true)).toBe('Permission denied');
    isFolderAgain();
    for (const name of ['disk.img', 'new.img']) {
      isLinkNext = true;
      await expect(files.writeFile(join(way, name), 'text')).rejects.toThrow('EACCES');
      isFolderAgain();
    }
    expect(statSync(join(outside, 'disk.img')).size).toBe(DISK_BYTES);
    expect(readFileSync(join(outside, 'new.img'), 'utf8')).toBe('');
    await files.writeFile(join(way, 'disk.img'), 'text');
    expect(readFileSync(join(way, 'disk.img'), 'utf8')).toBe('text');
  });

  it('are found by a link from elsewhere, too, and by the folder as it was named', () => {
    const { top, inside, outside } = folders();
    symlinkSync(inside, join(top, 'way'));
    // Not below Domain 0's /tmp.
    const files = new NodeAllowedFiles([join(top, 'way')]);
    expect(files.has(join(top, 'way/disk.img'))).toBe(true);
    expect(files.has(join(inside, 'disk.img'))).toBe(true);
    expect(files.problem(join(top, 'way/disk.img'), true)).toBeUndefined();
    expect(files.has(join(outside, 'disk.img'))).toBe(false);
  });

  it('are no folder in which Domain 0 has files, and none that is not there', () => {
    const { inside } = folders();
    const refused = (path: string) => () => new NodeAllowedFiles([path]);
    for (const path of ['/', '/etc', '/dev', '/tmp']) expect(refused(path)).toThrow(`--allow ${path}: Domain 0 has`);
    expect(refused(join(inside, 'none'))).toThrow('No such file or directory. Name a folder.');
    expect(refused(join(inside, 'disk.img'))).toThrow('this is no folder.');
  });

  it('are made, written and removed there', async () => {
    const { inside, outside, files } = folders();
    const path = join(inside, 'a/b/new.img');
    // Of who writes a file and makes the folders that it lies in: one that is allowed is there.
    await files.mkdir(inside, { recursive: true });
    await expect(files.mkdir(`${inside}/../outside`, { recursive: true })).rejects.toThrow('EACCES');
    await files.mkdir(join(inside, 'a/b'), { recursive: true });
    await files.truncate(path, 4096);
    expect((await files.stat(path)).size).toBe(4096);
    await files.writeFile(path, 'text');
    await files.appendFile(path, ' and more');
    expect(readFileSync(path, 'utf8')).toBe('text and more');
    expect(await files.readdir(join(inside, 'a/b'))).toEqual(['new.img']);
    await expect(files.rm(join(inside, 'a'), { recursive: true })).rejects.toThrow('ENOTEMPTY');
    await files.chmod(path, 0o640);
    await files.utimes(path, new Date(1000), new Date(2000));
    expect(await files.stat(path)).toMatchObject({ mode: 0o100640, mtime: new Date(2000) });
    symlinkSync('new.img', join(inside, 'a/b/link'));
    expect(await files.readlink(join(inside, 'a/b/link'))).toBe('new.img');
    await files.rm(join(inside, 'a/b/link'));
    await files.mv(path, join(inside, 'moved.img'));
    await expect(files.mv(join(inside, 'moved.img'), join(outside, 'moved.img'))).rejects.toThrow('EACCES');
    await files.rm(join(inside, 'moved.img'));
    expect(await files.exists(path)).toBe(false);
  });
});

describe('an image of this machine', () => {
  it('has several writers that share it, of a raw disk, and no other until the last has gone', () => {
    const { inside, files } = folders();
    const path = join(inside, 'disk.img');
    const shared = () => files.open(path, 'a', true, '', 'raw', true);
    const [first, second] = [shared(), shared()];
    first.medium.write(512, new Uint8Array(512).fill(7));
    const seen = new Uint8Array(512);
    second.medium.read(512, seen);
    expect(seen).toEqual(new Uint8Array(512).fill(7));
    const busy = `resource busy: Lockspace resource '${path}' is locked`;
    expect(() => writer(files, path)).toThrow(busy);
    first.close();
    first.close();
    expect(() => writer(files, path)).toThrow(busy);
    second.close();
    const alone = writer(files, path);
    expect(shared).toThrow(busy);
    alone.close();
  });

  it('has one writer, whatever it is called, and readers beside it', () => {
    const { inside, files } = folders();
    const path = join(inside, 'disk.img');
    linkSync(path, join(inside, 'same.img'));
    symlinkSync('disk.img', join(inside, 'link.img'));
    const first = writer(files, path);
    for (const name of ['disk.img', 'same.img', 'link.img'])
      expect(() => writer(files, join(inside, name))).toThrow(
        `resource busy: Lockspace resource '${join(inside, name)}' is locked`,
      );
    const read = reader(files, path);
    first.medium.write(512, new Uint8Array(512).fill(7));
    const seen = new Uint8Array(512);
    read.medium.read(512, seen);
    expect(seen).toEqual(new Uint8Array(512).fill(7));
    expect(() => read.medium.write(0, seen)).toThrow();
    first.close();
    const second = writer(files, path);
    // Once is permanently: its number is another file's by now.
    first.close();
    expect(() => writer(files, path)).toThrow('is locked');
    second.medium.write(0, seen);
    second.close();
    read.close();
  });

  it('is let go though close(2) tells of a write that failed', () => {
    const { inside, files } = folders();
    const path = join(inside, 'disk.img');
    const { close } = writer(files, path);
    let fails = true;
    replaced('closeSync', own => fd => {
      own(fd);
      if (fails) throw new Error('EIO: i/o error, close');
    });
    expect(close).toThrow('EIO');
    fails = false;
    writer(files, path).close();
  });

  it('is kept from other processes until they end', async () => {
    const { inside, files } = folders();
    const path = join(inside, 'disk.img');
    const { dev, ino } = statSync(path);
    const { name, isFile } = socketName(`image ${dev}:${ino}`);
    if (isFile) return;
    const script = `require('net').createServer().listen(${JSON.stringify(name)}, () => console.log('has it'))`;
    const child = spawn(process.execPath, ['-e', script]);
    await new Promise(resolve => child.stdout.once('data', resolve));
    expect(() => writer(files, path)).toThrow('is locked');
    await expect(files.rm(path)).rejects.toThrow('is locked');
    const ended = new Promise(resolve => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    writer(files, path).close();
  });

  it('is what its definition says, and not what a guest has written into it', () => {
    const { inside, files } = folders();
    const path = join(inside, 'over.qcow2');
    qcow2(path, { path: 'disk.img', format: 'raw' });
    expect(files.look(path, 'qcow2').bytes).toBe(DISK_BYTES);
    expect(files.look(path, 'raw').bytes).toBe(statSync(path).size);
    expect(files.measure(path)).toMatchObject({ capacityBytes: DISK_BYTES, qcow2: { diskBytes: DISK_BYTES } });
  });

  it('is written in place, and what it lies on is not', () => {
    const { inside, files } = folders();
    const path = join(inside, 'over.qcow2');
    qcow2(path, { path: 'disk.img', format: 'raw' });
    const { medium, close } = writer(files, path, 'qcow2');
    medium.write(4096, new Uint8Array(4096).fill(3));
    close();
    const again = reader(files, path, 'qcow2');
    const seen = new Uint8Array(4096);
    again.medium.read(4096, seen);
    expect(seen).toEqual(new Uint8Array(4096).fill(3));
    again.close();
    expect(readFileSync(join(inside, 'disk.img')).every(byte => byte === 0)).toBe(true);
    files.resizeQcow2(path, 2 * DISK_BYTES);
    expect(files.measure(path).capacityBytes).toBe(2 * DISK_BYTES);
  });

  it('lies on none that the host may not have', () => {
    const { inside, outside, files } = folders();
    const path = join(inside, 'over.qcow2');
    qcow2(path, { path: join(outside, 'disk.img'), format: 'raw' });
    expect(() => reader(files, path, 'qcow2')).toThrow(
      `Cannot access backing file '${outside}/disk.img' of storage file '${path}': Permission denied`,
    );
    qcow2(path, { path: 'over.qcow2', format: 'qcow2' });
    expect(() => reader(files, path, 'qcow2')).toThrow('it lies on itself');
    // Nobody has it open now.
    writer(files, path).close();
  });
});
