import { expect, it } from 'vitest';
import { matching, natural, ordered, pressed, tagsSaid } from './order.ts';

it('has names in the order in which people count', () => {
  expect(['vm10', 'vm2', 'Web', 'vm1', 'web-2', 'web-10', 'web'].sort(natural)).toEqual([
    'vm1',
    'vm2',
    'vm10',
    'Web',
    'web',
    'web-2',
    'web-10',
  ]);
});

it('has rows by a column, those that have nothing in it last, equals as they came', () => {
  const rows = [
    { name: 'b', mib: 8 },
    { name: 'a', mib: undefined },
    { name: 'c', mib: 128 },
    { name: 'd', mib: 8 },
  ];
  const keys = { name: ({ name }: (typeof rows)[number]) => name, mib: ({ mib }: (typeof rows)[number]) => mib };
  const names = (order: Parameters<typeof ordered<(typeof rows)[number], 'name' | 'mib'>>[1]): string =>
    ordered(rows, order, keys)
      .map(({ name }) => name)
      .join('');
  expect([
    names(undefined),
    names({ column: 'mib', down: false }),
    names({ column: 'mib', down: true }),
    names({ column: 'name', down: true }),
  ]).toEqual(['bacd', 'bdca', 'cbda', 'dcba']);
});

it('goes up, down, and back to the list’s own order', () => {
  const up = pressed(undefined, 'name'),
    down = pressed(up, 'name');
  expect([up, down, pressed(down, 'name'), pressed(down, 'mib')]).toEqual([
    { column: 'name', down: false },
    { column: 'name', down: true },
    undefined,
    { column: 'mib', down: false },
  ]);
});

it('finds rows that have every word that was typed, wherever', () => {
  const matches = matching(' PVH  web');
  expect([matches('web1', 'running', 'pvh'), matches('web1', undefined, 'hvm'), matching('')('x')]).toEqual([
    true,
    false,
    true,
  ]);
});

it('finds a whole tag behind #, and any part of it without', () => {
  const found = (typed: string): string[] =>
    [['web'], ['Webshop', 'x'], ['x', 'WEB']]
      .filter(tags => matching(typed)('vm#1', undefined, tagsSaid(tags)))
      .map(tags => tags.join());
  expect([found('#web'), found('#webshop'), found('#we'), found('#')].map(each => each.length)).toEqual([2, 1, 0, 3]);
  expect([found('web'), found('#x #web'), found('vm#1'), found('#1'), found('')].map(each => each.length)).toEqual([
    3, 1, 3, 3, 3,
  ]);
});
