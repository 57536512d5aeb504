/**
 * The symbols that a Linux kernel carries in its own read-only data, found there without its help: CONFIG_KALLSYMS with CONFIG_KALLSYMS_BASE_RELATIVE, of 32
 * or 64 bits, these with CONFIG_KALLSYMS_ABSOLUTE_PERCPU or without (since 6.15). Source: scripts/kallsyms.c (what is written, in which order),
 * kernel/kallsyms.c (how it is read).
 */

/** The tokens of the digits follow on one another, and each represents itself: they are what is looked for. */
const DIGITS = Uint8Array.from([...'0123456789'].flatMap(digit => [digit.charCodeAt(0), 0])),
  ZERO = 0x30,
  TOKENS = 256;
/** Names that share a marker. */
const MARKED = 256;
/** From here on a length has a second byte. */
const LONG = 0x80,
  LONGEST_NAME = 512;
const WORD = 4,
  HALF = 2 ** 32,
  /** Each part begins at a multiple of a pointer's size (ALGN of scripts/kallsyms.c). */
  POINTERS = [4, 8] as const,
  /** Kernels of 64 bits lie in the upper half of the canonical addresses: high word of their base. */
  LOWEST_HIGH = 0xffff8000,
  /** Of a name's place in the order of names. */
  ORDER_BYTES = 3,
  MOST_NAMES = 2 ** 20;

export interface Symbols {
  readonly count: number;
  /** The symbol at or before an address, and how far behind it that lies; undefined: it lies before or behind all of them. */
  at(address: number): { name: string; offset: number } | undefined;
}

type Pointer = (typeof POINTERS)[number];

const up = (at: number, pointer: number): number => (at + pointer - 1) & -pointer;

/** In `bytes`, a copy of the kernel's memory from its text on, as far as its read-only data go; undefined: there is no such table. */
export function findKallsyms(bytes: Uint8Array): Symbols | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = indexOf(bytes, DIGITS, 0); at >= 0; at = indexOf(bytes, DIGITS, at + 1)) {
    for (const pointer of POINTERS) {
      const tokens = tokensRound(bytes, view, at, pointer),
        found = tokens && tableBefore(bytes, view, tokens, pointer);
      if (found) return found;
    }
  }
  return undefined;
}

interface Tokens {
  start: number;
  end: number;
  texts: string[];
}

/** The 256 tokens, of which that of the digit 0 is at `zeroAt`: where they begin says the index behind them, which must agree with all of them. */
function tokensRound(bytes: Uint8Array, view: DataView, zeroAt: number, pointer: Pointer): Tokens | undefined {
  const behind = (at: number, tokens: number): number => {
    for (let left = tokens; left > 0 && at > 0; left--) at = bytes.indexOf(0, at) + 1;
    return at;
  };
  const index = up(behind(zeroAt, TOKENS - ZERO), pointer),
    end = index + 2 * TOKENS;
  if (index < zeroAt || end > bytes.length) return undefined;
  const start = zeroAt - view.getUint16(index + 2 * ZERO, true),
    texts: string[] = [];
  if (start < 0 || start % pointer !== 0) return undefined;
  for (let token = 0, at = start; token < TOKENS; token++) {
    const next = behind(at, 1);
    if (
      view.getUint16(index + 2 * token, true) !== at - start ||
      next <= at ||
      next > index ||
      next - at > LONGEST_NAME
    )
      return undefined;
    texts.push(String.fromCharCode(...bytes.subarray(at, next - 1)));
    at = next;
  }
  return { start, end, texts };
}

type Word = (at: number) => number;

/**
 * Before the tokens lie the markers, the names and their number, and since 6.2 (6.1.y has it, too) the order of names in three bytes each between markers and
 * tokens; addresses lie before all that, or behind the tokens' index (since 6.4).
 */
function tableBefore(
  bytes: Uint8Array,
  view: DataView,
  { start, end, texts }: Tokens,
  pointer: Pointer,
): Symbols | undefined {
  const word: Word = at => (at >= 0 && at + WORD <= bytes.length ? view.getUint32(at, true) : 0);
  for (const { at: markers, marked, only } of markersBefore(word, start, pointer)) {
    const last = word(markers + WORD * (marked - 1));
    for (
      let names = (markers - last) & -pointer;
      names >= pointer && markers - last - names <= MARKED * LONGEST_NAME;
      names -= pointer
    ) {
      const count = word(names - pointer);
      if (Math.ceil(count / MARKED) !== marked || (only !== undefined && only !== count)) continue;
      const table = new Names(
        bytes.slice(names, markers),
        Array.from({ length: marked }, (_, i) => word(markers + WORD * i)),
        texts,
      );
      if (up(table.placeOf(count), pointer) !== markers - names) continue;
      for (const [offsets, base] of [
        [names - 2 * pointer - up(WORD * count, pointer), names - 2 * pointer],
        [end, end + up(WORD * count, pointer)],
      ] as const) {
        const found = addressesAt(word, offsets, base, count, pointer);
        if (found)
          return {
            count,
            at: address => lookUp(found.addresses, address, index => table.text(found.first + index)),
          };
      }
    }
  }
  return undefined;
}

/** Where they may lie, and how many they are; `only`: how many names there are then. */
function* markersBefore(
  word: Word,
  start: number,
  pointer: Pointer,
): Generator<{ at: number; marked: number; only?: number }> {
  const grow = (at: number, marked: number): boolean => {
    for (let i = 1; i < marked; i++) if (word(at + WORD * i) <= word(at + WORD * (i - 1))) return false;
    return word(at) === 0;
  };
  for (let marked = 1; marked <= MOST_NAMES / MARKED && WORD * marked < start; marked++) {
    const at = start - up(WORD * marked, pointer);
    if (word(at) === 0 && grow(at, marked)) yield { at, marked };
  }
  for (let only = 1; only <= MOST_NAMES; only++) {
    const marked = Math.ceil(only / MARKED),
      at = start - up(ORDER_BYTES * only, pointer) - up(WORD * marked, pointer);
    if (at < 0) return;
    if (word(at) === 0 && grow(at, marked)) yield { at, marked, only };
  }
}

/** Names one after the other, as tokens behind their number; a marker tells where each 256th begins. */
class Names {
  private readonly bytes: Uint8Array;
  private readonly markers: readonly number[];
  private readonly tokens: readonly string[];

  constructor(bytes: Uint8Array, markers: readonly number[], tokens: readonly string[]) {
    this.bytes = bytes;
    this.markers = markers;
    this.tokens = tokens;
  }

  /** Of the one behind the last, too. */
  placeOf(index: number): number {
    const marker = Math.min(Math.floor(index / MARKED), this.markers.length - 1);
    let at = this.markers[marker]!;
    for (let left = index - MARKED * marker; left > 0 && at < this.bytes.length; left--) at = this.next(at);
    return at;
  }

  text(index: number): string {
    const at = this.placeOf(index),
      codes = this.bytes.subarray(at + (this.bytes[at]! >= LONG ? 2 : 1), this.next(at));
    // Its first letter is its kind.
    return [...codes]
      .map(code => this.tokens[code])
      .join('')
      .slice(1);
  }

  private next(at: number): number {
    const length = this.bytes[at]!;
    return length >= LONG ? at + 2 + (length & (LONG - 1)) + LONG * this.bytes[at + 1]! : at + 1 + length;
  }
}

/**
 * Addresses of 64 bits have signs (hypervisor/view/address.ts), and `first` is the number of the first one's name. Sorted, or it is something else. Per-CPU
 * variables come first, at addresses from 0 on that are not relative to the base: they name no code. A name's word is then its address, or below 0 its
 * distance from the base, -1 for 0 (kallsyms_sym_address).
 */
function addressesAt(
  word: Word,
  offsets: number,
  base: number,
  count: number,
  pointer: Pointer,
): { addresses: Float64Array; first: number } | undefined {
  if (offsets < 0) return undefined;
  if (pointer === WORD) return sorted(count, 0, i => (word(base) + word(offsets + WORD * i)) >>> 0);
  if (word(base + WORD) < LOWEST_HIGH) return undefined;
  const from = (word(base + WORD) | 0) * HALF + word(base),
    relative = sorted(count, 0, i => from + word(offsets + WORD * i));
  if (relative) return relative;
  let absolute = 0;
  while (absolute < count && (word(offsets + WORD * absolute) | 0) >= 0) absolute++;
  return sorted(count, absolute, i => from - 1 - (word(offsets + WORD * i) | 0));
}

function sorted(
  count: number,
  first: number,
  at: (index: number) => number,
): { addresses: Float64Array; first: number } | undefined {
  const addresses = new Float64Array(count - first);
  for (let i = first; i < count; i++) {
    addresses[i - first] = at(i);
    if (i > first && addresses[i - first]! < addresses[i - first - 1]!) return undefined;
  }
  return addresses[0] === addresses.at(-1) ? undefined : { addresses, first };
}

/** Of several at one address the first, as the kernel itself has it. */
export function lookUp(
  addresses: Float64Array,
  address: number,
  text: (index: number) => string,
): { name: string; offset: number } | undefined {
  let low = 0,
    high = addresses.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (addresses[middle]! <= address) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || (low === addresses.length && addresses[low - 1] !== address)) return undefined;
  let index = low - 1;
  while (index > 0 && addresses[index - 1] === addresses[index]) index--;
  return { name: text(index), offset: address - addresses[index]! };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(wanted[0]!, from);
    at >= 0 && at + wanted.length <= bytes.length;
    at = bytes.indexOf(wanted[0]!, at + 1)
  ) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}
