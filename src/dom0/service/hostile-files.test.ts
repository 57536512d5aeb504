/**
 * Files that people can drop or name, made to hurt: each is refused with a sentence, and after a bounded amount of work, counted as bytes read of it and
 * bytes unpacked from it. (File systems of disks are in file-systems, definitions' own limits in config.)
 */
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Output } from '../../formats/unpack/output.ts';
import type { NamedFile } from '../definitions/verdicts.ts';
import type { KeptFiles } from '../host/files/index.ts';
import { testFiles, testHost } from './host.test-support.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';

const MIB = 2 ** 20;
const MOST_WORK = 96 * MIB;

/** A file that counts what is read of it. */
class Counted extends Blob {
  read = 0;

  override slice(start = 0, end = this.size): Blob {
    this.read += Math.max(0, Math.min(end, this.size) - start);
    return super.slice(start, end);
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    this.read += this.size;
    return super.arrayBuffer();
  }
}

/** `times`: this often, one behind the other. */
const counted = (name: string, content: string | Uint8Array, times = 1): NamedFile & { data: Counted } => ({
  name,
  data: new Counted(Array(times).fill(content) as BlobPart[]),
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is said of files that are dropped, and that they were not worked on for long. */
async function refusals(files: ReturnType<typeof counted>[]): Promise<string[]> {
  const reserve = vi.spyOn(Output.prototype, 'reserve');
  const host = testHost({ files: await testFiles() });
  const said = await host.files.plan(files).then(
    ({ errors }) => errors.map(({ text }) => text),
    (error: Error) => [error.message],
  );
  const unpacked = new Set(reserve.mock.contexts as Output[]);
  const work =
    [...unpacked].reduce((sum, { length }) => sum + length, 0) + files.reduce((sum, { data }) => sum + data.read, 0);
  expect(work).toBeLessThan(MOST_WORK);
  expect(host.domains.all()).toEqual([]);
  await expect(host.create(files)).rejects.toThrow();
  expect(host.domains.all()).toEqual([]);
  return said;
}

const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth);
const domain = (inside: string, before = ''): string => `${before}<domain type="xen">${inside}</domain>`;
const CONFIG = 'name = "a"\ntype = "pvh"\nmemory = 8\nkernel = "k"\n';
const bomb = (bytes: number): Uint8Array => gzipSync(new Uint8Array(bytes), { level: 6 });
/** A bzImage whose payload is a bomb. */
function bombImage(): Uint8Array {
  const payload = bomb(32 * MIB);
  const image = new Uint8Array(1024 + payload.length);
  const view = new DataView(image.buffer);
  image.set([0x55, 0xaa], 0x1fe);
  image.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, 0x20f, true);
  view.setUint32(0x1f4, Math.ceil(payload.length / 16), true);
  view.setUint32(0x214, 0x100000, true);
  view.setUint32(0x230, 0x200000, true);
  image[0x1f1] = 1;
  image[0x211] = 1;
  view.setUint32(0x24c, payload.length, true);
  image.set(payload, 1024);
  return image;
}
/** A qcow2 of version 2 whose backing file is one of the host. */
function qcow2OnPasswd(): Uint8Array {
  const name = new TextEncoder().encode('/etc/passwd');
  const image = new Uint8Array(65536);
  const view = new DataView(image.buffer);
  image.set([0x51, 0x46, 0x49, 0xfb]);
  view.setUint32(4, 2);
  view.setBigUint64(8, 4096n);
  view.setUint32(16, name.length);
  view.setUint32(20, 16);
  view.setBigUint64(24, 2n ** 20n);
  image.set(name, 4096);
  return image;
}

describe('a file that was made to hurt is refused with a sentence', () => {
  it.each<[string, () => ReturnType<typeof counted>[], RegExp]>([
    [
      '100 MB of xl.cfg',
      () => [counted('x.cfg', 'name = "a"\n'.repeat(MIB / 8), 80)],
      /^A definition has at most 256 KiB, and this file is longer/,
    ],
    [
      '100 MB of XML',
      () => [counted('x.xml', `<domain>${' '.repeat(MIB)}`, 100)],
      /^A definition has at most 256 KiB, and this file is longer/,
    ],
    ['NUL bytes in xl.cfg', () => [counted('x.cfg', `${CONFIG}extra = \0\n`)], /cannot be here/],
    [
      'NUL bytes in a name',
      () => [counted('x.cfg', CONFIG.replace('"a"', '"a\0b"'))],
      /no slashes and no control characters/,
    ],
    [
      'lists in lists',
      () => [counted('x.cfg', `disk = ${nested(20_000, '[', ']')}\n`)],
      /Lists are nested here more than 32 deep/,
    ],
    [
      'parentheses in parentheses',
      () => [counted('x', `import os\nname = ${nested(20_000, '(', ')')}\n`)],
      /more than 32 deep/,
    ],
    [
      'text that doubles',
      () => [counted('x', `a = "aaaaaaaa"\n${'a = a + a\n'.repeat(200)}name = a\n`)],
      /more than 1048576 characters together/,
    ],
    ['text that is multiplied', () => [counted('x', 'name = "a" * 1000000000\nkernel = "k"\n')], /cannot be here/],
    ['a format that widens', () => [counted('x', 'name = "%1000000000d" % 5\nkernel = "k"\n')], /./],
    ['SXP in SXP', () => [counted('x.sxp', `(domain ${nested(20_000, '(', ')')})`)], /more than 32 deep/],
    [
      'entities',
      () => [
        counted('x.xml', domain('<name>&b;</name>', '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>')),
      ],
      /A document type and its entities are not read/,
    ],
    [
      'an entity that is a file',
      () => [counted('x.xml', domain('<name>&a;</name>', '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'))],
      /entities are not read/,
    ],
    [
      'elements in elements',
      () => [counted('x.xml', domain(`<name>a</name>${nested(20_000, '<a>', '</a>')}`))],
      /Elements are nested here more than 32 deep/,
    ],
    ['NUL bytes in XML', () => [counted('x.xml', domain('<name>a\0b</name>'))], /This is no XML/],
    [
      'a kernel that unpacks to far more',
      () => [counted('x.cfg', CONFIG), counted('k', bomb(32 * MIB))],
      /k is damaged: .*unpack to \d+, which is more than/,
    ],
    [
      'a bzImage with such a kernel inside',
      () => [counted('x.cfg', CONFIG), counted('k', bombImage())],
      /k is damaged: .*unpack to \d+, which is more than/,
    ],
    ['a kernel of zeros', () => [counted('x.cfg', CONFIG), counted('k', new Uint8Array(4096))], /k is not a kernel/],
    [
      'paths that lead out',
      () => [counted('x.cfg', CONFIG.replace('"k"', '"../../../etc/passwd"'))],
      /passwd is not among the dropped files/,
    ],
    ['a name that leads out', () => [counted('x.cfg', CONFIG.replace('"a"', '"../../etc"'))], /no slashes/],
    [
      'a qcow2 on top of a file of the host',
      () => [counted('d.qcow2', qcow2OnPasswd())],
      /d\.qcow2 holds only what differs from another image \(\/etc\/passwd\)/,
    ],
  ])('%s', async (_what, files, sentence) => {
    const said = await refusals(files());
    expect(said.length).toBeGreaterThan(0);
    expect(said.join('\n')).toMatch(sentence);
    for (const each of said) expect(each.length).toBeLessThan(1000);
  });
});

describe('what a path of Domain 0 leads to', () => {
  async function make() {
    const files: KeptFiles = await testFiles();
    const host = testHost({ files, readsWhole: true });
    const xl = (line: string, program: 'xl' | 'xm' = 'xl'): Promise<string> =>
      runXl(COMMANDS, {
        host,
        program,
        words: line.split(' '),
        read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
        write: async () => {},
      }).catch((error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`);
    return { files, host, xl };
  }

  it('is refused where links have no end, where it is a folder or nothing, and stays within the tree', async () => {
    const { files, host, xl } = await make();
    await files.symlink('/root/b', '/root/a');
    await files.symlink('/root/a', '/root/b');
    await files.symlink('/etc/xen/vm', '/etc/xen/vm/up');
    await files.symlink('/etc/xen/vm/self', '/etc/xen/vm/self');
    for (const line of [
      'create /root/a',
      'create /root',
      'create /none',
      'create ../../../../none',
      'restore /root/a',
      'block-attach x /root/a,raw,xvda',
    ])
      expect(await xl(line), line).toMatch(/^[13]: ./);
    expect(await xl('new /root/a', 'xm')).toMatch(/^1: ./);
    // What is listed is read, whatever lies there.
    expect(await xl('list', 'xm')).toMatch(/^Name/);
    expect([host.domains.all(), await host.managed!.list()]).toEqual([[], []]);
  });

  it('is no saved domain where it says so and is none', async () => {
    const { files, host, xl } = await make();
    const magic = new TextEncoder().encode('RINGSIDE');
    for (const [name, bytes] of [
      ['nul', new Uint8Array(4096)],
      ['short', magic],
      ['random', new Uint8Array(70_000).map((_, i) => (i * 7919) >> 3)],
    ] as const) {
      await files.writeFile(`/root/${name}`, bytes);
      expect(await xl(`restore /root/${name}`), name).toMatch(/^1: \S[\s\S]*\.$/);
    }
    expect(host.domains.all()).toEqual([]);
  });
});
