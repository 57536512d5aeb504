/**
 * What two hosts say to each other while a domain moves (docs/migration.md has the order). The steps and their texts are those of xl's migration
 * (tools/xl/xl_migrate.c of Xen 4.17); a message is a type, the length of its body (32 bits each, little-endian), and the body.
 */
import type { State } from '../../../devices/index.ts';
import { decodePlain, encodePlain } from '../../../hypervisor/index.ts';
import type { DiskCopy, ImageDigest } from '../../toolstack/index.ts';
import type { Line } from './line.ts';

/** Both ends speak this one. */
export const PROTOCOL = 11;

/** From the host that the domain leaves (S) or that it goes to (T). */
export const MESSAGE = {
  /** T, first: a text with the version of the protocol. */
  READY: 1,
  /** S: what moves (Offer). */
  OFFER: 2,
  /** S: bytes of the stream (xl's saved file), as many as there are at once. */
  STREAM: 3,
  /** T, once the stream's head is there: the domain is built, and its memory may come. */
  ACCEPTED: 4,
  /** T, at any time before it starts: a sentence. Nothing is left there. */
  REFUSED: 5,
  /** T: all of the stream has come. */
  RECEIVED: 6,
  /**
   * S: the domain is T's from now on; or, behind xl's text, the epoch of a lease (64 bits): it is T's once T has the one after that. The latter is sent behind the
   * stream, before T has said that it has all of that.
   */
  GO: 7,
  /** T: one byte, 0: it runs; else a sentence follows, and GO comes back once nothing is left there. */
  RESULT: 8,
  /** S, in place of OFFER: what became of a domain whose link broke (its token)? T's answer: OWNER. */
  WHOSE: 9,
  /** T: one byte, 1: it is T's; 0: it is not, and will not be. */
  OWNER: 10,
  /** S, between two pieces of the stream: T answers PLACED once all pages before it are in place. */
  PLACE: 11,
  /** T. */
  PLACED: 12,
  /** S, between two pieces of the stream: a state but for memory and disks, for T to try while the guest runs. */
  REHEARSE: 13,
  /** T, behind an offer with disks: it has room for them, and takes connections for `disks`. */
  PREPARED: 14,
  /** T, behind RESULT where the guest goes on before its memory (postcopy.ts): ranges of guest frames that it lacks. */
  LACKS: 15,
  /** S: guest frames, and what is in them. */
  FRAMES: 16,
  /** T: guest frames that somebody represents. */
  WANTED: 17,
  /** T: FRAMES are in place. */
  GOT: 18,
  /** T: it lacks none any more. */
  WHOLE: 19,
  /** S, in place of OFFER, with the token: the link broke before that. T goes on with LACKS. */
  RECOVER: 20,
  /** T, behind an offer whose files are sent (images.ts): numbers of those that it lacks. */
  LACKS_IMAGES: 21,
  /** S: the next bytes of them. */
  IMAGE: 22,
  /** S, between two pieces of the stream: what the guest has written of a file in a drive, which is only read (DISK record of saved-disks.ts). */
  BLOCKS: 23,
} as const;

/** xl's texts for some of them. */
export const TEXT = {
  READY: 'xl migration receiver ready, send binary domain data.\n',
  RECEIVED: 'domain received, ready to unpause\n',
  GO: 'domain is yours, you are cleared to unpause\n',
} as const;

export const RESUMING = 'Migration failed, resuming at sender.';
/** Errors of libxl (libxl_types.idl). */
const ERROR_FAIL = -3,
  ERROR_GUEST_TIMEDOUT = -9;

/** What ended the sending, in xl's words. */
export function sendFailure(why: Error): Error {
  const late = /did not suspend itself/.test(why.message);
  const failed = `migration sender: libxl_domain_suspend failed (rc=${late ? ERROR_GUEST_TIMEDOUT : ERROR_FAIL})`;
  return new Error(`${why.message}\n${failed}\n${late ? 'Migration failed, failed to suspend at sender.' : RESUMING}`);
}

/** GO with the epoch of a lease; absent: no lease says whose the domain is. */
export function encodeGo(epoch?: number): Uint8Array {
  const text = new TextEncoder().encode(TEXT.GO);
  if (epoch === undefined) return text;
  const body = new Uint8Array(text.length + 8);
  body.set(text);
  new DataView(body.buffer).setBigUint64(text.length, BigInt(epoch), true);
  return body;
}

/** The epoch of a GO. @throws Error with a sentence: it is none */
export function readGo(body: Uint8Array): number | undefined {
  const bytes = body.length - TEXT.GO.length;
  if ((bytes !== 0 && bytes !== 8) || !textOf(body).startsWith(TEXT.GO))
    throw new Error('The other host gives no permission that this one knows.');
  return bytes === 0
    ? undefined
    : Number(new DataView(body.buffer, body.byteOffset).getBigUint64(TEXT.GO.length, true));
}

/** A domain has no more drives. */
const MOST_DISKS = 1000;
/** A body other than the stream's is kept whole. */
export const MOST_BODY_BYTES = 4 * 1024 * 1024;
/** A graphics adapter has 16 MiB of memory, which is most of a state. */
export const MOST_REHEARSAL_BYTES = 32 * 1024 * 1024;

export interface Offer {
  protocol: number;
  /** Names this move, on both hosts. */
  token: string;
  name: string;
  /** It is not to run there before somebody unpauses it. */
  paused: boolean;
  /** Of its devices. */
  toolstack: State;
  /** What it is defined by from now on; absent: as its state says. */
  definition?: string;
  /** Volumes that come with it, on connections of their own, in this order. */
  copies: DiskCopy[];
  /** What is in the files in its drives. */
  images: ImageDigest[];
  /** Those that T lacks are sent. */
  sendsImages: boolean;
  /** It may go on there before all of its memory has come. */
  postcopy: boolean;
  /** It is defined there so from then on, but for its name; absent: it is not. */
  persistent?: string;
}

/** An 8-byte record of libxc: STATIC_DATA_END, behind which memory begins. */
const STATIC_DATA_END = 0x10;
export const endsHead = (piece: Uint8Array): boolean =>
  piece.length === 8 && piece[0] === STATIC_DATA_END && piece.subarray(1).every(byte => byte === 0);

export interface Message {
  type: number;
  body: Uint8Array;
}

const HEADER_BYTES = 8;

export function header(type: number, bytes: number): Uint8Array {
  const head = new Uint8Array(HEADER_BYTES),
    view = new DataView(head.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes, true);
  return head;
}

/** @throws Error with a sentence: the line has ended */
export async function say(line: Line, type: number, body: string | Uint8Array = ''): Promise<void> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const whole = new Uint8Array(HEADER_BYTES + bytes.length);
  whole.set(header(type, bytes.length));
  whole.set(bytes, HEADER_BYTES);
  await line.send(whole);
}

/** What kind of message comes next, and how long its body is. */
export async function nextHeader(line: Line): Promise<{ type: number; bytes: number }> {
  const head = await line.read(HEADER_BYTES);
  const view = new DataView(head.buffer);
  return { type: view.getUint32(0, true), bytes: view.getUint32(4, true) };
}

/** A message that is no part of a stream. @throws Error with a sentence: the line ended, or what came is none */
export async function hear(line: Line, mostBytes = MOST_BODY_BYTES): Promise<Message> {
  const { type, bytes } = await nextHeader(line);
  if (bytes > mostBytes) throw new Error(`Message ${type} has ${bytes} bytes, and none has more than ${mostBytes}.`);
  return { type, body: await line.read(bytes) };
}

/** The other host does not take it. */
export class Refused extends Error {}

/** The next message of the other host, which must be of this type. @throws Refused; Error with a sentence: the link broke, or something else came */
export async function answer(line: Line, type: number, refused: number = MESSAGE.REFUSED): Promise<Uint8Array> {
  const message = await hear(line);
  if (message.type !== type) throw notExpected(message, type, refused);
  return message.body;
}

export const notExpected = ({ type: came, body }: Message, type: number, refused: number = MESSAGE.REFUSED): Error =>
  came === refused ? new Refused(textOf(body)) : new Error(`The other host sends message ${came}, and should ${type}.`);

/**
 * Why the sending failed: `error`, or what `stop` was aborted for; but a refusal goes before both. The end of the line is known at once, while a refusal that came
 * before it may not have been read yet. `refused`: its type; `reading`: settles when who reads the line has read it to its end.
 */
export async function whyFailed(
  error: unknown,
  stop: AbortSignal,
  line: Line,
  refused: number = MESSAGE.REFUSED,
  reading?: Promise<unknown>,
): Promise<Error> {
  if (error instanceof Refused) return error;
  const why = (stop.aborted ? stop.reason : error) as Error;
  if (!line.isOver) return why;
  try {
    await reading;
    for (;;) {
      const message = await hear(line);
      if (message.type === refused) return new Refused(textOf(message.body));
    }
  } catch (last) {
    return last instanceof Refused ? last : why;
  }
}

/** Nothing is stopped by it. */
export const NEVER = new AbortController().signal;

/** Settles where a guest can come to the other host no more, by `received` or the line's end. True: that has refused it before it had all of it. */
export const refusal = (line: Line, received: Promise<unknown>): Promise<boolean> =>
  received.then(
    () => line.ended.then(() => false),
    async error => (await whyFailed(error, NEVER, line)) instanceof Refused,
  );

/** Of an error there, it is shown to people here. */
export const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

/** Numbers of guest frames or of files. @throws Error with a sentence: there are no whole ones */
export function wordsOf(body: Uint8Array): Uint32Array {
  if (body.length % 4 !== 0)
    throw new Error(`The other host sends ${body.length} bytes in place of numbers, which have four each.`);
  return new Uint32Array(body.slice().buffer);
}

export const bytesOf = (words: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

const areAll = (list: unknown, is: (each: unknown) => boolean): boolean =>
  Array.isArray(list) && list.length <= MOST_DISKS && list.every(is);

const isImage = (given: unknown): boolean => {
  const { path, vdev, bytes, sha256 } = (given ?? {}) as Partial<ImageDigest>;
  return (
    typeof path === 'string' &&
    (vdev === undefined || typeof vdev === 'string') &&
    Number.isSafeInteger(bytes) &&
    bytes! >= 0 &&
    /^[0-9a-f]{64}$/.test(String(sha256))
  );
};

const isCopy = (given: unknown): boolean => {
  const { path, bytes, base } = (given ?? {}) as Partial<DiskCopy>;
  return typeof path === 'string' && Number.isSafeInteger(bytes) && bytes! > 0 && (base === undefined || isImage(base));
};

export const encodeOffer = (offer: Offer): Uint8Array => encodePlain({ ...offer });

/** @throws Error with a sentence: it is none, or of another version */
export function readOffer(body: Uint8Array): Offer {
  const wrong = (): never => {
    throw new Error(
      'The other host does not say what is to come. Migrate with the same version of Ringside on both hosts.',
    );
  };
  let offer: Partial<Offer>;
  try {
    offer = decodePlain(body) as Partial<Offer>;
  } catch {
    return wrong();
  }
  const { protocol, token, name, paused, toolstack, definition, copies, images, sendsImages, postcopy, persistent } =
    offer;
  if (Number.isInteger(protocol) && protocol !== PROTOCOL)
    throw new Error(
      `The other host moves domains by version ${protocol} of the protocol, and this one by ${PROTOCOL}. Take the same version of Ringside on both hosts.`,
    );
  if (
    protocol !== PROTOCOL ||
    typeof token !== 'string' ||
    typeof name !== 'string' ||
    typeof paused !== 'boolean' ||
    typeof sendsImages !== 'boolean' ||
    typeof postcopy !== 'boolean' ||
    typeof toolstack !== 'object' ||
    toolstack === null ||
    ![definition, persistent].every(each => each === undefined || typeof each === 'string') ||
    !areAll(copies, isCopy) ||
    !areAll(images, isImage)
  )
    return wrong();
  return offer as Offer;
}
