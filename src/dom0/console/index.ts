/** What src/dom0/console offers to other rooms. */
export { ConsoleHistory } from './console-history.ts';
