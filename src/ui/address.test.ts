import { expect, it } from 'vitest';
import { hashOf, placeOf } from './address.ts';
import type { Place } from './place.ts';

const nameOf = (id: number): string | undefined => (id === 3 ? 'web/1 ä' : undefined);

it('names guest and tab, whatever the guest is called', () => {
  expect(hashOf({ kind: 'domain', id: 3, tab: 'inspect' }, nameOf)).toBe('#/guest/web%2F1%20%C3%A4/inspect');
  expect(placeOf('#/guest/web%2F1%20%C3%A4/inspect')).toEqual({ kind: 'domain', name: 'web/1 ä', tab: 'inspect' });
  expect(hashOf({ kind: 'domain', id: 3 }, nameOf)).toBe('#/guest/web%2F1%20%C3%A4');
});

it('leads back to the same place', () => {
  const places: Place[] = [
    { kind: 'home', tab: 'host' },
    { kind: 'home', tab: 'storage', name: 'web' },
    { kind: 'defined', name: 'a b' },
    { kind: 'defined', name: 'a', tab: 'snapshots' },
    { kind: 'shell' },
    { kind: 'sector', name: 'plasma' },
    { kind: 'domain', name: 'web' },
  ];
  for (const place of places) expect(placeOf(hashOf(place, nameOf))).toEqual(place);
  expect([hashOf({ kind: 'home' }, nameOf), hashOf({ kind: 'draft' }, nameOf), placeOf('#/host/desktop')]).toEqual([
    '',
    '',
    { kind: 'home' },
  ]);
});

it('is none where somebody wrote something else', () => {
  for (const address of [
    '',
    '#',
    '#bench',
    '#/',
    '#/guest',
    '#/guest/',
    '#/%E0%A4%A',
    '#/draft',
    '#/a b',
    `#/guest/${'x'.repeat(5000)}`,
  ])
    expect(placeOf(address)).toBeUndefined();
});
