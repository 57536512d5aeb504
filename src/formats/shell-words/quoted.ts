/** A word as POSIX shells read it back: in quotes where it has a character that means something to them. */
export const quoted = (word: string): string =>
  /^[\w./:+,=@%-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
