/** Commands as values. How they are spelled is in ../index.ts, which comes with all commands. */
export { commandOf, type CommandValue, type Line, type Verb } from './command-value.ts';
