/**
 * Keys by the numbers that programs have for them. QEMU's (qnum) are codes of set 1, with bit 7 for E0; Print Screen and Pause send more than one code, and have the
 * numbers of the keys that they replaced. Linux's are the same up to F12, and its own behind it (include/uapi/linux/input-event-codes.h).
 */
import { knownKeys, set1, set2 } from './scancodes.ts';

const NOTHING_HELD = { alt: false, control: false, shift: false };
const BY_XT = new Map<number, string>([
  ...knownKeys
    .filter(code => code !== 'PrintScreen' && code !== 'Pause')
    .map(code => {
      const bytes = set1(set2(code, true, NOTHING_HELD));
      return [bytes.length > 1 ? bytes[1] | 0x80 : bytes[0], code] as const;
    }),
  [0x54, 'PrintScreen'],
  [0xb7, 'PrintScreen'],
  [0xc6, 'Pause'],
]);

/** KeyboardEvent.code; undefined: a PC's keyboard has no such key. */
export const keyOfXt = (xtCode: number): string | undefined => BY_XT.get(xtCode);

/** KEY_KPENTER and those behind it. */
const LINUX: Readonly<Record<number, number>> = {
  96: 0x9c,
  97: 0x9d,
  98: 0xb5,
  99: 0x54,
  100: 0xb8,
  102: 0xc7,
  103: 0xc8,
  104: 0xc9,
  105: 0xcb,
  106: 0xcd,
  107: 0xcf,
  108: 0xd0,
  109: 0xd1,
  110: 0xd2,
  111: 0xd3,
  119: 0xc6,
  125: 0xdb,
  126: 0xdc,
  127: 0xdd,
};
const KEY_F12 = 88;

/** The same by Linux's number. */
export const keyOfLinux = (number: number): string | undefined =>
  keyOfXt(number <= KEY_F12 ? number : (LINUX[number] ?? 0));
