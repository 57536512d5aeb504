/** Memory of guests of KVM, which libvirt's clients have in KiB. */
import { expect, it } from 'vitest';
import { startKvm } from '../../dom0/service/index.ts';
import {
  createDomain,
  defineDomain,
  domainByName,
  infoOf,
  MAXIMUM,
  setMemory,
  xmlOf,
} from '../../dom0/libvirt/index.ts';
import { daemon } from './virsh.test-support.ts';

const LIVE = 1,
  CONFIG = 2;
const guest = (name: string, devices: string): string =>
  `<domain type='kvm'><name>${name}</name><memory unit='KiB'>8193</memory><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${devices}</devices></domain>`;
const host = async () =>
  (await daemon({ hypervisor: startKvm({ pcpus: 1, memoryMiB: 32, vt: true, diskBytes: 0 }, '') })).host;

it('stays in KiB in a definition', async () => {
  const at = await host();
  await defineDomain(at, guest('a', "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"), 0);
  const sizes = async (): Promise<number[]> => {
    const { maxMemoryKiB, memoryKiB } = infoOf(at, await domainByName(at, 'a'));
    return [maxMemoryKiB, memoryKiB];
  };
  expect(await sizes()).toEqual([8193, 8193]);
  await setMemory(at, await domainByName(at, 'a'), 5001, CONFIG);
  expect(await sizes()).toEqual([8193, 5001]);
  await setMemory(at, await domainByName(at, 'a'), 9217, CONFIG | MAXIMUM);
  expect(await sizes()).toEqual([9217, 5001]);
  await setMemory(at, await domainByName(at, 'a'), 4097, CONFIG | MAXIMUM);
  expect(await sizes()).toEqual([4097, 4097]);
  expect(await xmlOf(at, await domainByName(at, 'a'), 0)).toContain("<memory unit='KiB'>4097</memory>");
  await expect(setMemory(at, await domainByName(at, 'a'), 4098, CONFIG)).rejects.toThrow('higher than max memory');
});

it('of a guest that runs is whole MiB at most, and its balloon comes to pages', async () => {
  const at = await host();
  await createDomain(at, guest('a', ''), 1);
  const { maxMemoryKiB } = infoOf(at, await domainByName(at, 'a'));
  expect(maxMemoryKiB).toBe(9216);
  await setMemory(at, await domainByName(at, 'a'), 5001, LIVE);
  const [member] = at.toolstack.members.values();
  expect(member!.memoryMiB * 1024).toBe(5004);
});
