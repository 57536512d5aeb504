/** Snapshots by documents: what is asked for is what is taken, or it is refused. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { openHostState } from '../host/state/state.ts';
import { MemoryStore } from '../host/storage/index.ts';
import { seeded } from '../host/storage/logging-store.test-support.ts';
import { testHost } from '../service/host.test-support.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { LibvirtError } from './errors.ts';
import { defineDomain } from './life.ts';
import { leftOutOf, readSnapshot } from './snapshot-document.ts';
import {
  CREATE_SNAPSHOT,
  createSnapshot,
  currentSnapshot,
  listSnapshots,
  revertToSnapshot,
  snapshotByName,
  snapshotXml,
} from './snapshots.ts';

const disk = (name: string, image: string): string =>
  `<disk type='block' device='disk'><source dev='/dev/vg0/${image}'/><target dev='${name}' bus='ide'/></disk>`;
const WEB = `<domain type='xen'><name>web</name><memory unit='MiB'>8</memory><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${disk('hda', 'one')}${disk('hdb', 'two')}</devices></domain>`;
const { REDEFINE, CURRENT, DISK_ONLY } = CREATE_SNAPSHOT;

/** A host with a domain that does not run, and has two images. */
async function defined() {
  const state = await openHostState(new MemoryStore(), {
    epochMs: () => 0,
    random: below => below >>> 1,
    later: () => () => {},
    diskBytes: 2 ** 26,
  });
  const { storage } = state;
  const host = testHost({ files: await state.files(), storage: async () => storage });
  onTestFinished(() => {
    host.toolstack.close();
    state.close();
  });
  for (const image of ['one', 'two']) storage.createVolume(image, 2 ** 20);
  const put = (image: string, byte: number): void =>
    storage.medium(`vg0/${image}`).write(0, new Uint8Array(512).fill(byte));
  const has = (image: string): number | undefined => {
    const sector = new Uint8Array(512);
    storage.medium(`vg0/${image}`).read(0, sector);
    return sector[0];
  };
  return { host, domain: await defineDomain(host, WEB), put, has };
}

describe('snapshots by documents', () => {
  it('keeps the disks that are chosen, and those alone', async () => {
    const { host, domain, put, has } = await defined();
    put('one', 1);
    put('two', 1);
    const xml = "<domainsnapshot><name>s</name><disks><disk name='hda' snapshot='no'/></disks></domainsnapshot>";
    await expect(createSnapshot(host, domain, xml)).rejects.toThrow("disk 'hda' must use snapshot mode 'internal'");
    await createSnapshot(host, domain, xml, DISK_ONLY);
    put('one', 2);
    put('two', 2);
    await revertToSnapshot(host, domain, 's');
    expect([has('one'), has('two')]).toEqual([2, 1]);
  });

  it('takes none where an external one is asked for', async () => {
    const { host, domain } = await defined();
    for (const [asked, why] of [
      ["<disks><disk name='hda' snapshot='external'/></disks>", "disk 'hda' must use snapshot mode 'internal'"],
      ["<disks><disk name='hda'><source file='/x'/></disk></disks>", "disk 'hda' must use snapshot mode 'internal'"],
      ["<memory snapshot='external' file='/m'/>", 'memory state cannot be saved with offline'],
    ] as const)
      await expect(createSnapshot(host, domain, `<domainsnapshot>${asked}</domainsnapshot>`)).rejects.toThrow(why);
    expect(await listSnapshots(host, domain, 0)).toEqual([]);
  });

  it('has the domain at another one, which is told anew', async () => {
    const { host, domain } = await defined();
    for (const name of ['one', 'two'])
      await createSnapshot(host, domain, `<domainsnapshot><name>${name}</name></domainsnapshot>`);
    const xml = await snapshotXml(domain, await snapshotByName(host, domain, 'one'));
    const told = xml.replace('</name>', '</name><description>told</description>');
    await createSnapshot(host, domain, told, REDEFINE);
    expect((await currentSnapshot(host, domain))?.name).toBe('two');
    await createSnapshot(host, domain, told, REDEFINE | CURRENT);
    expect(await currentSnapshot(host, domain)).toMatchObject({ name: 'one', description: 'told' });
    await expect(createSnapshot(host, domain, told.replace('shutoff', 'running'), REDEFINE)).rejects.toThrow(
      'only the description of a snapshot can be changed',
    );
  });

  it('refuses whatever is no document in libvirt’s classes', async () => {
    const { disks } = { disks: [{ vdev: 'hda', target: '/a', readOnly: false, format: 'raw' }] };
    const domain = { id: 1, definition: { disks } } as unknown as Domain;
    const words = ['<domainsnapshot>', '</domainsnapshot>', '<disks>', '</disks>', "<disk name='hda'", '/>', '>', '<']
      .concat(["snapshot='no'", "snapshot='external'", "snapshot='\u0000'", "<source file='/x'/>", '<name>', '</name>'])
      .concat(["<memory snapshot='external' file='/m'/>", "<memory file=''/>", '&', '<disk/>', '\u{1F600}', ' ']);
    const draw = seeded(46);
    let refused = 0;
    for (let n = 0; n < 3000; n++) {
      const inside = Array.from({ length: draw(12) }, () => words[draw(words.length)]).join(' ');
      const xml = draw(3) === 0 ? inside : `<domainsnapshot>${inside}</domainsnapshot>`;
      try {
        leftOutOf(domain, await readSnapshot(xml, draw(2) === 0), draw(2) === 0);
      } catch (error) {
        expect(error).toBeInstanceOf(LibvirtError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(2000);
  });
});
