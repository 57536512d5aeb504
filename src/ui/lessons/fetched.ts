/** A lesson from somebody's own address. Nothing is known of it: it is a text of limited length, which is read as any lesson is (src/lessons/lesson.ts). */
import { MOST_CHARACTERS } from '../../lessons/limits/index.ts';
import { words } from './words.ts';

/** A character is three bytes of UTF-8 at most, two of which may be one of four. */
const MOST_BYTES = 3 * MOST_CHARACTERS;
const MOST_MS = 20_000;

export const isAddress = (id: string): boolean => /^https?:/i.test(id);

/** Over plain http anybody on the way could write another lesson; this machine itself is no way. */
const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || hostname === 'localhost' || hostname === '127.0.0.1';

/** Whose lesson it is, for people. */
export const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).host : address);

/** Text of a lesson, without cookies and without naming the reader. `mostMs`: that all of it may take. @throws Error with a sentence */
export async function fetchedText(address: string, get: typeof fetch = fetch, mostMs = MOST_MS): Promise<string> {
  if (!URL.canParse(address)) throw new Error(words.errors.noAddress(address));
  const url = new URL(address);
  if (!isSafe(url)) throw new Error(words.errors.noHttps(address));
  const signal = AbortSignal.timeout(mostMs);
  const failed = (otherwise: string): Error =>
    new Error(signal.aborted ? words.errors.late(url.host, mostMs / 1000) : otherwise);
  const answer = await get(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal }).catch(() => {
    throw failed(words.errors.notGiven(url.host));
  });
  if (!answer.ok) throw new Error(words.errors.answered(url.host, answer.status, url.pathname));
  if (answer.url && !isSafe(new URL(answer.url))) throw new Error(words.errors.leads(url.host, answer.url));
  if (/\bhtml\b/.test(answer.headers.get('content-type') ?? '')) throw new Error(words.errors.webPage(address));
  const bytes = await bytesOf(answer).catch(() => {
    throw failed(words.errors.broke(url.host));
  });
  if (!bytes) throw new Error(words.errors.tooMuch(url.host, MOST_BYTES / 1024));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(words.errors.noText(url.host));
  }
}

/** No more is read than a lesson may have; undefined: there is more. @throws DOMException, TypeError the network's */
async function bytesOf(answer: Response): Promise<ArrayBuffer | undefined> {
  const pieces: Uint8Array<ArrayBuffer>[] = [],
    reader = answer.body?.getReader();
  let bytes = 0;
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader!.read()) {
    pieces.push(piece.value);
    bytes += piece.value.length;
    if (bytes <= MOST_BYTES) continue;
    await reader!.cancel();
    return undefined;
  }
  return new Blob(pieces).arrayBuffer();
}
