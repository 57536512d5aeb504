/** The second tier (src/cpu/region) as its owner sees it: what it is given, what it did, what it made. */
import type { Decoded } from '../table/index.ts';
import type { Features } from './cpuid.ts';

/** Makes a function from its text and the values that it names. Null: that is not allowed here. Undefined: not yet; it is asked again. @throws SyntaxError */
export type Compile = (
  names: readonly string[],
  text: string,
) => ((...values: unknown[]) => unknown) | null | undefined;

/** `new Function`; null where a page's policy forbids it. */
export const functionOf: Compile = (names, text) => {
  try {
    return new Function(...names, text) as (...values: unknown[]) => unknown;
  } catch (error) {
    // Policies make it an EvalError; the types of those that want trusted text differ.
    if (error instanceof SyntaxError) throw error;
    return null;
  }
};

/** A page that a region was made from: how many pages behind that of the entry, its table of records, the machine address of its frame. */
export interface RegionPage {
  number: number;
  table: number;
  frame: number;
  /** First and last byte of each instruction that begins here, offsets in the page; the last may lie in the page that follows. */
  ranges: [first: number, last: number][];
  /** Bytes at its start that belong to an instruction which begins in the page before. */
  tail: number;
}

/** A page of code: its table of records, the machine address of its frame, and whether a region begins at an offset that one more is to lead to, not to repeat. */
export interface CodePage {
  table: number;
  frame: number;
  begins(offset: number): boolean;
}

/** A page of code by number; null: none of it was decoded. */
export type FindPage = (number: number) => CodePage | null;

/** What code is next to its bytes. */
export interface CodeKind {
  /** As the mode key says (../mode.ts). */
  code32: boolean;
  stack32: boolean;
  flat: boolean;
  /** Where loads of segment registers find bases: in selectors, as in real mode and in virtual-8086 mode, or in descriptors. */
  segments: 'real' | 'virtual' | 'protected';
  /** EIP at which the page of the entry begins: less than 0 where the segment begins in the page. */
  pageEip: number;
}

/** What was seen of the code that a region is made from, by offsets from the beginning of page 0. */
export interface Seen {
  kind: CodeKind;
  /** Instructions that ran. Where a conditional branch is among them, the region holds of its two ways those that ran. */
  ran: ReadonlySet<number>;
  /** Instructions at which control often left a region, since what they access is no memory, not aligned, or lies next to code: these are called. */
  missed: ReadonlySet<number>;
}

/** 32-bit code in flat segments with a flat stack: its addresses are linear addresses. */
export const isLinear = ({ code32, stack32, flat }: CodeKind): boolean => code32 && stack32 && flat;

/** A processor where a region would be entered: its general registers; whether the TLB knows a linear page of its privilege for reads, and for plain stores. */
export interface EntryState {
  registers: ArrayLike<number>;
  reads(page: number): boolean;
  writes(page: number): boolean;
}

/** Where the instructions of such pages lie in machine memory, piece by piece. */
export const codeOf = (memory: Uint8Array, pages: readonly RegionPage[]): Uint8Array[] =>
  pages.flatMap(({ frame, ranges, tail }) => [
    ...ranges.map(([first, last]) => memory.subarray(frame + first, frame + Math.min(last, 4095) + 1)),
    memory.subarray(frame, frame + tail),
  ]);

/** A region as the compiler makes it: the text of its function, and of which bytes it was made. */
export interface RegionText {
  text: string;
  /** A copy of `codeOf` its pages from when its instructions were found. */
  code: readonly Uint8Array[];
  /** Most instructions from the entry to the first test of the budget. */
  longest: number;
  instructions: number;
  /** The entry's first. */
  pages: readonly RegionPage[];
  /** It leaves at once where registers do not point where they did when it was compiled. */
  windows: boolean;
  /** Instructions that it calls by records of its own: its function takes their numbers as `calls`. */
  calls: readonly { offset: number; decoded: Decoded }[];
}

/** Work that is done a step at a time: each `next` is short. */
export type Steps<T> = Generator<undefined, T, undefined>;

export interface RegionCompiler {
  /**
   * The region that begins at `offset` of page 0; null: nothing to compile there. `user`: S_USER where it is to run. `entry`: the state that it
   * expects to be entered in (windows.ts), looked at in the first step; null: none. `isLasting`: what is hot stays so, and is worth a large region. The code's bytes may
   * change between steps: `codeOf` tells.
   */
  compile(
    seen: Seen,
    offset: number,
    find: FindPage,
    user: number,
    entry: EntryState | null,
    isLasting?: boolean,
  ): Steps<RegionText | null>;
  /**
   * Linear address where a region had best begin, given those of instructions that ran one after the other; `find` knows pages by linear page number. Null: nothing
   * goes round.
   */
  head(code32: boolean, trace: readonly number[], find: FindPage): number | null;
}

/** What the second tier did. */
export interface RegionStatistics {
  /** Regions there are, and characters of their text. */
  regions: number;
  characters: number;
  compiled: number;
  /** Regions that made room, that a frame's change took, and that brought too little. */
  evicted: number;
  dropped: number;
  givenUp: number;
  /** Instructions that regions ran. */
  retired: number;
  /** Looks at where the guest is, each this many instructions, and those among them before which regions had run most instructions. */
  samples: number;
  regionSamples: number;
}

/** A region there is, for people. */
export interface RegionView {
  /** Linear address of its first instruction where it was compiled. */
  linear: number;
  code32: boolean;
  /** Its instructions in the order of their offsets from the start of the first one's page: where their bytes are in machine memory, and the frame of the page that follows. */
  code: readonly { offset: number; machine: number; length: number; next: number }[];
  text: string;
  /** Instructions that it ran. */
  retired: number;
}

export interface RegionOptions {
  compile: Compile;
  /** Samples in an epoch from which a place is compiled; 1: whatever a batch begins at. */
  threshold?: number;
}

/** The second tier of a processor. */
export interface Regions {
  readonly statistics: Readonly<RegionStatistics>;
  /** Something is hot, and nobody has called `useCompiler` or `failed` yet. */
  readonly wantsCompiler: boolean;
  /** It cannot go on before the event loop had its turn: it wants the compiler, or a text is on its way to become a function. */
  readonly waiting: boolean;
  /** Neither compiles nor runs anything: that is not allowed here, or the compiler could not be loaded. */
  readonly off: boolean;
  useCompiler(create: (bytes: Uint8Array, features: () => Features) => RegionCompiler): void;
  /** There will be no compiler. */
  failed(): void;
  /** Those that ran most, the first `count` of them. */
  hottest(count: number): RegionView[];
  /** Bytes that the processor holds for translated code: records and their tables. */
  readonly recordBytes: number;
}
