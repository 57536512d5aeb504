/** What a client says once the hand-shake is over. Sources: RFC 6143, 7.5; rfbproto.rst, "QEMU Extended Key Event Message". */
import { FORMAT_BYTES, type PixelFormat, readFormat } from './pixels.ts';
import type { Rectangle } from './changes.ts';
import { CLIENT, QEMU_KEY, RfbError } from './protocol.ts';

export type ClientMessage =
  | { kind: 'format'; format: PixelFormat }
  /** The first is liked best. */
  | { kind: 'encodings'; encodings: number[] }
  /** `isIncremental`: what it has of that area it still has. */
  | { kind: 'request'; isIncremental: boolean; area: Rectangle }
  /** `xtCode`: of which key, where the client tells: an XT make code, with bit 7 where E0 precedes it. */
  | { kind: 'key'; isDown: boolean; keysym: number; xtCode?: number }
  /** Bits 0 to 2 of `buttons`: left, middle, right; 3 and 4: the wheel away from the user and towards him. */
  | { kind: 'pointer'; buttons: number; x: number; y: number }
  /** Text of its clipboard, which is read over. */
  | { kind: 'text'; bytes: number };

/** Reads one thing of a stream: it yields how many bytes it wants next, and is given them. */
export type Reading<T> = Generator<number, T, Uint8Array<ArrayBuffer>>;

/** Longest text of a clipboard. Nothing is kept of it, but who sends more than that sends something else. */
const MOST_TEXT_BYTES = 2 ** 20;
const PIECE_BYTES = 4096;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** One message. @throws RfbError: it is none, and where the next one begins is not known */
export function* readClientMessage(): Reading<ClientMessage> {
  const [type] = yield 1;
  const { SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST, KEY, POINTER, CUT_TEXT, QEMU } = CLIENT;
  switch (type) {
    case SET_PIXEL_FORMAT:
      return { kind: 'format', format: readFormat((yield 3 + FORMAT_BYTES).subarray(3)) };
    case SET_ENCODINGS:
      return { kind: 'encodings', encodings: yield* encodings(view(yield 3).getUint16(1)) };
    case UPDATE_REQUEST: {
      const words = view(yield 9);
      const [x, y, width, height] = [1, 3, 5, 7].map(at => words.getUint16(at));
      return { kind: 'request', isIncremental: words.getUint8(0) !== 0, area: { x, y, width, height } };
    }
    case KEY: {
      const words = view(yield 7);
      return { kind: 'key', isDown: words.getUint8(0) !== 0, keysym: words.getUint32(3) };
    }
    case POINTER: {
      const words = view(yield 5);
      return { kind: 'pointer', buttons: words.getUint8(0), x: words.getUint16(1), y: words.getUint16(3) };
    }
    case CUT_TEXT:
      return { kind: 'text', bytes: yield* text(view(yield 7).getUint32(3)) };
    case QEMU: {
      const [kind] = yield 1;
      if (kind !== QEMU_KEY)
        throw new RfbError(`The client sends message ${kind} of QEMU's, which it was not offered.`);
      const words = view(yield 10);
      return {
        kind: 'key',
        isDown: words.getUint16(0) !== 0,
        keysym: words.getUint32(2),
        xtCode: words.getUint32(6),
      };
    }
    default:
      throw new RfbError(`The client sends a message of type ${type}, which it was not offered.`);
  }
}

function* encodings(count: number): Reading<number[]> {
  if (count === 0) return [];
  const words = view(yield 4 * count);
  return Array.from({ length: count }, (_, i) => words.getInt32(4 * i));
}

function* text(bytes: number): Reading<number> {
  if (bytes > MOST_TEXT_BYTES) throw new RfbError(`The client sends ${bytes} bytes of text.`);
  for (let left = bytes; left > 0; left -= PIECE_BYTES) yield Math.min(left, PIECE_BYTES);
  return bytes;
}
