/** From a definition's `viridian` to the domain's HVM_PARAM_VIRIDIAN, which is there before the domain is built. */
import { expect, it } from 'vitest';
import { asm } from '../../cpu/test-support/asm.ts';
import { HVM_PARAM } from '../../hypervisor/interfaces/xen/abi.ts';
import { getParam } from '../../hypervisor/interfaces/xen/hvm/params.ts';
import { Ports } from '../../hypervisor/interfaces/xen/events/ports.ts';
import { pvhKernel } from '../../hypervisor/interfaces/xen/pvh-program.test-support.ts';
import { stillHost, testFile } from './host.test-support.ts';

it.each([
  ['hvm', 'viridian = [ "base", "reference_tsc" ]', 0b1011],
  ['hvm', 'viridian = 1', 0x1865],
  ['hvm', '', 0],
  ['pvh', 'viridian = 1', 0],
])('a %s guest with %s gets these enlightenments', async (type, line, features) => {
  const host = stillHost();
  const { id } = await host.create([
    testFile('a.cfg', `name = "a"\ntype = "${type}"\nmemory = 8\nkernel = "k.elf"\n${line}\n`),
    testFile('k.elf', pvhKernel(asm('cli; hlt'))),
  ]);
  const record = host.machine.find(id);
  expect(record && getParam(new Ports(host.machine, record), HVM_PARAM.VIRIDIAN)).toEqual([features, 0]);
});
