/**
 * Words of S, the scratch state that generated and written code share. Nothing in it outlives `run()`, so no saved state holds it.
 */
export const S_STOP = 0,
  /** Instructions that may still begin. */ S_BUDGET = 1,
  /** EIP at which the page of the code that runs begins. */ S_PAGE_EIP = 2,
  /** Where the TLB's entries for the current privilege begin: 0 or USER. */ S_USER = 3,
  /** Budget at which the instruction under way began an interrupt shadow; -1: none did. */ S_SHADOW = 4,
  /** Record of the branch that was just taken, whose target is to be remembered; 0: none. */ S_PATCH = 5,
  /** Which shadow that is: 1 after STI, 2 after MOV SS. */ S_SHADOW_KIND = 7,
  /** Instructions that a region's call took from the budget though they did not run (region/transfers.ts). */ S_LOST = 6,
  /** High half of the value of 64 bits, or of the effective address, that a function returned the low half of. */ S_HIGH = 8,
  S_WORDS = 16;

/** S_STOP: keep going; EIP or mode changed, look the record up again; leave `run()`; the code here was rewritten, look the next record up; something was thrown. */
export const GO = 0,
  JUMP = 1,
  EXIT = 2,
  STALE = 3,
  THROWN = 4;

/** Pages of 4 GiB: tables by linear page have the supervisor's entries first, the user's from here on. */
export const USER = 1 << 20;
