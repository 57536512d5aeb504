/** Where a domain stops, in words: why it did, and the lines that change it. */
export { backCommand, BREAK_FLAGS, breakCommand, LAST_FLAGS, pointValue, pointWords } from './commands.ts';
export { goInPast, runToNext, setBreaks } from './stops.ts';
export { hex, reasonOf, spelled } from './words.ts';
