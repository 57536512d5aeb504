/** How much a lesson may be. */

/** Characters of a lesson's file. Of a longer one so much is kept as shows that it is too long. */
export const MOST_CHARACTERS = 128 * 1024;
