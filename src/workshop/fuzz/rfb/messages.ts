/** What a hostile client of RFB sends: greetings and messages that are right, nearly right and none at all. */
import { CLIENT, ENCODING, formatBytes, OWN_FORMAT, ByteSink, SECURITY, VERSION } from '../../../formats/rfb/index.ts';
import { damaged, type Pick } from '../../harness/pick.ts';

/** Numbers at which something may end: of places, sizes, keysyms. */
const WORDS = [0, 1, 2, 15, 16, 17, 399, 400, 639, 640, 641, 0x7fff, 0x8000, 0xffff];
const KEYSYMS = [0x20, 0x41, 0x7a, 0xff0d, 0xff1b, 0xffe1, 0xffe3, 0xffe9, 0xffff, 0x1000001, 0xffffffff];
const word = (pick: Pick): number => (pick(2) === 0 ? WORDS[pick(WORDS.length)]! : pick(0x10000));
const wide = (pick: Pick): number => (word(pick) * 0x10000 + word(pick)) % 2 ** pick(33);

/** The hand-shake of one that is let in, and of some that are not. */
export function rfbGreeting(pick: Pick): Uint8Array {
  const sink = new ByteSink();
  const kind = pick(8);
  if (kind === 0) return Uint8Array.from({ length: pick(40) }, () => pick(256));
  sink.text(kind === 1 ? 'RFB 003.003\n' : kind === 2 ? 'RFB 003.007\n' : kind === 3 ? 'RFB 999.999\n' : VERSION);
  if (kind !== 1 && kind !== 3) sink.u8(pick(12) === 0 ? pick(256) : SECURITY.NONE);
  sink.u8(pick(2));
  const bytes = sink.taken();
  return pick(10) === 0 ? damaged(pick, bytes) : bytes;
}

type Make = (sink: ByteSink, pick: Pick) => ByteSink;
const MESSAGES: readonly Make[] = [
  (sink, pick) => {
    const format = formatBytes(OWN_FORMAT);
    return sink
      .u8(CLIENT.SET_PIXEL_FORMAT)
      .put(new Uint8Array(3))
      .put(pick(3) === 0 ? format : damaged(pick, format));
  },
  (sink, pick) => {
    const count = pick(30) === 0 ? word(pick) : pick(6);
    sink.u8(CLIENT.SET_ENCODINGS).u8(0).u16(count);
    const known = Object.values(ENCODING);
    for (let i = 0; i < Math.min(count, 100); i++)
      sink.u32((pick(3) === 0 ? wide(pick) : known[pick(known.length)]!) >>> 0);
    return sink;
  },
  (sink, pick) =>
    sink.u8(CLIENT.UPDATE_REQUEST).u8(pick(2)).u16(word(pick)).u16(word(pick)).u16(word(pick)).u16(word(pick)),
  (sink, pick) =>
    sink
      .u8(CLIENT.KEY)
      .u8(pick(3))
      .u16(0)
      .u32(pick(2) === 0 ? KEYSYMS[pick(KEYSYMS.length)]! : wide(pick)),
  (sink, pick) => sink.u8(CLIENT.POINTER).u8(pick(256)).u16(word(pick)).u16(word(pick)),
  (sink, pick) => {
    const bytes = pick(50) === 0 ? wide(pick) : pick(40);
    return sink
      .u8(CLIENT.CUT_TEXT)
      .put(new Uint8Array(3))
      .u32(bytes)
      .put(new Uint8Array(Math.min(bytes, 5000)));
  },
  (sink, pick) =>
    sink
      .u8(CLIENT.QEMU)
      .u8(pick(20) === 0 ? pick(256) : 0)
      .u16(pick(3))
      .u32(wide(pick))
      .u32(pick(2) === 0 ? pick(256) : wide(pick)),
];

export function rfbMessage(pick: Pick): Uint8Array {
  if (pick(300) === 0) return Uint8Array.from({ length: pick(60) }, () => pick(256));
  const bytes = MESSAGES[pick(MESSAGES.length)]!(new ByteSink(), pick).taken();
  return pick(60) === 0 ? damaged(pick, bytes) : bytes;
}
