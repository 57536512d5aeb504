/** What src/dom0/backends/console offers to other rooms. */
export { ConsoleHistory } from './console-history.ts';
