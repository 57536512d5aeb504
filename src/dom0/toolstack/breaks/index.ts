/** Where a domain stops, in words: why it did, and the lines that change it. */
export { BREAK_FLAGS, breakCommand, pointWords } from './commands.ts';
export { hex, reasonOf, spelled } from './words.ts';
