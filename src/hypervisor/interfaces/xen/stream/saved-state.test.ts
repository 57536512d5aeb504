import { expect, it } from 'vitest';
import { hasBecome } from './saved-since.ts';
import { readAbout, type SavedAbout, type WrittenAbout } from './saved-state.ts';

const read = (about: object) =>
  readAbout({ name: 'a', ...about } as WrittenAbout, () => {
    throw new Error('damaged');
  });

it('older states say what a guest shows of Xen, or that it shows KVM, and a card: kind and cards follow', () => {
  expect(read({ kind: 'kvm' })).toEqual({ name: 'a', kind: 'kvm' });
  expect(read({ xen: 'pvh' })).toEqual({ name: 'a', kind: 'pvh' });
  expect(read({ kvm: true })).toEqual({ name: 'a', kind: 'kvm' });
  expect(read({})).toEqual({ name: 'a', kind: 'pc' });
  const card = { model: 'pcnet', mac: '00:16:3e:00:00:01' };
  expect(read({ nic: card.model, mac: card.mac })).toEqual({ name: 'a', kind: 'pc', cards: [{ place: 0, ...card }] });
  const about = { name: 'a', memoryMiB: 1, cards: [{ place: 0, ...card }] } as unknown as SavedAbout;
  const since = { populatedMiB: 1, instructions: 5 };
  for (const [cards, becomes] of [
    [
      [
        { place: 0, ...card },
        { place: 1, ...card },
      ],
      true,
    ],
    [
      [
        { place: 0, ...card },
        { place: 0, ...card },
      ],
      false,
    ],
    [[{ place: 8, ...card }], false],
    [[null], false],
    [[{ place: 1, model: 'toString' }], false],
  ] as [SavedAbout['cards'], boolean][])
    expect([hasBecome(about, { ...since, cards }), about.cards?.length]).toEqual([becomes, 2]);
  expect([hasBecome(about, { ...since, nic: 'none' }), about.cards]).toEqual([true, []]);
  for (const kind of ['xen', 5, null, 'toString']) expect(() => read({ kind, xen: 7 })).toThrow('damaged');
});
