/** What the field for a hub takes is a room, and nothing else is. */
import { afterEach, expect, it, vi } from 'vitest';
import { HUB, isHub, roomHere } from './room.ts';

afterEach(() => vi.unstubAllGlobals());

/** As a browser reads `pattern`. */
const takes = (word: string): boolean => new RegExp(`^(?:${HUB})$`, 'v').test(word);

function isRoom(word: string): boolean {
  vi.stubGlobal('location', { search: `?${new URLSearchParams({ room: word.trim() })}` });
  return roomHere() !== undefined;
}

it.each(['foo-bar', 'a:b', 'abcd-efgh-ijkl', '6ezc-8h15-77xp-3vss-', 'ftp://h/#x', 'ws://', 'ws://h x', ''])(
  '%j is no hub',
  word => {
    expect([takes(word), isRoom(word) && isHub(word.trim())]).toEqual([false, false]);
  },
);

it.each([
  '6ezc-8h15-77xp-3vss',
  '6EZC-8H15-77XP-3VSS ',
  'ws://10.0.0.2:5173/#6ezc-8h15-77xp-3vss',
  ' https://example.org/#6ezc-8h15-77xp-3vss',
])('%j is one', word => {
  expect([takes(word), isRoom(word) && isHub(word.trim())]).toEqual([true, true]);
});
