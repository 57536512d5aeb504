/** What libvirt's clients are told of a guest that moves, where it was and where it is. */
import { expect, it } from 'vitest';
import { Cable } from '../pool/migration/pair.test-support.ts';
import { startKvm } from '../service/index.ts';
import { listenToLives } from '../libvirt/index.ts';
import { guestXml, kvmHost } from './pci-hotplug.test-support.ts';

const STARTED = 2,
  RESTORED = 2,
  STOPPED = 5,
  SUSPENDED = 3,
  RESUMED = 4,
  MIGRATED = 1,
  STOPPED_MIGRATED = 3;

async function moved(hasKvm: boolean) {
  const cable = new Cable();
  const hosts = await Promise.all(
    ['a', 'b'].map(async name => {
      const hypervisor = startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, '');
      const here = await kvmHost({ neighbours: cable.of(name), ...(hasKvm ? { hypervisor } : {}) });
      const told: string[] = [];
      listenToLives(here.host, event =>
        told.push(event.kind === 'lifecycle' ? `${event.domain.name} ${event.event} ${event.detail}` : event.kind),
      );
      return { ...here, told };
    }),
  );
  const [from, to] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
  await from.files.writeFile('/root/k.xml', guestXml(''));
  expect(await from.virsh('create /root/k.xml')).toContain('created');
  await expect.poll(() => from.told.at(-1)).toContain(`k ${STARTED}`);
  // A guest of one hypervisor does not go to another.
  expect(await from.virsh(`migrate --live k ${hasKvm ? 'xen' : 'qemu'}+pool://b/system`)).toMatch(/^1: error: /);
  from.told.length = 0;
  expect(await from.virsh(`migrate --live k ${hasKvm ? 'qemu' : 'xen'}+pool://b/system`)).not.toMatch(/^\d: /);
  await expect.poll(() => from.told).toContain(`k ${STOPPED} ${STOPPED_MIGRATED}`);
  await expect.poll(() => to.told.at(-1)).toBe(`k ${RESUMED} ${MIGRATED}`);
  return { from: from.told, to: to.told };
}

it('is suspended, stopped, started and resumed as QEMU’s driver has it', async () => {
  const { from, to } = await moved(true);
  expect(from.filter(each => each !== 'migration-iteration')).toEqual([
    `k ${SUSPENDED} ${MIGRATED}`,
    `k ${STOPPED} ${STOPPED_MIGRATED}`,
    'job-completed',
  ]);
  expect(to).toEqual([`k ${STARTED} ${MIGRATED}`, `k ${RESUMED} ${MIGRATED}`]);
});

it('is restored there, as libxl’s driver has it', async () => {
  const { from, to } = await moved(false);
  expect(from.filter(each => each.startsWith('k'))).toEqual([`k ${STOPPED} ${STOPPED_MIGRATED}`]);
  expect(to).toEqual([`k ${STARTED} ${RESTORED}`, `k ${RESUMED} ${MIGRATED}`]);
});
