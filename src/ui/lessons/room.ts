/** The room of a class and its wall: the other tabs of this browser, or the pages that are at the hub of a pool, by a word or a code of the same. */
import { roomAtHub } from './parts.ts';
import { later } from '../../hypervisor/worker/index.ts';
import type { Room, RoomEnds } from '../../lessons/index.ts';
import { address } from './addresses.ts';
import { words } from './words.ts';

/** Of the tabs of one browser. */
const WORD = /^[a-z0-9]{1,32}$/,
  /** A code alone is of the hub that this page comes from; else the hub's address is with it. */
  CODE = '[A-Za-z0-9]{4}(?:-[A-Za-z0-9]{4}){3}',
  ADDRESS = '(?:ws|http)s?://\\S{1,200}';

/** What names a hub, for a field where somebody writes it. */
export const HUB = `\\s*(?:${CODE}|${ADDRESS})\\s*`;
const isWhole = (form: string, word: string): boolean => new RegExp(`^(?:${form})$`).test(word);

export const isHub = (word: string): boolean => !WORD.test(word);

/** The one that the address names. A word of another form is none. */
export function roomHere(): string | undefined {
  const room = address().get('room') ?? '';
  return WORD.test(room) || isWhole(`${CODE}|${ADDRESS}`, room) ? room : undefined;
}

/** `isWall`: of a teacher. */
export function openRoom(word: string, isWall: boolean, ends: RoomEnds): Room {
  if (isHub(word)) return atHub(word, isWall, ends);
  // Tabs of one browser and one origin alone: nothing leaves the machine.
  const channel = new BroadcastChannel(`ringside-class-${word}`);
  channel.onmessage = ({ data }) => ends.hear(data);
  return { send: text => channel.postMessage(text), close: () => channel.close() };
}

function atHub(word: string, isWall: boolean, ends: RoomEnds): Room {
  let room: Room | undefined,
    last: string | undefined,
    isClosed = false;
  const open = async (): Promise<void> => {
    const { ClassRoom, hubRoom, readCode, readHubAddress, secretsOf } = await roomAtHub.load();
    const { url, code } = readHubAddress(isWhole(CODE, word) ? `${location.origin}/#${word}` : word);
    const { classRoom, secret } = await secretsOf(readCode(code));
    if (isClosed) return;
    room = new ClassRoom({
      ...ends,
      // Each time that this is reported the room is tried again.
      told: why => ends.told?.(why && words.triedAgain(why)),
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
