/** xm new, start, delete and list, and what starts with the host; xl create's settings, dry run and refusals. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KeptFiles } from '../../host/files/index.ts';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import type { Host } from '../../service/host.ts';
import { MemoryStore } from '../../host/storage/index.ts';
import { attachXl, COMMANDS, runXl } from './index.ts';

const demo = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
const CONFIG = 'name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n';

async function make(store = new MemoryStore()) {
  const files = await testFiles(store);
  await files.writeFile('/boot/demo.elf', demo);
  await files.writeFile('/root/a.cfg', CONFIG);
  const host = testHost({ files, epochMs: () => 0 });
  return { host, files, store, xl: spell(host, files, 'xl'), xm: spell(host, files, 'xm') };
}

/** What a line prints, or `status: message`. */
const spell =
  (host: Host, files: KeptFiles, program: 'xl' | 'xm') =>
  (line: string): Promise<string> =>
    runXl(COMMANDS, {
      host,
      program,
      words: line.split(' ').filter(Boolean),
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: (path, data) => data.arrayBuffer().then(bytes => files.writeFile(path, new Uint8Array(bytes))),
    }).catch((error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`);

describe('variables behind xm create FILE (xm(1), "create")', () => {
  const BASE = 'name = "base"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n';
  /** What -n prints of a domain made with these words. */
  const made = async (...words: string[]) => {
    const { host, files } = await make();
    await files.writeFile('/root/base.cfg', BASE);
    await files.writeFile('/root/null', '');
    const said = await runXl(COMMANDS, {
      host,
      program: 'xm',
      words: ['create', '-qn', ...words],
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: async () => {},
    });
    return JSON.parse(said).config;
  };

  it('are NAME=TEXT without quotes, and count more than the file', async () => {
    expect(await made('/root/base.cfg', 'name=xen-g', 'memory=9')).toMatchObject({
      c_info: { name: 'xen-g' },
      b_info: { target_memkb: 9 * 1024 },
    });
    expect(await made('/root/base.cfg', 'name=web 1', 'extra=a="b c" d', 'on_crash=preserve')).toMatchObject({
      c_info: { name: 'web 1' },
      b_info: { cmdline: 'a="b c" d' },
      on_crash: 'preserve',
    });
  });

  it('make a domain without a file of its own: the example of the manual page', async () => {
    expect(
      await made('/root/null', 'name=r', 'builder=hvm', 'kernel=/boot/demo.elf', 'root=/dev/ram0', 'vif=', 'memory=32'),
    ).toMatchObject({ c_info: { name: 'r' }, b_info: { cmdline: 'root=/dev/ram0' }, nics: [{ devid: 0 }] });
  });

  it('are added to a list each time, and a truth is yes or no', async () => {
    const { nics } = await made(
      '/root/base.cfg',
      'vif=mac=00:16:3e:00:00:01,bridge=xenbr0',
      'vif=mac=00:16:3e:00:00:02',
      'vnc=no',
      'name=twice',
      'name=once',
    );
    expect(nics.map(({ mac }: { mac: string }) => mac)).toEqual(['00:16:3e:00:00:01', '00:16:3e:00:00:02']);
  });

  it('are lines of the file with xl, and need their quotes there', async () => {
    const { xl } = await make();
    expect(await xl('create /root/a.cfg name=xen-f')).toBe(
      '1: /root/a.cfg:5:6: xen is text and needs quotes: name = "xen".',
    );
  });
});

describe('misspelt keys (xl looks at those alone that it knows)', () => {
  it('are warned of, and the domain starts', async () => {
    const { xl, files } = await make();
    await files.writeFile('/root/b.cfg', `${CONFIG}vncused = 0\narch = "x86"\n`);
    expect(await xl('create -p /root/b.cfg')).toBe(
      'Parsing config from /root/b.cfg\n/root/b.cfg:5:1: warning: vncused is no key of xl.cfg. Did you mean vncunused? Nothing looks at it, as with xl.\n',
    );
  });
});

describe('domains that xend manages', () => {
  it('are defined, listed, started, and deleted when they are halted', async () => {
    const { host, files, xl, xm } = await make();
    expect(await xm('new /root/a.cfg memory=16')).toBe('Using config file "/root/a.cfg".\n');
    expect(await xm('list')).toBe(
      [
        'Name                                        ID   Mem VCPUs      State   Time(s)',
        'Domain-0                                     0     0     1     r-----      0.0',
        'a                                                 16     1                 0.0',
        '',
      ].join('\n'),
    );
    expect(await xl('list')).not.toMatch(/^a /m);
    expect(await xm('start -p a')).toBe('');
    expect(await xl('list a')).toMatch(/^a .* 1 {4}16 .*--p---/m);
    expect([await xm('start a'), await xm('delete a')]).toEqual([
      '1: Error: Domain is already running',
      '1: Error: Domain is not halted.',
    ]);
    await xl('destroy a');
    expect(await xm('delete a')).toBe('');
    expect([await xm('delete a'), await xm('start a')]).toEqual(Array(2).fill("1: Error: Domain 'a' does not exist."));
    expect(await files.readdir('/etc/xen/vm')).toEqual([]);
    expect([await xl('new /root/a.cfg'), (await xl('help')).includes('Xend')]).toEqual([
      '1: command not implemented',
      false,
    ]);
    expect(await xm('help')).toContain(' new                 Adds a domain to Xend domain management\n');
    expect(host.tasks.list().map(({ command, state }) => `${command}: ${state}`)).toContain('xm new /root/a.cfg: done');
  });

  it('are taken in another language with variables behind it, too', async () => {
    const { host, files, xm } = await make();
    await files.writeFile(
      '/root/b.sxp',
      '(domain (name b) (memory 8) (vcpus 1) (image (hvm (kernel /boot/demo.elf))))\n',
    );
    expect(await xm('new /root/b.sxp memory=16')).toBe('Using config file "/root/b.sxp".\n');
    expect((await host.managed!.list()).map(({ name, definition }) => [name, definition.memoryMiB])).toEqual([
      ['b', 16],
    ]);
  });

  it('and what was done to them are in a log that outlives the host', async () => {
    const { store, xm } = await make();
    await xm('new /root/a.cfg');
    await xm('start b');
    expect(await xm('log')).toBe('[1970-01-01 00:00:00] INFO (xm new /root/a.cfg) done: a is kept as /etc/xen/vm/a.\n');
    const again = await make(store);
    await again.xm('delete a');
    expect((await again.xm('log')).split('\n').map(line => line.slice(22))).toEqual([
      'INFO (xm new /root/a.cfg) done: a is kept as /etc/xen/vm/a.',
      'INFO (xm delete a) done: a is no longer managed; its disks stay.',
      '',
    ]);
  });

  it('are told apart by name, and refused with all that is wrong', async () => {
    const { files, xm } = await make();
    await xm('new /root/a.cfg');
    expect(await xm('new /root/a.cfg')).toBe("1: Error: VM name 'a' already exists");
    expect(await xm('new /root/a.cfg memory=8x name=b')).toBe(
      "1: Error: /root/a.cfg:5:10: memory = '8x': xl takes MiB as a number. Write for example 256.",
    );
    expect(await xm('new')).toBe("2: 'xl new' requires at least 1 argument.");
    expect(await files.readdir('/etc/xen/vm')).toEqual(['a']);
  });

  it('go with the files of their disks where that is asked, but not with those that another has', async () => {
    const { files, xm } = await make();
    for (const name of ['one', 'two']) await files.writeFile(`/var/lib/xen/images/${name}`, new Uint8Array(512));
    const disks = "disk=['/var/lib/xen/images/one,raw,hda','/var/lib/xen/images/two,raw,hdb','/dev/vg0/x,raw,hdd']";
    await xm(`new /root/a.cfg ${disks}`);
    await xm(`new /root/a.cfg name="b" disk=['/var/lib/xen/images/two,raw,hda']`);
    expect(await xm('delete --storage a')).toBe(
      '/var/lib/xen/images/one is removed.\n/var/lib/xen/images/two stays: b has it, too.\n/dev/vg0/x stays: it is no file. lvremove removes a volume.\n',
    );
    expect(await files.readdir('/var/lib/xen/images')).toEqual(['two']);
    await files.symlink('/var/lib/xen/images/two', '/root/link');
    await xm(`new /root/a.cfg disk=['/var/lib/xen/../xen/images/two,raw,hda']`);
    await xm('delete b');
    await xm(`new /root/a.cfg name="c" disk=['/root/link,raw,hda,r']`);
    expect(await xm('delete --storage a')).toBe('/var/lib/xen/../xen/images/two stays: c has it, too.\n');
    expect(await files.readdir('/var/lib/xen/images')).toEqual(['two']);
  });

  it('start with the host in the order of /etc/xen/auto; one that cannot is told, and the next one starts', async () => {
    const { files, store, xm } = await make();
    for (const name of ['x', 'y', 'z']) await xm(`new /root/a.cfg name="${name}" memory=${name === 'y' ? 1500 : 8}`);
    for (const [link, name] of [
      ['10-z', 'z'],
      ['20-y', 'y'],
      ['30-x', 'x'],
    ])
      await files.symlink(`/etc/xen/vm/${name}`, `/etc/xen/auto/${link}`);
    const again = await make(store);
    await again.host.startAutomatic();
    expect(again.host.domains.all().map(({ id, name }) => [id, name])).toEqual([
      [1, 'z'],
      [2, 'x'],
    ]);
    expect(
      again.host.tasks
        .list()
        .filter(({ state }) => state === 'failed')
        .map(({ command }) => command),
    ).toContain('xl create /etc/xen/auto/20-y');
    expect((await again.xm('list')).match(/^y .*/m)?.[0]).toBe(
      'y                                               1500     1                 0.0',
    );
  });
});

describe('xl create', () => {
  it('takes settings behind the file, and says what it would make', async () => {
    const { host, xl } = await make();
    const said = await xl('create -n /root/a.cfg memory=12 vcpus=2');
    expect(said.split('\n')[0]).toBe('Parsing config from /root/a.cfg');
    expect(JSON.parse(said.slice(said.indexOf('{')))).toMatchObject({
      domid: null,
      config: {
        c_info: { type: 'hvm', name: 'a' },
        b_info: { max_vcpus: 2, target_memkb: 12288 },
        on_reboot: 'restart',
      },
    });
    expect(host.domains.all()).toEqual([]);
    // Nothing is created whose console could be opened.
    expect(attachXl(COMMANDS, ['create', '-c', '-n', '/root/a.cfg'])).toBeUndefined();
    expect(await xl('create -q -p /root/a.cfg memory=12 name="c"')).toBe('');
    expect(host.domains.all()).toMatchObject([{ name: 'c', memoryMiB: 12, state: 'p' }]);
    expect(await xl('create')).toBe('6: Config file not specified and none in save file');
    expect(await xl('create -n /root/a.cfg memory=lots')).toMatch(/^1: \/root\/a\.cfg:5:/);
  });
});

describe('lists', () => {
  it('tell everything of a domain, as JSON, as SXP, and with its UUID', async () => {
    const { xl, xm } = await make();
    await xl('create -p /root/a.cfg uuid="6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11" on_crash="coredump-restart"');
    expect(JSON.parse(await xl('list -l a'))).toMatchObject([
      {
        domid: 1,
        config: {
          c_info: { name: 'a', uuid: '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11' },
          b_info: { max_memkb: 8192, kernel: '/boot/demo.elf' },
          on_crash: 'coredump_restart',
        },
      },
    ]);
    expect(JSON.parse(await xl('list -l'))).toHaveLength(2);
    expect(await xm('list --long a')).toMatch(/^\(domain\n {4}\(domid 1\)\n {4}\(name a\)\n {4}\(uuid 6b1e/);
    expect(await xl('list -v a')).toMatch(
      /Time\(s\) {3}UUID {28}Reason-Code\tSecurity Label\na .* {7}0\.0 6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11 {8}- {16}-\n$/,
    );
    expect(await xl('vm-list')).toBe(
      `UUID                                  ID    name\n6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11  1    ${'a'.padEnd(30)}\n`,
    );
    expect(await xl('list nobody')).toBe('1: nobody is an invalid domain identifier (rc=-6)');
  });

  it('tell how long domains are up', async () => {
    let now = 0;
    const files = await testFiles();
    await files.writeFile('/boot/demo.elf', demo);
    await files.writeFile('/root/a.cfg', CONFIG);
    const host = testHost({ files, epochMs: () => now });
    const xl = spell(host, files, 'xl');
    now = 3_600_000;
    await xl('create -p /root/a.cfg');
    now += (26 * 3600 + 3 * 60 + 4) * 1000;
    expect(await xl('uptime')).toBe(
      `${'Name'.padEnd(33)}   ID Uptime\n${'Domain-0'.padEnd(33)}    0  1 day,  3:03:04\n${'a'.padEnd(33)}    1  1 day,  2:03:04\n`,
    );
    expect(await xl('uptime -s a')).toBe(' 03:03:04 up  1 day,  2:03,  a (1)\n');
    expect(await xl('uptime b')).toBe('1: b is an invalid domain identifier (rc=-6)');
  });
});
