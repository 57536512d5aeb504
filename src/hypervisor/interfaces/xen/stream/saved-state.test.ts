import { expect, it } from 'vitest';
import { readAbout, type WrittenAbout } from './saved-state.ts';

const read = (about: object) =>
  readAbout({ name: 'a', ...about } as WrittenAbout, () => {
    throw new Error('damaged');
  });

it('older states say what a guest shows of Xen, or that it shows KVM: its kind follows', () => {
  expect(read({ kind: 'kvm' })).toEqual({ name: 'a', kind: 'kvm' });
  expect(read({ xen: 'pvh' })).toEqual({ name: 'a', kind: 'pvh' });
  expect(read({ kvm: true })).toEqual({ name: 'a', kind: 'kvm' });
  expect(read({})).toEqual({ name: 'a', kind: 'pc' });
  for (const kind of ['xen', 5, null, 'toString']) expect(() => read({ kind, xen: 7 })).toThrow('damaged');
});
