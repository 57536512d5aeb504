import { describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { ddProgram } from './dd.ts';

async function make(soon: (callback: () => void) => void = setImmediate) {
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: () => 3,
    diskBytes: 2 ** 30,
  });
  storage.createVolume('a', 2 ** 24);
  const files = new Map<string, Uint8Array>([['in', Uint8Array.from({ length: 1500 }, (_, i) => i)]]);
  const abort = new AbortController();
  const host = {
    disk: { openDevices: async () => storage },
    files: { realPath: async (path: string) => path },
    clock: { soon },
  };
  const run = (line: string) =>
    ddProgram(host).run(line.split(' '), {
      stdin: '',
      directory: '/',
      signal: abort.signal,
      readFile: async path =>
        (path === 'bad' ? Promise.reject(new Error('bad: Input/output error')) : undefined) ??
        files.get(path) ??
        Promise.reject(new Error(`${path}: No such file or directory`)),
      writeFile: async (path, bytes) => void files.set(path, bytes),
    });
  return { storage, files, run, interrupt: () => abort.abort() };
}

describe('dd', () => {
  it('writes a file to a volume, and reads the same bytes there and at their sectors of the disk', async () => {
    const { storage, files, run } = await make();
    expect(await run('if=in of=/dev/vg0/a seek=3')).toEqual({
      stdout: '',
      stderr: '2+1 records in\n2+1 records out\n1500 bytes copied\n',
      status: 0,
    });
    await run('if=/dev/vg0/a of=out bs=1 skip=1536 count=1500');
    expect(files.get('out')).toEqual(files.get('in'));
    const sector = (storage.diskPath('vg0/a', 4).find(({ layer }) => layer === 'disk sda')?.at ?? NaN) / 512;
    const { stdout, isBinary } = await run(`if=/dev/sda skip=${sector} count=1 status=none`);
    expect([isBinary, Uint8Array.from(stdout, each => each.charCodeAt(0))]).toEqual([
      true,
      files.get('in')?.subarray(512, 1024),
    ]);
    await run('if=in of=out bs=1k skip=1 seek=1 conv=notrunc');
    expect(files.get('out')).toHaveLength(1500);
  });

  it('keeps the end of a file with notrunc alone, and a file that it cannot read', async () => {
    const { files, run } = await make();
    const image = Uint8Array.from({ length: 2000 }, (_, i) => 255 - i);
    for (const [line, length] of [
      ['if=in of=image bs=446 count=1 conv=notrunc', 2000],
      ['if=in of=image bs=446 count=1 seek=1 conv=notrunc', 2000],
      ['if=in of=image bs=446 count=1', 446],
    ] as const) {
      files.set('image', image);
      await run(line);
      const from = line.includes('seek') ? 446 : 0;
      const expected = Uint8Array.from({ length }, (_, i) => (i >= from && i < from + 446 ? i - from : 255 - i));
      expect([line, files.get('image')]).toEqual([line, expected]);
    }
    for (const line of ['if=in of=bad seek=1', 'if=in of=bad conv=notrunc'])
      expect(await run(line)).toMatchObject({ status: 1, stderr: 'dd: bad: Input/output error\n' });
    expect(files.has('bad')).toBe(false);
  });

  it('reads zeros without end, and throws away what it writes to /dev/null', async () => {
    const { storage, files, run } = await make();
    await run('if=in of=/dev/vg0/a');
    expect(await run('if=/dev/zero of=/dev/vg0/a bs=500 count=2')).toMatchObject({
      status: 0,
      stderr: '2+0 records in\n2+0 records out\n1000 bytes copied\n',
    });
    const into = new Uint8Array(1500);
    storage.medium('vg0/a').read(0, into);
    expect(into).toEqual(files.get('in')?.map((byte, i) => (i < 1000 ? 0 : byte)));
    expect(await run('if=/dev/vg0/a of=/dev/null bs=1M')).toMatchObject({
      status: 0,
      stderr: '16+0 records in\n16+0 records out\n16777216 bytes copied\n',
    });
    expect(await run('if=/dev/zero of=/dev/vg0/a')).toMatchObject({
      status: 1,
      stderr: 'dd: /dev/zero has no end: say count=\n',
    });
    await run('if=/dev/null of=empty');
    expect(files.get('empty')).toHaveLength(0);
  });

  it('lets others have their turns, keeps what it copies where it is, and ends when it is interrupted', async () => {
    const turns: (() => void)[] = [];
    const { storage, run, interrupt } = await make(callback => turns.push(callback));
    storage.createVolume('b', 2 ** 24);
    const copied = run('if=/dev/vg0/a of=/dev/vg0/b bs=1M');
    await eventually(() => expect(turns).toHaveLength(1));
    expect(() => storage.removeVolume('a')).toThrow('dd has it open');
    interrupt();
    turns[0]!();
    expect(await copied).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^dd: interrupted after \d+ bytes\n$/),
    });
    expect(storage.volumes).toMatchObject([{ open: false }, { open: false }]);
  });

  it('refuses what it cannot do, and changes nothing', async () => {
    const { storage, files, run } = await make();
    const open = storage.open('vg0/a', 'web', true);
    for (const [line, words] of [
      ['of=x', 'name what to read'],
      ['if=in conv=swab', "invalid conversion: 'swab'"],
      ['if=in bs=0', "invalid number: '0'"],
      ['if=in count=ten', "invalid number: 'ten'"],
      ['if=in to=x', "unrecognized operand 'to=x'"],
      ['if=none', 'No such file'],
      ['if=/dev/sda of=x', 'takes at most 60 MiB'],
      ['if=in of=/dev/sda', 'in use by Domain-0'],
      ['if=in of=/dev/vg0/a', 'is mounted read-write in web'],
      ['if=in of=/dev/sda3 seek=1G', 'No space left on device'],
    ]) {
      const { stderr, status } = await run(line);
      expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
    }
    expect([...files.keys()]).toEqual(['in']);
    open.close();
  });
});
