/** What src/dom0/backends/console offers to other rooms. */
export { ConsoleHistory } from './console-history.ts';
export { ConsoleLog } from './console-log.ts';
export { PvConsole } from './pv-console.ts';
