/** Paravirtual guests through the whole host: domain builder, hypervisor, Domain 0's console. */
import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from './support/command-line.ts';
import { NEEDS_GUESTS } from './support/guests.ts';
import { file } from './support/needs.ts';

const guest = file('guests/pvtest/pvtest.elf');
const grub = file('.cache/guests/xen/grub-i386-xen.bin');

describe('a 32-bit paravirtual guest', () => {
  it.each([
    ['one vCPU', []],
    ['two vCPUs', ['--vcpus', '2']],
    ['a computer without VT', ['--no-vt']],
    ['virtual time', ['--virtual-time', '--seed', '1']],
  ])(
    'finds what Xen promises: direct paging, pinning, descriptor tables, traps, multicalls, events: %s',
    async (_what, options) => {
      const vm = new WarmRingside('boot', '--type', 'pv', '--memory', '32', ...options, guest);
      onTestFinished(() => vm.kill());
      const status = await vm.end(50);
      expect(vm.output).not.toContain('FAIL');
      expect(vm.output).toMatch(/3\d\d checks held: SUCCESS/);
      expect(status).toBe(0);
    },
  );

  it('is refused with too little memory, and nothing is made', async () => {
    const vm = new WarmRingside('boot', '--type', 'pv', '--memory', '1', guest);
    onTestFinished(() => vm.kill());
    expect(await vm.end(20)).not.toBe(0);
    expect(vm.errors).toMatch(/memory = \d+|--memory \d+/);
  });

  it('is refused as what it is not', async () => {
    const vm = new WarmRingside('boot', '--type', 'pv', '--memory', '32', file('guests/demo/demo.elf'));
    onTestFinished(() => vm.kill());
    expect(await vm.end(20)).not.toBe(0);
    expect(vm.errors).toMatch(/XEN_VERSION/);
  });

  // What is typed comes back with a cursor movement after each letter: only the answer has it in one piece.
  it.skipIf(!existsSync(grub))(
    `is GRUB, which comes to its prompt and answers what is typed ${NEEDS_GUESTS}`,
    async () => {
      const vm = new WarmRingside('boot', '--type', 'pv', '--memory', '64', grub);
      onTestFinished(() => vm.kill());
      await vm.expect('grub> ', 40);
      vm.send('ls\n');
      await vm.expect('(memdisk)', 10);
      vm.send('echo 6 times 7\n');
      await vm.expect('6 times 7', 10);
    },
  );
});
