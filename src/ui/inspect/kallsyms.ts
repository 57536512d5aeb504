/**
 * The symbols that a Linux kernel carries in its own read-only data, found there without its help: CONFIG_KALLSYMS with CONFIG_KALLSYMS_BASE_RELATIVE, of 32
 * bits. Source: scripts/kallsyms.c (what is written, in which order), kernel/kallsyms.c (how it is read).
 */

/** The tokens of the digits follow on one another, and each stands for itself: they are what is looked for. */
const DIGITS = Uint8Array.from([...'0123456789'].flatMap(digit => [digit.charCodeAt(0), 0])),
  ZERO = 0x30,
  TOKENS = 256;
/** Names that share a marker. */
const MARKED = 256;
/** From here on a length has a second byte. */
const LONG = 0x80,
  LONGEST_NAME = 512;
const WORD = 4,
  /** Of a name's place in the order of names. */
  ORDER_BYTES = 3,
  MOST_NAMES = 2 ** 20;

export interface Symbols {
  readonly count: number;
  /** The symbol at or before an address, and how far behind it that lies; undefined: it lies before or behind all of them. */
  at(address: number): { name: string; offset: number } | undefined;
}

const up = (at: number): number => (at + WORD - 1) & -WORD;

/** In `bytes`, a copy of the kernel's memory from its text on, as far as its read-only data go; undefined: there is no such table. */
export function findKallsyms(bytes: Uint8Array): Symbols | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = indexOf(bytes, DIGITS, 0); at >= 0; at = indexOf(bytes, DIGITS, at + 1)) {
    const tokens = tokensRound(bytes, view, at),
      found = tokens && tableBefore(bytes, view, tokens);
    if (found) return found;
  }
  return undefined;
}

interface Tokens {
  start: number;
  end: number;
  texts: string[];
}

/** The 256 tokens, of which that of the digit 0 stands at `zeroAt`: where they begin says the index behind them, which must agree with all of them. */
function tokensRound(bytes: Uint8Array, view: DataView, zeroAt: number): Tokens | undefined {
  const behind = (at: number, tokens: number): number => {
    for (let left = tokens; left > 0 && at > 0; left--) at = bytes.indexOf(0, at) + 1;
    return at;
  };
  const index = up(behind(zeroAt, TOKENS - ZERO)),
    end = index + 2 * TOKENS;
  if (index < zeroAt || end > bytes.length) return undefined;
  const start = zeroAt - view.getUint16(index + 2 * ZERO, true),
    texts: string[] = [];
  if (start < 0 || start % WORD !== 0) return undefined;
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
function tableBefore(bytes: Uint8Array, view: DataView, { start, end, texts }: Tokens): Symbols | undefined {
  const word: Word = at => (at >= 0 && at + WORD <= bytes.length ? view.getUint32(at, true) : 0);
  for (const { at: markers, marked, only } of markersBefore(word, start)) {
    const last = word(markers + WORD * (marked - 1));
    for (
      let names = (markers - last) & -WORD;
      names >= WORD && markers - last - names <= MARKED * LONGEST_NAME;
      names -= WORD
    ) {
      const count = word(names - WORD);
      if (Math.ceil(count / MARKED) !== marked || (only !== undefined && only !== count)) continue;
      const table = new Names(
        bytes.slice(names, markers),
        Array.from({ length: marked }, (_, i) => word(markers + WORD * i)),
        texts,
      );
      if (up(table.placeOf(count)) !== markers - names) continue;
      for (const [offsets, base] of [
        [names - 2 * WORD - WORD * count, names - 2 * WORD],
        [end, end + WORD * count],
      ] as const) {
        const addresses = addressesAt(word, offsets, base, count);
        if (addresses) return { count, at: address => lookUp(addresses, address, index => table.text(index)) };
      }
    }
  }
  return undefined;
}

/** Where they may lie, and how many they are; `only`: how many names there are then. */
function* markersBefore(word: Word, start: number): Generator<{ at: number; marked: number; only?: number }> {
  const grow = (at: number, marked: number): boolean => {
    for (let i = 1; i < marked; i++) if (word(at + WORD * i) <= word(at + WORD * (i - 1))) return false;
    return word(at) === 0;
  };
  for (let marked = 1; marked <= MOST_NAMES / MARKED && WORD * marked < start; marked++)
    if (word(start - WORD * marked) === 0) {
      if (grow(start - WORD * marked, marked)) yield { at: start - WORD * marked, marked };
      break;
    }
  for (let only = 1; only <= MOST_NAMES; only++) {
    const marked = Math.ceil(only / MARKED),
      at = start - up(ORDER_BYTES * only) - WORD * marked;
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

/** Sorted, or it is something else. */
function addressesAt(
  word: (at: number) => number,
  offsets: number,
  base: number,
  count: number,
): Uint32Array | undefined {
  if (offsets < 0) return undefined;
  const addresses = new Uint32Array(count),
    from = word(base);
  for (let i = 0; i < count; i++) {
    addresses[i] = from + word(offsets + WORD * i);
    if (i > 0 && addresses[i]! < addresses[i - 1]!) return undefined;
  }
  return addresses[0] === addresses[count - 1] ? undefined : addresses;
}

/** Of several at one address the first, as the kernel itself has it. */
export function lookUp(
  addresses: Uint32Array,
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
