/** Disks and cards that came to a guest of Xen, and went, are so in its saved states and snapshots, and where it moves to. */
import { describe, expect, it } from 'vitest';
import { pvhKernel, print, waitForKey } from '../../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { openHostState } from '../../host/state/state.ts';
import { MemoryStore } from '../../host/storage/index.ts';
import { Cable } from '../../pool/migration/pair.test-support.ts';
import type { HostParts } from '../../service/host.ts';
import { later, testHost } from '../../service/host.test-support.ts';
import { COMMANDS, runXl } from './index.ts';

const MIB = 2 ** 20;

/** x with a disk and a card by its definition; two disks and a card have come, and its own disk has gone. */
async function changed(parts: Partial<HostParts> = {}) {
  const { storage, files: opening } = await openHostState(new MemoryStore(), {
    epochMs: () => 0,
    random: below => below >>> 1,
    later: () => () => {},
    diskBytes: 64 * MIB,
  });
  const files = await opening();
  await files.writeFile('/boot/k', pvhKernel([...print('up..'), ...waitForKey()]));
  await files.writeFile(
    '/etc/xen/vm/x',
    'name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/k"\ndisk = ["/root/a.img,raw,xvda,w"]\nvif = ["mac=00:16:3e:00:00:01"]\n',
  );
  for (const name of ['a', 'b', 'c']) await files.writeFile(`/root/${name}.img`, new Uint8Array(64 * 512).fill(7));
  const host = testHost({
    files,
    storage: async () => storage,
    readsWhole: true,
    later: (ms, callback) => later(ms / 20, callback),
    ...parts,
  });
  const xl = (line: string): Promise<string> =>
    runXl(COMMANDS, {
      host,
      words: line.split(' ').filter(Boolean),
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: async (path, blob) => void (await files.writeFile(path, new Uint8Array(await blob.arrayBuffer()))),
    }).catch((error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`);
  return { host, files, xl };
}
type Made = Awaited<ReturnType<typeof changed>>;

async function begin({ xl }: Made): Promise<void> {
  for (const line of [
    'create /etc/xen/vm/x',
    'block-attach x file:/root/b.img,xvdb,w',
    'block-attach x /root/c.img,raw,xvdc,r',
    'network-attach x mac=00:16:3e:00:00:02 rate=1MB/s',
    'block-detach --force x xvda',
  ])
    expect(await xl(line), line).not.toMatch(/^\d: /);
}

/** What the guest has, and what it is started with again. */
async function found({ host, xl }: Made) {
  const [{ config }] = JSON.parse(await xl('list -l x'));
  const { id } = host.domains.all()[0];
  return {
    listed: (await xl('block-list x'))
      .split('\n')
      .slice(1, -1)
      .map(line => line.split(' ')[0]),
    disks: config.disks.map(
      ({ vdev, pdev_path: path, readwrite }: Record<string, unknown>) => `${vdev} ${path} ${readwrite}`,
    ),
    cards: (await xl('network-list x'))
      .split('\n')
      .slice(1, -1)
      .map(line => line.split(/ +/)[2]),
    rate: host.domains.living(id).blueprint.definition.cards[1]?.rate !== undefined,
  };
}
const FOUND = {
  listed: ['51728', '51744'],
  disks: ['xvdb /root/b.img 1', 'xvdc /root/c.img 0'],
  cards: ['00:16:3e:00:00:01', '00:16:3e:00:00:02'],
  rate: true,
};

describe('a guest of Xen to which disks and cards came, and from which a disk went', () => {
  it('is after xl save and restore as it was, also the second time, and after a restart', async () => {
    const made = await changed();
    await begin(made);
    expect(await found(made)).toEqual(FOUND);
    for (const file of ['first', 'second']) {
      expect(await made.xl(`save x /root/${file}.save`)).toMatch(/^Saving to/);
      expect(await made.xl(`restore /root/${file}.save`)).toMatch(/^Loading new save file/);
      expect(await found(made)).toEqual(FOUND);
    }
    await made.host.trigger(made.host.domains.all()[0].id, 'reset');
    expect(await found(made)).toEqual(FOUND);
  });

  it('is after xl revert as it was then', async () => {
    const made = await changed();
    await begin(made);
    expect(await made.xl('snapshot x s')).toContain('created');
    expect(await made.xl('block-detach --force x xvdb')).toBe('');
    expect(await made.xl('revert x s')).not.toMatch(/^\d: /);
    expect(await found(made)).toEqual(FOUND);
  });

  it('is on another host as it was, where the same files are', async () => {
    const cable = new Cable();
    const there = await changed({ neighbours: cable.of('b') });
    const made = await changed({ neighbours: cable.of('a') });
    await begin(made);
    expect(await made.xl('migrate x b')).toContain('Migration successful.');
    expect(made.host.domains.all()).toEqual([]);
    expect(await found(there)).toEqual(FOUND);
  });

  it('has the CD that was put into its drive', async () => {
    const made = await changed();
    const image = new Uint8Array(64 * 2048);
    image.set([1, ...Buffer.from('CD001')], 16 * 2048);
    await made.files.writeFile('/root/one.iso', image);
    await begin(made);
    expect(await made.xl('cd-insert x xvdd /root/one.iso')).not.toMatch(/^\d: /);
    await made.xl('save x /root/x.save');
    expect(await made.xl('restore /root/x.save')).toMatch(/^Loading new save file/);
    expect((await found(made)).disks).toContain('xvdd /root/one.iso 0');
  });
});
