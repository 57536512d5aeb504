/** Guests that write while a snapshot of them is taken, and come back to it: checksums inside and outside agree. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { KeptFiles } from '../../host/files/index.ts';
import { testHost, until } from '../../service/host.test-support.ts';
import type { Host } from '../../service/host.ts';
import { openHostState } from '../../host/state/state.ts';
import { IMAGES, MemoryStore, type Storage } from '../../host/storage/index.ts';
import { COMMANDS, runXl } from '../commands/index.ts';
import { recordsOf } from './snapshots.ts';

const minipv = readFileSync(new URL('../../../../guests/minipv/minipv.elf', import.meta.url));
const MIB = 2 ** 20;
const IMAGE_SECTORS = 4096;

interface Made {
  host: Host;
  files: KeptFiles;
  storage: Storage;
  /** What a line of xl, or with `xm ` in front of xm, prints, or `status: message`. */
  xl(line: string): Promise<string>;
}

/** A host; with the same store it is the next one on the same machine. */
async function boot(store = new MemoryStore()): Promise<Made> {
  const state = await openHostState(store, {
    epochMs: () => 0,
    random: below => below >>> 1,
    later: () => () => {},
    diskBytes: 256 * MIB,
  });
  const { storage } = state;
  const files = await state.files();
  const host = testHost({
    memory: new SharedArrayBuffer(96 * MIB),
    files,
    storage: async () => storage,
    readsWhole: true,
    buriesStopped: true,
  });
  const ends: (() => void)[] = [];
  onTestFinished(async () => {
    for (const { id } of host.domains.all()) await host.destroy(id);
    for (const end of ends) end();
  });
  const xl = (line: string): Promise<string> => {
    const words = line.split(' ').filter(Boolean);
    const program = words[0] === 'xm' ? (words.shift(), 'xm' as const) : 'xl';
    return runXl(COMMANDS, {
      host,
      program,
      words,
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: (path, data) => data.arrayBuffer().then(bytes => files.writeFile(path, new Uint8Array(bytes))),
    }).catch((error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`);
  };
  return { host, files, storage, xl };
}

/** Types at the guest called so, and gives what it shows behind what was found last; `before`: what it has shown until now, too. */
async function terminal(host: Host, name: string, before = false) {
  const { id } = host.domains.all().find(each => each.name === name && !each.ended)!;
  const { console } = await host.consoles.view(id);
  let shown = '';
  console.onmessage = ({ data }) => {
    if ('serial' in data) shown += new TextDecoder().decode(data.serial);
  };
  // What was shown before comes first, at once: however late the timer is, ports are read before an immediate's turn.
  await new Promise(resolve => setTimeout(resolve, 20));
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve));
  if (!before) shown = '';
  return async (line: string, shows: RegExp): Promise<string> => {
    if (line !== '') {
      shown = '';
      console.postMessage({ serial: new TextEncoder().encode(`${line}\n`) });
    }
    const found = await until(() => shows.exec(shown) ?? undefined).catch(() => {
      throw new Error(`no ${shows} in ${JSON.stringify(shown)}`);
    });
    shown = shown.slice(found.index + found[0].length);
    return found[0];
  };
}

/** What `fill` of the guest writes. */
function pattern(sector: number, count: number, seed: number): Uint8Array {
  const words = new Uint32Array(count * 128);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(sector * 128 + i, 2654435761) + seed;
  return new Uint8Array(words.buffer);
}
const sum = (bytes: Uint8Array): string => `crc ${crc32(bytes).toString(16)}`;
const CRC = /crc [0-9a-f]+/;

function onVolume({ storage }: Made, sector: number, count: number, volume = 'web'): string {
  const bytes = new Uint8Array(count * 512);
  storage.medium(`vg0/${volume}`).read(sector * 512, bytes);
  return sum(bytes);
}

const definition = (type: string, disk: string): string =>
  `name = "web"\ntype = "${type}"\nmemory = 16\nkernel = "/boot/minipv"\nvif = ['mac=00:16:3e:01:02:03']\ndisk = [ '${disk}' ]\n`;

async function started(type: string, disk: string, store?: MemoryStore): Promise<Made> {
  const made = await boot(store);
  await made.files.writeFile('/boot/minipv', minipv);
  await made.files.writeFile('/root/web.cfg', definition(type, disk));
  await made.files.writeFile(
    `${disk.startsWith(IMAGES) ? IMAGES : '/root'}/disk.img`,
    new Uint8Array(IMAGE_SECTORS * 512),
  );
  made.storage.createVolume('web', 8 * MIB);
  expect(await made.xl('create /root/web.cfg')).toBe('Parsing config from /root/web.cfg\n');
  await (await terminal(made.host, 'web', true))('', /minipv> $/);
  return made;
}

describe('a guest that writes', () => {
  it.each([
    ['pvh', 'phy:/dev/vg0/web,xvda,w', 'xvda'],
    ['pvh', '/root/disk.img,raw,xvda,w', 'xvda'],
    ['hvm', 'phy:/dev/vg0/web,hda,w', 'dma'],
    ['pvh', '/var/lib/xen/images/disk.img,raw,xvda,w', 'xvda'],
    ['hvm', '/var/lib/xen/images/disk.img,raw,hda,w', 'dma'],
  ])('has its memory and its disk back: %s, %s', async (type, disk, name) => {
    const made = await started(type, disk);
    const first = await terminal(made.host, 'web');
    // It is not asked to suspend itself, which it would do between two writes: it is saved with requests in its ring.
    await first('write control/feature-suspend 0', /minipv> $/);
    expect(await first(`fill ${name} 3 700 9`, CRC)).toBe(sum(pattern(3, 700, 9)));
    await first(`writer ${name} 8 150`, /\n/);
    expect(await made.xl('snapshot web first')).toBe('Snapshot first of web created\n');
    expect(await first('', /8 sectors, .*/)).toMatch(/8 sectors, 150 times, 0 errors/);
    await first(`fill ${name} 3 700 10`, CRC);
    expect(await first(`sum ${name} 3 700`, CRC)).toBe(sum(pattern(3, 700, 10)));
    expect(await made.xl('revert web first')).toBe('');
    expect(made.host.domains.all()).toMatchObject([{ name: 'web', id: 2 }]);
    const second = await terminal(made.host, 'web', true);
    // It goes on with its writes from where it was, to their end.
    await second('', /8 sectors, 150 times, 0 errors/);
    expect(await second(`sum ${name} 0 8`, CRC)).toBe(sum(new Uint8Array(8 * 512).fill(150)));
    const inside = await second(`sum ${name} 8 690`, CRC);
    expect(inside).toBe(sum(pattern(8, 690, 9)));
    if (disk.startsWith('phy:')) expect(onVolume(made, 8, 690)).toBe(inside);
    if (disk.startsWith(IMAGES))
      expect(sum((await made.files.readFileBuffer(`${IMAGES}/disk.img`)).subarray(8 * 512, 698 * 512))).toBe(inside);
  });

  it.each(['hog 3600000', 'ping 10.0.2.2 100000000', 'time xvda read 4000000000'])(
    'suspends itself also while it is at work: %s',
    async work => {
      const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w');
      const type = await terminal(made.host, 'web');
      await type('dhcp', /minipv> $/);
      await type(work, /\n/);
      expect(await made.xl('snapshot web first')).toBe('Snapshot first of web created\n');
      expect(await type('', /suspend cancelled|minipv> $/)).toBe('suspend cancelled');
    },
  );

  it('comes back after it was destroyed and the host was started again', async () => {
    const store = new MemoryStore();
    const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w', store);
    const type = await terminal(made.host, 'web');
    await type('fill xvda 0 500 1', CRC);
    await made.xl('snapshot web');
    await type('fill xvda 0 500 2', CRC);
    await made.xl('destroy web');
    made.storage.close();
    const again = await boot(store);
    expect(onVolume(again, 0, 500)).toBe(sum(pattern(0, 500, 2)));
    expect((await again.xl('snapshot-list web')).split('\n')[1]).toMatch(/^1 +\d{4}-.* MiB +\/dev\/vg0\/web$/);
    expect(await again.xl('revert web 1')).toBe('');
    expect(await (await terminal(again.host, 'web'))('sum xvda 0 500', CRC)).toBe(sum(pattern(0, 500, 1)));
    expect(await again.xl('snapshot-delete web 1')).toBe('');
    expect(again.storage.volumes.map(({ name }) => name)).toEqual(['web']);
    expect(await again.xl('snapshot-list web')).toBe(
      'Name                     Time                 State      Disks\n',
    );
  });

  it('has what it wrote to an overlay when the host was started again, and the image is as it was', async () => {
    const store = new MemoryStore();
    const first = await boot(store);
    await first.files.writeFile('/boot/minipv', minipv);
    await first.files.writeFile('/root/base.img', new Uint8Array(IMAGE_SECTORS * 512).fill(0x11));
    await first.files.writeFile('/root/web.cfg', definition('pvh', 'phy:/dev/vg0/over,xvda,w'));
    first.storage.createOverlay('over', '/root/base.img', await first.host.files.openImage('/root/base.img'));
    await first.xl('create /root/web.cfg');
    const type = await terminal(first.host, 'web');
    const inside = await type('fill xvda 7 100 3', CRC);
    await first.xl('snapshot web');
    await type('fill xvda 7 100 4', CRC);
    await first.xl('destroy web');
    first.storage.close();
    const again = await boot(store);
    expect(await again.xl('revert web 1')).toBe('');
    expect(await (await terminal(again.host, 'web'))('sum xvda 7 100', CRC)).toBe(inside);
    expect(onVolume(again, 7, 100, 'over')).toBe(inside);
    expect(onVolume(again, 107, 100, 'over')).toBe(sum(new Uint8Array(100 * 512).fill(0x11)));
    expect((await again.files.readFileBuffer('/root/base.img')).every(byte => byte === 0x11)).toBe(true);
  });

  it('has a twin, with a name, a UUID, an address and a disk of its own', async () => {
    for (const [disk, copy, volume] of [
      ['phy:/dev/vg0/web,xvda,w', '/dev/vg0/twin-xvda', 'twin-xvda'],
      ['/root/disk.img,raw,xvda,w', '/dev/vg0/twin-xvda', 'twin-xvda'],
      [`${IMAGES}/disk.img,raw,xvda,w`, `${IMAGES}/twin-xvda.img`, 'image+twin-xvda.img'],
    ] as const) {
      const made = await started('pv', disk);
      const type = await terminal(made.host, 'web');
      await type('fill xvda 5 300 7', CRC);
      expect(await made.xl('clone web twin')).toBe('twin is defined in /etc/xen/vm/twin\n');
      await type('fill xvda 5 300 8', CRC);
      const { definition: twin } = (await made.host.managed!.find('twin'))!;
      expect(twin).toMatchObject({ name: 'twin', kernel: '/boot/minipv', disks: [{ target: copy, vdev: 'xvda' }] });
      expect(twin.cards[0]!.mac).toMatch(/^00:16:3e:(?!01:02:03)/);
      expect(twin.uuid).toMatch(/^[0-9a-f-]{36}$/);
      expect(await made.xl('xm start twin')).toBe('');
      expect(await (await terminal(made.host, 'twin'))('sum xvda 5 300', CRC)).toBe(sum(pattern(5, 300, 7)));
      expect(await (await terminal(made.host, 'twin'))('fill xvda 5 300 6', CRC)).toBe(onVolume(made, 5, 300, volume));
      if (copy.startsWith(IMAGES)) expect((await made.files.stat(copy)).size).toBe(IMAGE_SECTORS * 512);
      expect(await type('sum xvda 5 300', CRC)).toBe(sum(pattern(5, 300, 8)));
      expect(await made.xl('clone web twin')).toBe("1: VM name 'twin' already exists");
    }
  });
});

describe('a domain that is named otherwise', () => {
  it('by its UUID, or by a new name, has its snapshots, its definition and its disks', async () => {
    const made = await boot();
    const { xl, storage, files } = made;
    await files.writeFile('/boot/minipv', minipv);
    await files.writeFile('/root/web.cfg', definition('pvh', "phy:/dev/vg0/web,xvda,w', 'transfer:8M,xvdz,w"));
    storage.createVolume('web', 8 * MIB);
    await xl('xm new /root/web.cfg');
    const { uuid } = (await made.host.managed!.find('web'))!.definition;
    await xl('xm start web');
    expect(await xl(`snapshot ${uuid} one`)).toBe('Snapshot one of web created\n');
    expect(await xl('rename web shop')).toBe('');
    expect((await made.host.managed!.find('shop'))?.definition.disks.map(({ target }) => target)).toEqual([
      '/dev/vg0/web',
      '/dev/vg0/transfer-web',
    ]);
    expect(await made.host.managed!.find('web')).toBeUndefined();
    expect((await xl(`snapshot-list ${uuid}`)).split('\n')[1]).toMatch(/^one /);
    expect((await xl('snapshot-list shop')).split('\n')[1]).toMatch(/^one /);
    expect(await xl('snapshot shop two')).toBe('Snapshot two of shop created\n');
    expect(await xl('snapshot-delete shop one')).toBe('');
    expect(await xl('destroy shop')).toBe('');
    expect(await xl('revert shop two')).toBe('');
    await files.writeFile('/root/other.cfg', 'name = "other"\ntype = "pv"\nmemory = 4\nkernel = "/boot/minipv"\n');
    await xl('xm new /root/other.cfg');
    expect(await xl('rename shop other')).toMatch(
      /^1: libxl: error: .*"other" already exists\.\nCan't rename domain 'shop'\.$/,
    );
  });
});

describe('a domain that does not run', () => {
  it('is deleted with its snapshots, where that is asked for, and else not at all', async () => {
    const { host, files, storage, xl } = await boot();
    storage.createVolume('web', MIB);
    await files.writeFile('/boot/minipv', minipv);
    await files.writeFile(
      '/root/web.cfg',
      'name = "web"\ntype = "pv"\nmemory = 4\nkernel = "/boot/minipv"\ndisk = [ "phy:/dev/vg0/web,xvda,w" ]\n',
    );
    await xl('xm new /root/web.cfg');
    for (const name of ['one', 'two']) await xl(`snapshot web ${name}`);
    const volumes = () => storage.volumes.map(({ name }) => name);
    const before = volumes();
    expect(before).toHaveLength(3);
    expect(await xl('xm delete web')).toBe(
      "1: Error: Domain 'web' has 2 snapshots: one, two. They would stay behind, with their volumes. xm delete --snapshots web deletes them, too.",
    );
    expect([await xl('xm list web'), volumes()]).toEqual([expect.stringContaining('web'), before]);
    expect(await xl('xm delete --snapshots web')).toBe('');
    expect([volumes(), await recordsOf(host).list('web'), await host.managed?.find('web')]).toEqual([
      ['web'],
      [],
      undefined,
    ]);
    expect(host.tasks.list().at(-1)).toMatchObject({
      command: 'xm delete --snapshots web',
      state: 'done',
      message: 'web is no longer managed, and 2 snapshots of it are deleted; its disks stay.',
    });
    // Who comes after it under its name has none of them.
    await xl('xm new /root/web.cfg');
    expect(await xl('snapshot-list web')).toBe('Name                     Time                 State      Disks\n');
    expect(await xl('xm delete web')).toBe('');
  });

  it('has its disks kept alone, and comes back to them', async () => {
    const made = await boot();
    await made.files.writeFile('/boot/minipv', minipv);
    await made.files.writeFile('/root/web.cfg', definition('pv', 'phy:/dev/vg0/web,xvda,w'));
    made.storage.createVolume('web', 8 * MIB);
    await made.xl('xm new /root/web.cfg');
    made.storage.medium('vg0/web').write(0, Uint8Array.of(1));
    expect(await made.xl('snapshot web')).toBe('Snapshot 1 of web created\n');
    made.storage.medium('vg0/web').write(0, Uint8Array.of(2));
    // Of a volume that is gone, too.
    made.storage.removeVolume('web');
    expect(await made.xl('revert web 1')).toBe('');
    expect(made.host.domains.all()).toEqual([]);
    // It is at the first again: what is taken now comes from that.
    expect(await made.xl('snapshot web two before-the-update')).toBe('Snapshot two of web created\n');
    expect(
      (await recordsOf(made.host).list('web')).map(({ name, parent, description }) => [name, parent, description]),
    ).toEqual([
      ['1', undefined, undefined],
      ['two', '1', 'before-the-update'],
    ]);
    expect(onVolume(made, 0, 1)).toBe(sum(Uint8Array.of(1, ...new Uint8Array(511))));
    expect(await made.xl('clone web other')).toContain('other is defined');
    expect(onVolume(made, 0, 1, 'other-xvda')).toBe(onVolume(made, 0, 1));
    // xm has a name for what only xend kept: with its snapshots it is called otherwise.
    expect([await made.xl('xm rename web other'), await made.xl('rename web shop')]).toEqual([
      expect.stringMatching(/"other" already exists/),
      '1: web is an invalid domain identifier (rc=-6)',
    ]);
    expect(await made.xl('xm rename web shop')).toBe('');
    expect([(await recordsOf(made.host).list('shop')).length, (await made.host.managed!.find('shop'))?.path]).toEqual([
      2,
      '/etc/xen/vm/web',
    ]);
  });
});

describe('what cannot be done to its end', () => {
  it('leaves the disks of a domain that cannot be built again as they were, and no volumes', async () => {
    const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w');
    const { xl, storage, host } = made;
    await xl('snapshot web one');
    await (await terminal(host, 'web'))('fill xvda 0 500 2', CRC);
    const volumes = storage.volumes.map(({ name }) => name).sort();
    const { hasVt } = host.machine;
    host.machine.hasVt = false;
    expect(await xl('revert web one')).toMatch(/^1: /);
    expect([host.domains.all().map(({ id }) => id), storage.volumes.map(({ name }) => name).sort()]).toEqual([
      [1],
      volumes,
    ]);
    host.machine.hasVt = hasVt;
    // A processor of a level that is not there, in each way to a saved state: the domain runs on.
    const [{ id }] = host.domains.all();
    const live = new Int32Array(host.machine.memory, host.machine.find(id)!.liveOffset);
    const level = live[R.CPU_LEVEL];
    live[R.CPU_LEVEL] = 77;
    await xl('snapshot web odd');
    live[R.CPU_LEVEL] = level;
    expect(await xl('revert web odd')).toMatch(/^1: .*its processor is of a level that this version does not have/);
    expect([host.domains.all().map(domain => domain.id), live[R.CPU_LEVEL]]).toEqual([[id], level]);
    expect(await xl('snapshot-delete web odd')).toBe('');
    host.toolstack.build = () => Promise.reject(new Error('It is cold.'));
    expect(await xl('revert web one')).toBe(
      '1: It is cold. The domain was destroyed, and its disks are as they were before: create it again.',
    );
    expect([host.domains.all(), storage.volumes.map(({ name }) => name).sort()]).toEqual([[], volumes]);
    expect(onVolume(made, 0, 500)).toBe(sum(pattern(0, 500, 2)));
  });

  it('has back the disc that was put into its drive while it ran', async () => {
    const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w');
    await made.files.writeFile('/root/notes/a.txt', new TextEncoder().encode('a'));
    expect(await made.xl('block-attach web /root/disk.img,raw,xvdb,r')).toBe('');
    await made.xl('snapshot web one');
    await made.xl('destroy web');
    expect(await made.xl('revert web one')).toBe('');
    expect(await (await terminal(made.host, 'web'))('sum xvdb 0 8', CRC)).toBe(sum(new Uint8Array(8 * 512)));
    await made.xl('destroy web');
    await made.files.rm('/root/disk.img');
    expect(await made.xl('revert web one')).toMatch(/^1: The domain cannot go back/);
    await made.files.writeFile('/srv/disk.img', new Uint8Array(IMAGE_SECTORS * 512));
    expect(await made.xl('revert web one /srv/disk.img')).toBe('');
    await made.files.writeFile(
      '/root/cd.cfg',
      `name = "cd"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/minipv"\ndisk = [ 'files:root/notes,hdc:cdrom' ]\n`,
    );
    await made.xl('xm new /root/cd.cfg');
    expect(await made.xl('clone cd twin')).toBe('twin is defined in /etc/xen/vm/twin\n');
    expect((await made.host.managed!.find('twin'))?.definition.disks).toMatchObject([{ target: 'files:/root/notes' }]);
  });

  it('is settled when the host starts again: what a record names is there, and nothing else', async () => {
    const store = new MemoryStore();
    const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w', store);
    const { xl, storage, files } = made;
    await xl('snapshot web one');
    await xl('snapshot web two');
    const volumes = storage.volumes
      .map(({ name }) => name)
      .filter(name => !name.includes('.two'))
      .sort();
    // As after a kill while one was deleted: before its record was removed, and behind it.
    storage.setUnfinished(['snap.web.one.web', 'snap.web.one.state', 'snap.web.two.web', 'snap.web.two.state'], true);
    await files.rm('/var/lib/xen/snapshots/web/two');
    storage.createVolume('snap.web.three.web', MIB, { unfinished: true });
    await xl('destroy web');
    storage.close();
    const again = await boot(store);
    await again.host.disk.openDevices();
    expect([again.storage.volumes.map(({ name }) => name).sort(), again.storage.unfinished]).toEqual([volumes, []]);
    expect(await again.xl('revert web one')).toBe('');
    const user = again.storage.look('vg0/snap.web.one.web', 'dd');
    expect(await again.xl('snapshot-delete web one')).toBe(
      '1: Logical volume vg0/snap.web.one.web of snapshot one is used by dd.',
    );
    user.close();
    expect(await again.xl('snapshot-delete web one')).toBe('');
    expect(again.storage.volumes.map(({ name }) => name)).toEqual(['web']);
  });

  it('leaves no transfer disk of a domain that could not be created', async () => {
    const made = await boot();
    await made.files.writeFile('/boot/minipv', minipv);
    made.storage.createVolume('web', 8 * MIB);
    const user = made.storage.open('vg0/web', 'other', true);
    await made.files.writeFile('/root/web.cfg', definition('pv', "transfer:8M,xvdz,w', 'phy:/dev/vg0/web,xvda,w"));
    expect(await made.xl('create /root/web.cfg')).toMatch(
      /^3: libxl: error: .*: Device \/dev\/vg0\/web is mounted read-write in other/,
    );
    expect(made.storage.volumes.map(({ name }) => name)).toEqual(['web']);
    user.close();
    expect(await made.xl('create /root/web.cfg')).toMatch(/^Parsing/);
    expect(made.storage.volumes.map(({ name }) => name).sort()).toEqual(['transfer-web', 'web']);
  });
});

describe('refusals', () => {
  it('say what is wrong, and leave everything as it was', async () => {
    const made = await started('pvh', 'phy:/dev/vg0/web,xvda,w');
    const { xl, storage, host } = made;
    await xl('snapshot web one');
    const volumes = storage.volumes.map(({ name }) => name).sort();
    expect(await xl('snapshot web one')).toBe(
      "1: Domain 'web' has a snapshot one already. Take another name, or delete that one: xl snapshot-delete web one.",
    );
    expect(await xl('revert web two')).toBe(
      "1: Domain 'web' has no snapshot two. xl snapshot-list web lists those that it has.",
    );
    expect(await xl('revert web ../../../etc/passwd')).toMatch(/^1: Domain 'web' has no snapshot/);
    expect(await xl('snapshot web a/b')).toMatch(/^1: a\/b is no name for a snapshot/);
    expect(await xl('snapshot nobody')).toBe('1: nobody is an invalid domain identifier (rc=-6)');
    expect(await xl('clone nobody other')).toBe('1: nobody is an invalid domain identifier (rc=-6)');
    expect(await xl('snapshot')).toBe("2: 'xl snapshot' requires at least 1 argument.");
    storage.createVolume('ballast', storage.freeExtents * 4 * MIB);
    expect(await xl('snapshot web two')).toMatch(/^1: Volume group "vg0" has insufficient free space/);
    expect(await xl('clone web other')).toMatch(/^1: Volume group "vg0" has insufficient free space/);
    storage.removeVolume('ballast');
    await xl('destroy web');
    const user = storage.open('/dev/vg0/web', 'other', true);
    expect(await xl('revert web one')).toBe(
      '1: Device /dev/vg0/web is shared with other, which has it open. Stop other, or give one of the two another disk.',
    );
    user.close();
    expect(storage.volumes.map(({ name }) => name).sort()).toEqual(volumes);
    expect(await host.managed!.find('other')).toBeUndefined();
    await made.files.writeFile('/var/lib/xen/snapshots/web/one', '{"disks":7}');
    expect(await xl('revert web one')).toMatch(/^1: .*does not say what the snapshot holds/);
    expect(await xl('snapshot-delete web one')).toBe('');
  });
});
