import { expect, it } from 'vitest';
import type { SavedState } from '../../hypervisor/index.ts';
import { blueprintOf } from './saved-blueprint.ts';

it.each(['hvm', 'pvh', 'pv'] as const)('a %s guest that was saved without a definition is built as one again', type => {
  const about = { name: 'disk.img', definition: '', memoryMiB: 16, populatedMiB: 16, startEpochMs: 0, xen: type };
  const state = { about, boot: {}, hvm: [], domain: {}, emulator: { devices: {} } } as unknown as SavedState;
  expect(blueprintOf(state, { file: 'x' } as never, [], 'x').definition.type).toBe(type);
});

it.each([
  ['kvm = 1', {}, undefined],
  ['', { kvm: true }, true],
])('a guest that was saved finds KVM again where it did, whatever its definition says: %s', (line, more, kvm) => {
  const definition = `name = "k"\ntype = "hvm"\nmemory = 16\nkernel = "/k"\n${line}\n`;
  const about = { name: 'k', definition, memoryMiB: 16, populatedMiB: 16, startEpochMs: 0, ...more };
  const state = { about, boot: {}, hvm: [], domain: {}, emulator: { devices: {} } } as unknown as SavedState;
  const blueprint = blueprintOf(state, { file: 'x' } as never, [], 'x');
  expect([blueprint.kvm, blueprint.definition.kvm, blueprint.xen]).toEqual([kvm, kvm, undefined]);
});
