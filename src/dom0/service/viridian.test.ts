/** From a definition's `viridian` to the domain's HVM_PARAM_VIRIDIAN, which is there before the domain is built. */
import { expect, it } from 'vitest';
import { HVM_PARAM } from '../../hypervisor/xen/abi.ts';
import { getParam } from '../../hypervisor/xen/hvm/params.ts';
import { Ports } from '../../hypervisor/xen/events/ports.ts';
import { pvhKernel } from '../../hypervisor/xen/pvh-program.test-support.ts';
import { createHost } from './create-host.ts';
import { inTurns } from '../toolstack/runners/in-turns.ts';

it.each([
  ['hvm', 'viridian = [ "base", "reference_tsc" ]', 0b1011],
  ['hvm', 'viridian = 1', 0x1865],
  ['hvm', '', 0],
  ['pvh', 'viridian = 1', 0],
])('a %s guest with %s gets these enlightenments', async (type, line, features) => {
  const host = createHost({
    version: 'test',
    memory: new ArrayBuffer(64 * 2 ** 20),
    why: 'a test',
    runners: inTurns({ soon: () => {}, later: () => () => {}, hostMs: () => performance.now() }),
    soon: () => {},
    later: () => () => {},
    hostMs: () => performance.now(),
    epochMs: () => 0,
  });
  const file = (name: string, data: string | Uint8Array) => ({ name, data: new Blob([data as BlobPart]) });
  const { id } = await host.create([
    file('a.cfg', `name = "a"\ntype = "${type}"\nmemory = 8\nkernel = "k.elf"\n${line}\n`),
    file('k.elf', pvhKernel([0xfa, 0xf4])),
  ]);
  const record = host.machine.find(id);
  expect(record && getParam(new Ports(host.machine, record), HVM_PARAM.VIRIDIAN)).toEqual([features, 0]);
});
