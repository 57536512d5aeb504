/** Guests that write files of this machine: saved, they let go of them, and take them again; snapshots and other hosts do not have them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Cable } from '../../dom0/pool/migration/pair.test-support.ts';
import { testHost } from '../../dom0/service/host.test-support.ts';
import { diskXml, guestXml, kvmHost } from '../../dom0/shell/pci-hotplug.test-support.ts';
import { NodeAllowedFiles } from './allowed-files.ts';

async function guest(more = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.img');
  writeFileSync(path, new Uint8Array(65536));
  const allowed = new NodeAllowedFiles([folder]);
  const all = await kvmHost({ allowed, ...more });
  await all.files.writeFile('/root/k.xml', guestXml(diskXml('vda', path)));
  expect(await all.virsh('define /root/k.xml')).toContain('defined');
  expect(await all.virsh('start k')).toContain('started');
  /** Whether somebody writes the file. */
  const isHeld = (): boolean => {
    try {
      allowed.open(path, 'other', true, '', 'raw').close();
      return false;
    } catch {
      return true;
    }
  };
  return { ...all, folder, path, isHeld };
}

it('are saved without them, and go on with them', async () => {
  const { virsh, isHeld, path, folder } = await guest();
  for (const [save, goOn] of [
    ['save k /root/k.state', 'restore /root/k.state'],
    ['managedsave k', 'start k'],
  ] as const) {
    expect(isHeld()).toBe(true);
    expect(await virsh(save)).not.toContain('error');
    expect(isHeld()).toBe(false);
    expect(await virsh(goOn)).not.toContain('error');
    expect([isHeld(), await virsh('domblklist k')]).toEqual([true, expect.stringContaining(path)]);
  }
  // A file that has gone meanwhile keeps what was saved as it is.
  expect(await virsh('managedsave k')).toContain('saved');
  rmSync(path);
  expect(await virsh('start k')).toContain(`error: Cannot access storage file '${path}': No such file or directory`);
  writeFileSync(join(folder, 'a.img'), new Uint8Array(65536));
  expect(await virsh('start k')).toContain('started');
});

it('have no snapshots, running or not, and are told what to do', async () => {
  const { virsh, path } = await guest();
  const why = `error: unsupported configuration: internal snapshot for disk vda unsupported for storage type raw: ${path} is a file of the machine beneath.`;
  expect(await virsh('snapshot-create-as k one')).toContain(why);
  await virsh('destroy k');
  expect(await virsh('snapshot-create-as k one')).toContain(why);
  expect(await virsh('snapshot-list k --name')).not.toContain('one');
});

it('stay where their files are', async () => {
  const cable = new Cable();
  const { xl, path, isHeld } = await guest({ neighbours: cable.of('a') });
  testHost({ neighbours: cable.of('b') });
  for (const how of ['--live', '--copy-storage-all'])
    expect(await xl(`migrate ${how} k b`)).toContain(
      `${path} is a file of the machine beneath this host, and b does not reach it. Serve it with qemu-nbd, and give k nbd://… in its place.`,
    );
  expect(isHeld()).toBe(true);
});
