/** `xl back`: what the page asks for, as a line, is read as what it asked for. */
import { expect, it } from 'vitest';
import { backCommand } from '../breaks/index.ts';
import { spell } from '../hypervisors/spelling.ts';
import { xen } from '../hypervisors/xen.ts';
import { pastWish } from './back.ts';

it.each([
  [{ back: { exits: 1 } }, 'xl back web 1e'],
  [{ back: { instructions: 100 } }, 'xl back web 100i'],
  [{ back: { ns: 1e9 } }, 'xl back web 1s'],
  [{ goTo: { ns: 2_500_000_000 } }, 'xl back web @2.5s'],
  ['keep', 'xl back web keep'],
  ['present', 'xl back web now'],
  ['goOn', 'xl back web on'],
] as const)('%j is %s', (wish, line) => {
  expect(spell(xen, backCommand('web', wish))).toBe(line);
  expect(pastWish(line.split(' ').at(-1)!)).toEqual(wish);
});

it('names all bytes whose last write is looked for', () => {
  expect(spell(xen, backCommand('web', { backTo: [{ kind: 'write', linear: 0x1000, bytes: 8 }] }))).toBe(
    'xl back -w web 0x00001000 8',
  );
});
