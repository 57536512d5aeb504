/**
 * A guest with a dial: it writes to this many frames of its memory, one after the other, and spins between two writes. It is a kernel, or a program of Linux
 * (linux.ts); what it knows of itself lies in a page of its own, the beat's, where others find it by its mark.
 */
import { FRAME_BYTES } from '../../hypervisor/memory/index.ts';

/** Words of the beat's page. */
export const WORD = {
  /** Is counted up next to each write; where it writes nothing else, all the time. */
  BEAT: 0,
  /** Instructions between two writes, by twos: who turns the dial writes there. */
  SPINS: 1,
  /** The round that it is in, from 1. */
  ROUND: 2,
  /** Frames that did not have what it wrote in the round before. */
  LOST: 3,
  MARK: 4,
} as const;
/** “Ringside's beat.” */
export const MARK = [0x676e6952, 0x65646973, 0x62207327, 0x2e746165];

export interface Dial {
  /** 0: it does nothing but count. */
  frames: number;
  /** At first. */
  spins: number;
}

/** The first ones that are tried: this many that the time of a write is next to nothing next to theirs. */
const TRIED_SPINS = 40_000;
/** This often they are tried at most, until the guest writes as often as it is to but for so much of that. */
const MOST_TRIES = 4,
  CLOSE = 0.15;

/** For as many writes a second; `rateWith`: how many there are with this many spins. What runs for longer is compiled better: once is not enough. */
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
/** A displacement of 8 bits from behind a jump that follows `bytes` and goes back over them. */
const back = (bytes: number): number => 256 - bytes - 2;

/** For n = 1, 2, …: the first word of each frame becomes n, and was n - 1. `beat`, `first`: addresses of the beat's page and of the frames. */
function program({ frames, spins }: Dial, beat: number, first: number): number[] {
  const at = (word: number): number[] => d(beat + 4 * word);
  const set = (word: number, value: number): number[] => [0xc7, 0x05, ...at(word), ...d(value)]; // mov dword [word], value
  const count = [0xff, 0x05, ...at(WORD.BEAT)]; // inc dword [beat]
  const begin = [...MARK.flatMap((mark, i) => set(WORD.MARK + i, mark)), ...set(WORD.SPINS, spins)];
  if (frames === 0) return [...begin, ...count, 0xeb, back(count.length)];
  const lost = [0xff, 0x05, ...at(WORD.LOST)]; // inc dword [lost]
  const frame = [
    ...[0x39, 0x07, 0x74, lost.length], // cmp [edi], eax; je over it
    ...lost,
    ...[0x89, 0x1f], // mov [edi], ebx
    ...count,
    ...[0x8b, 0x15, ...at(WORD.SPINS)], // mov edx, [spins]
    ...[0x4a, 0x75, 0xfd], // dec edx; jnz to it
    ...[0x81, 0xc7, ...d(FRAME_BYTES)], // add edi, 4096
    0x49, // dec ecx
  ];
  const round = [
    ...[0x89, 0xd8, 0x43], // mov eax, ebx; inc ebx
    ...[0x89, 0x1d, ...at(WORD.ROUND)], // mov [round], ebx
    ...[0xbf, ...d(first)], // mov edi, first
    ...[0xb9, ...d(frames)], // mov ecx, frames
    ...frame,
    ...[0x75, back(frame.length)], // jnz frame
  ];
  return [...begin, 0x31, 0xdb, ...round, 0xe9, ...d(-(round.length + 5))];
}

/** The header's length, and the code behind it. */
const bytesOf = (header: Uint8Array, code: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(header.length + code.length);
  bytes.set(header);
  bytes.set(code, header.length);
  return bytes;
};

const KERNEL_LOAD = 0x100000,
  KERNEL_BEAT = 0x1ff000,
  KERNEL_HEADER_BYTES = 0x20;
/** The first guest frame that the kernel writes to. */
export const FIRST_GFN = KERNEL_BEAT / FRAME_BYTES + 1;

/** A multiboot 1 kernel. */
export function writerKernel(dial: Dial): Uint8Array {
  const code = program(dial, KERNEL_BEAT, KERNEL_BEAT + FRAME_BYTES);
  const header = new Uint8Array(KERNEL_HEADER_BYTES),
    end = KERNEL_LOAD + header.length + code.length;
  const view = new DataView(header.buffer);
  const words = [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), KERNEL_LOAD, KERNEL_LOAD, end, end];
  [...words, KERNEL_LOAD + header.length].forEach((word, i) => view.setInt32(4 * i, word | 0, true));
  return bytesOf(header, code);
}

const PROGRAM_LOAD = 0x08048000,
  PROGRAM_BEAT = PROGRAM_LOAD + FRAME_BYTES,
  ELF_HEADER_BYTES = 0x34,
  PROGRAM_HEADER_BYTES = 0x20;
const [ET_EXEC, EM_386, PT_LOAD, MAY_ALL] = [2, 3, 1, 7];

/** An i386 program of one segment (System V ABI, chapter 4: ELF header, program header), whose beat and frames are memory that it gets as it touches it. */
export function writerProgram(dial: Dial): Uint8Array {
  const code = program(dial, PROGRAM_BEAT, PROGRAM_BEAT + FRAME_BYTES);
  const header = new Uint8Array(ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const fileBytes = header.length + code.length,
    memoryBytes = (2 + dial.frames) * FRAME_BYTES;
  header.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  [ET_EXEC, EM_386].forEach((half, i) => view.setUint16(0x10 + 2 * i, half, true));
  [1, PROGRAM_LOAD + header.length, ELF_HEADER_BYTES].forEach((word, i) => view.setUint32(0x14 + 4 * i, word, true));
  [ELF_HEADER_BYTES, PROGRAM_HEADER_BYTES, 1].forEach((half, i) => view.setUint16(0x28 + 2 * i, half, true));
  [PT_LOAD, 0, PROGRAM_LOAD, PROGRAM_LOAD, fileBytes, memoryBytes, MAY_ALL, FRAME_BYTES].forEach((word, i) =>
    view.setUint32(ELF_HEADER_BYTES + 4 * i, word, true),
  );
  return bytesOf(header, code);
}
