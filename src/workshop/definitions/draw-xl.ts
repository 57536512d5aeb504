/** Definitions in xl's language: each piece alone in a definition of an HVM guest that has nothing else, and then some of several. */
import { picker } from '../harness/pick.ts';
import type { Drawn } from './draw-xml.ts';
import { XL_PIECES } from './pieces-xl.ts';

const keyOf = (piece: string): string => /^\w+/.exec(piece)?.[0] ?? piece;
const MOST_PIECES = 5;

function definitionOf(name: string, pieces: readonly string[]): Drawn {
  const keys = pieces.map(keyOf);
  // Something has to start here, which xl finds out later.
  const usual = Object.entries({
    name: `"${name}"`,
    type: '"hvm"',
    memory: '64',
    disk: '[ "/boot.img,raw,hda" ]',
  }).filter(
    ([key]) =>
      !keys.includes(key) &&
      !(key === 'type' && keys.includes('builder')) &&
      !(key === 'disk' && keys.includes('kernel')),
  );
  return { name, text: `${[...usual.map(([key, value]) => `${key} = ${value}`), ...pieces].join('\n')}\n`, pieces };
}

/** The same number gives the same. */
export function xlDefinition(number: number): Drawn {
  const name = `d${number}`;
  if (number === 0) return definitionOf(name, []);
  if (number <= XL_PIECES.length) return definitionOf(name, [XL_PIECES[number - 1]]);
  const pick = picker(number);
  for (let i = 0; i < 8; i++) pick(2);
  const pieces: string[] = [];
  for (let count = 2 + pick(MOST_PIECES - 1); count > 0; count--) {
    const piece = XL_PIECES[pick(XL_PIECES.length)];
    if (pieces.every(other => keyOf(other) !== keyOf(piece))) pieces.push(piece);
  }
  return definitionOf(name, pieces);
}
