/** What src/devices/floppy offers to other rooms. */
export { floppyProblem, isFloppySize } from './formats.ts';
