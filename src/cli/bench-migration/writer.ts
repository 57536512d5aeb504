/** A guest with a dial: it writes to so many frames of its memory, one after the other, and spins between two writes. */

const LOAD = 0x100000,
  ENTRY = LOAD + 0x20;
/** The first guest frame that it writes to. */
export const FIRST_GFN = 0x200;
/** The one whose first word it counts up beside each write; where it writes nothing else, all the time. */
export const BEAT_GFN = FIRST_GFN - 1;
const FRAME_BYTES = 0x1000;

export interface Dial {
  /** 0: it does nothing but count. */
  frames: number;
  /** Instructions between two writes, by twos. */
  spins: number;
}

/** The first ones that are tried: so many that the time of a write is next to nothing beside theirs. */
const TRIED_SPINS = 40_000;
/** So often they are tried at most, until the guest writes as often as it is to but for so much of that. */
const MOST_TRIES = 4,
  CLOSE = 0.15;

export const withSpins = <Row extends { dial: Dial }>(row: Row, spins: number): Row => ({
  ...row,
  dial: { ...row.dial, spins },
});

/** For as many writes a second; `rateWith`: how many there are with so many spins. What runs for longer is compiled better: once is not enough. */
export async function spinsFor(framesPerSecond: number, rateWith: (spins: number) => Promise<number>): Promise<number> {
  let spins = TRIED_SPINS;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const ratio = (await rateWith(spins)) / framesPerSecond;
    if (Math.abs(ratio - 1) < CLOSE) break;
    spins = Math.max(1, Math.round(spins * ratio));
  }
  return spins;
}

const d = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 255);
const BEAT = [0xff, 0x05, ...d(BEAT_GFN * FRAME_BYTES)]; // inc dword [beat]

/** For n = 1, 2, …: the first word of each frame becomes n. */
function program({ frames, spins }: Dial): number[] {
  if (frames === 0) return [...BEAT, 0xeb, 256 - BEAT.length - 2];
  const frame = [
    ...[0x89, 0x1f], // mov [edi], ebx
    ...BEAT,
    ...[0xba, ...d(spins)], // mov edx, spins
    ...[0x4a, 0x75, 0xfd], // dec edx; jnz to it
    ...[0x81, 0xc7, ...d(FRAME_BYTES)], // add edi, 4096
    0x49, // dec ecx
  ];
  const round = [
    0x43, // inc ebx
    ...[0xbf, ...d(FIRST_GFN * FRAME_BYTES)], // mov edi, first
    ...[0xb9, ...d(frames)], // mov ecx, frames
    ...frame,
    ...[0x75, 256 - frame.length - 2], // jnz frame
  ];
  return [0x31, 0xdb, ...round, 0xe9, ...d(-(round.length + 5))];
}

/** A multiboot 1 kernel. */
export function writer(dial: Dial): Uint8Array {
  const code = program(dial);
  const bytes = new Uint8Array(0x20 + code.length);
  const view = new DataView(bytes.buffer);
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), LOAD, LOAD, LOAD + bytes.length, LOAD + bytes.length, ENTRY].forEach(
    (word, i) => view.setInt32(4 * i, word | 0, true),
  );
  bytes.set(code, 0x20);
  return bytes;
}

/** What contradicts that it has written all that it has counted; undefined: nothing. `word`: the first of a guest frame. */
export function writerProblem({ frames }: Dial, word: (gfn: number) => number): string | undefined {
  let last = word(FIRST_GFN);
  let steps = 0;
  for (let i = 1; i < frames; i++) {
    const now = word(FIRST_GFN + i);
    if (now === last - 1) steps++;
    else if (now !== last) return `frame ${i} has ${now}, and the one before ${last}`;
    last = now;
  }
  return steps > 1 ? `${steps} rounds are half done at once` : undefined;
}
