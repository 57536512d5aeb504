/**
 * How memory is copied while its guest runs. `migrate`: libxc's own rounds, the last of which is few frames. `save`: a file keeps every copy, so a round that has
 * not half of the one before is not worth it. `checkpoint`: as `save`, and once the state is whole, the next one of this kind has only what was written since.
 */
export type Precopy = 'save' | 'migrate' | 'checkpoint';

/** How far memory is copied while its guest runs, in libxc's words (struct precopy_stats of xenguest.h). */
export interface PrecopyRound {
  /** 0: all of memory; the next ones: what was written during the one before. */
  iteration: number;
  /** Frames of this round, and those of them that were copied. */
  dirty: number;
  copied: number;
  /** Frames that are still to go: of this round; once all of it was copied, those that were written meanwhile. */
  left: number;
  /** Of a round behind the first: what part of each sixty-fourth of memory was written. */
  written?: readonly number[];
}

/** How a domain that moves is to be copied. */
export interface PrecopyWish {
  /** Rounds at most while it runs (libxc's 5). */
  mostRounds?: number;
  /** All of memory comes again while it is paused, to be compared (libxc's VERIFY). */
  verify?: boolean;
  /** From now on nothing more is copied ahead, and what is left stays here, to be fetched once it runs there (post-copy). */
  leaves?: boolean;
  /** From now on nothing more is copied ahead, and what is left goes while it is paused. */
  stops?: boolean;
  /** Frames that may go while it is paused; absent: libxc's 50, once those have gone while it ran. */
  fewFrames?: number;
}

/** A part of a domain's saved state, as it is passed to its reader. */
export interface SavedPart {
  /** The next pieces of the file, in their order. */
  pieces: Uint8Array[];
  /** There is no more of what was asked for. */
  isLast: boolean;
  /** Of a domain that moves: what it has written of its drives here since the last part (DISK records of a saved state). */
  blocks?: Uint8Array[];
  /** Of a domain that moves: of memory that is copied while the guest runs. */
  round?: PrecopyRound;
  /** A few times, while the guest runs: a state of its own, but for memory and disks, for the other host to try. */
  rehearsal?: Uint8Array;
}
