/** The room of a class and its wall: the other tabs of this browser, or the pages that are at the hub of a pool, by a word or a code of the same. */
import type { Later } from '../../dom0/host/index.ts';
import type { Room, RoomEnds } from '../../lessons/index.ts';
import { address } from './addresses.ts';

/** Of the tabs of one browser. */
const WORD = /^[a-z0-9]{1,32}$/,
  /** A code alone is of the hub that this page comes from; else there stands the hub's address with it. */
  CODE = /^[a-z0-9]{4}(-[a-z0-9]{4}){3}$/i,
  ADDRESS = /^(ws|http)s?:\/\/\S{1,200}$/;

export const isHub = (word: string): boolean => !WORD.test(word);

/** The one that the address names. A word of another form is none. */
export function roomHere(): string | undefined {
  const room = address().get('room') ?? '';
  return [WORD, CODE, ADDRESS].some(form => form.test(room)) ? room : undefined;
}

/** `isWall`: of a teacher. */
export function openRoom(word: string, isWall: boolean, ends: RoomEnds): Room {
  if (isHub(word)) return atHub(word, isWall, ends);
  // Tabs of one browser and one origin alone: nothing leaves the machine.
  const channel = new BroadcastChannel(`ringside-class-${word}`);
  channel.onmessage = ({ data }) => ends.hear(data);
  return { send: text => channel.postMessage(text), close: () => channel.close() };
}

const later: Later = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

function atHub(word: string, isWall: boolean, ends: RoomEnds): Room {
  let room: Room | undefined,
    last: string | undefined,
    isClosed = false;
  const open = async (): Promise<void> => {
    const { ClassRoom, hubRoom, readCode, readHubAddress, secretsOf } = await import('./at-hub.ts');
    const { url, code } = readHubAddress(CODE.test(word) ? `${location.origin}/#${word}` : word);
    const { classRoom, secret } = await secretsOf(readCode(code));
    if (isClosed) return;
    room = new ClassRoom({
      ...ends,
      isWall,
      secret,
      later,
      random: count => crypto.getRandomValues(new Uint8Array(count)),
      enter: () => hubRoom(address => new WebSocket(address), { url }, classRoom, later),
    });
    if (last !== undefined) room.send(last);
  };
  open().catch((error: Error) => ends.told?.(error.message));
  return {
    send: text => {
      last = text;
      room?.send(text);
    },
    close: () => {
      isClosed = true;
      room?.close();
    },
  };
}
