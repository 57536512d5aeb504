/** Definitions in XML: each piece alone in a document that has nothing else, and then documents of several. */
import { picker } from '../harness/pick.ts';
import { DEVICES, type Piece, type Slot, XML_PIECES } from './pieces-xml.ts';

/** `text`: with the domain's type in the place of TYPE. */
export interface Drawn {
  name: string;
  text: string;
  pieces: readonly string[];
}

/** What is there where no piece says otherwise. */
const USUAL: Readonly<Partial<Record<Slot, string>>> = {
  uuid: '<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>',
  memory: "<memory unit='MiB'>64</memory>",
  vcpu: '<vcpu>1</vcpu>',
  machine: "<type arch='x86_64' machine='pc'>hvm</type>",
};
const IN_DOMAIN: readonly Slot[] = ['uuid', 'head', 'memory', 'vcpu', 'tune'];
const BEHIND_OS: readonly Slot[] = ['cpu', 'clock', 'events'];

function documentOf(name: string, pieces: readonly Piece[]): Drawn {
  const of = (slot: Slot): string =>
    pieces.some(piece => piece.slot === slot)
      ? pieces
          .filter(piece => piece.slot === slot)
          .map(({ text }) => text)
          .join('\n')
      : (USUAL[slot] ?? '');
  const features = of('features');
  const lines = [
    "<domain type='TYPE'>",
    `<name>${name}</name>`,
    ...IN_DOMAIN.map(of),
    `<os>${of('machine')}${of('os')}</os>`,
    features && `<features>${features}</features>`,
    ...BEHIND_OS.map(of),
    '<devices>',
    ...DEVICES.map(of),
    '</devices>',
    '</domain>',
  ];
  return { name, text: `${lines.filter(Boolean).join('\n')}\n`, pieces: pieces.map(({ text }) => text || '(nothing)') };
}

/** Of most places a document has one piece. */
const MOST_PIECES = 6;

/** The same number gives the same. */
export function xmlDefinition(number: number): Drawn {
  const name = `d${number}`;
  if (number === 0) return documentOf(name, []);
  if (number <= XML_PIECES.length) return documentOf(name, [XML_PIECES[number - 1]]);
  const pick = picker(number);
  for (let i = 0; i < 8; i++) pick(2);
  const pieces: Piece[] = [];
  for (let count = 2 + pick(MOST_PIECES - 1); count > 0; count--) {
    const piece = XML_PIECES[pick(XML_PIECES.length)];
    if (DEVICES.includes(piece.slot) || pieces.every(({ slot }) => slot !== piece.slot)) pieces.push(piece);
  }
  return documentOf(name, pieces);
}
